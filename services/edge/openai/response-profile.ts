import type { Tier } from '@reticle/core/domain';
import type { Dialect } from './dialect.ts';

/** What a response repeats of its request, and what names it: known before its first token. */
export type ResponseProfile = {
  readonly id: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly model: string;
  readonly previousResponseId: string | undefined;
  readonly background: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly parallelToolCalls: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Values of the request's own `text`, `reasoning`, `tool_choice`, `tools`, `instructions`. */
  readonly text: unknown;
  readonly reasoning: unknown;
  readonly toolChoice: unknown;
  readonly tools: readonly unknown[];
  readonly instructions: string | undefined;
  /** Fields of the request that had no effect. */
  readonly ignored: readonly string[];
  /** Defaults of the model that the request left in force. */
  readonly defaults: readonly string[];
  readonly sessionId: string;
  readonly dialect: Dialect;
};

/** As OpenAI spells tiers; `fast` is their `priority`. */
export function tierWord(tier: Tier): string {
  return tier === 'fast' ? 'priority' : tier;
}
