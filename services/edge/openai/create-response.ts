import type { Tier, TraceContext } from '@reticle/core/domain';
import type { ItemInput, TurnParams } from '@reticle/services/session';
import type { InputCalls } from './decode-input.ts';
import type { Dialect } from './dialect.ts';
import type { ResponseProfile } from './response-profile.ts';

/** What a `create` asks for, on whatever surface it came: validated, nothing of it taken over unseen. */
export type CreateResponse = {
  readonly model: string;
  /** In order; instructions are the first. */
  readonly items: readonly ItemInput[];
  /** Calls and their outputs among the items; absent: none. */
  readonly calls?: InputCalls;
  readonly previousResponseId: string | undefined;
  readonly cacheKey: string;
  readonly params: TurnParams;
  readonly maxOutputTokens: number | undefined;
  readonly tier: Tier | undefined;
  readonly stream: boolean;
  readonly background: boolean;
  /** False: evaluate the input, generate nothing. */
  readonly generate: boolean;
  /** Whose habits its client has; absent: the SDK's. */
  readonly dialect?: Dialect;
  /** Codex's thread: without `previousResponseId`, a request goes on where its thread has warm context. */
  readonly threadId?: string | undefined;
  /** What the model gave that the request left open. */
  readonly defaults?: readonly string[];
  /** The request's place in its caller's trace. */
  readonly trace?: TraceContext | undefined;
  /** What the answer repeats of the request. */
  readonly echo: Pick<
    ResponseProfile,
    | 'maxOutputTokens'
    | 'temperature'
    | 'topP'
    | 'parallelToolCalls'
    | 'metadata'
    | 'text'
    | 'reasoning'
    | 'toolChoice'
    | 'tools'
    | 'instructions'
    | 'ignored'
  >;
};
