import { assert, ReticleError } from '@reticle/core/domain';
import type { StartWork, StreamId } from '../contract.ts';
import type { OracleKey } from './content/oracle-key.ts';
import type { TurnContent } from './content/token-write.ts';
import { turnContent, verifyPrefix, type TokenMode } from './content/turn-content.ts';
import { turnLength, type LengthMode } from './content/turn-length.ts';
import { promptOf, type Context, type Prompt } from './contexts.ts';
import { ItemCursor } from './item-cursor.ts';
import type { KvClaim } from './kv-tree.ts';
import type { PrefillJob } from './prefill-lane.ts';
import { StopMatcher } from './stop-matcher.ts';

/** Seed of a turn that names none. */
const SEED_DEFAULT = 0;

/** What a turn is made of, worked out before anything is claimed for it. */
export type TurnDraft = {
  readonly parent: Context;
  readonly prompt: Prompt;
  readonly key: OracleKey;
  readonly content: TurnContent;
  readonly items: ItemCursor;
  readonly stops: StopMatcher | undefined;
  readonly startOffset: number;
  readonly end: number;
  /** Reason of an end that nothing brings forward. */
  readonly finish: 'stop' | 'length';
};

/**
 * One turn in the driver. `prefilling` → `running` ⇄ `paused` | `stalled` → `closed`; any state may close.
 * `closed` keeps prompt, content and KV until `truncate`.
 */
export type SimStream = TurnDraft & {
  readonly id: StreamId;
  readonly claim: KvClaim;
  readonly job: PrefillJob;
  state: 'prefilling' | 'running' | 'paused' | 'stalled' | 'closed';
  /** Asked while the stream could not obey at once. */
  wish: 'none' | 'pause' | 'halt';
  started: boolean;
  stopped: boolean;
  /** End offset once closed. */
  generated: number;
};

export type TurnDraftOptions = {
  readonly mode: TokenMode;
  readonly length: LengthMode;
  readonly seed: number | undefined;
  readonly modelDigest: string;
  readonly vocab: number;
  readonly contextTokens: number;
  readonly itemEvery: number | undefined;
};

/**
 * @throws ReticleError for input that cannot be tokenised; `context_length_exceeded` when no token of output fits;
 *   `internal` for delivered tokens that this turn would not have generated
 */
export function turnDraft(work: StartWork, parent: Context, options: TurnDraftOptions): TurnDraft {
  assert(work.maxOutputTokens > 0, 'a turn may generate a token');
  const { vocab, modelDigest, mode } = options;
  const prompt = promptOf(parent, { input: work.input, afterOutput: work.afterOutput, opensAnswer: true, vocab });
  const { key, content } = turnContent({
    mode,
    modelDigest,
    vocab,
    seed: work.params.seed ?? options.seed ?? SEED_DEFAULT,
    choice: work.choice,
    inputIds: prompt.hash(),
    canary: prompt.canary,
    lastUserText: prompt.lastUserText,
  });
  const maxOutputTokens = Math.min(work.maxOutputTokens, outputRoom(prompt.tokens, options.contextTokens));
  const length = work.length ?? options.length;
  const end = turnLength({ mode, length, key, maxOutputTokens, limited: work.outputLimited ?? true });
  refuseForeign(work.forced, content, end);
  return {
    parent,
    prompt,
    key,
    content,
    items: new ItemCursor(key, options.itemEvery),
    stops: stopMatcher(work, content),
    startOffset: work.forced.length,
    end,
    finish: end < maxOutputTokens ? 'stop' : 'length',
  };
}

function outputRoom(promptTokens: number, contextTokens: number): number {
  if (promptTokens < contextTokens) return contextTokens - promptTokens;
  const details = { limit: String(contextTokens), requested: String(promptTokens + 1) };
  throw new ReticleError('context_length_exceeded', 'the context leaves no room for output', { details });
}

/**
 * Delivered tokens come from another engine through the gateway, so a difference is never the client's fault and
 * the same start would fail on every replica: `internal`, which ends the turn.
 */
function refuseForeign(forced: readonly number[], content: TurnContent, end: number): void {
  const own = verifyPrefix(content, Uint32Array.from(forced));
  const position = own >= 0 ? own : forced.length > end ? end : -1;
  if (position < 0) return;
  const details = { position: String(position) };
  throw new ReticleError('internal', 'the delivered tokens are not of this turn', { details });
}

/** The matcher of a continued turn has seen what was delivered. */
function stopMatcher({ params, forced }: StartWork, content: TurnContent): StopMatcher | undefined {
  const stops = params.stop.filter((stop) => stop !== '');
  if (stops.length === 0) return undefined;
  const matcher = new StopMatcher(stops);
  const count = forced.length;
  const text = new Uint8Array(count * content.tokenBytesMax);
  const lengths = new Uint8Array(count);
  const ids = new Uint32Array(count);
  const bytes = content.write({ from: 0, count, ids, idsAt: 0, lengths, lengthsAt: 0, text, textAt: 0 });
  matcher.feed(text.subarray(0, bytes));
  return matcher;
}
