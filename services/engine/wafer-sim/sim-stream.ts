import { assert, parseToolChoice, parseTools, ReticleError, type SimScript } from '@reticle/core/domain';
import type { StartWork, StreamId } from '../contract.ts';
import type { OracleKey } from './content/oracle-key.ts';
import type { TurnContent } from './content/token-write.ts';
import { turnContent, verifyPrefix, type TokenMode } from './content/turn-content.ts';
import { turnLength, type LengthMode } from './content/turn-length.ts';
import { writtenTokens } from './content/written-tokens.ts';
import { promptOf, type Context, type Prompt } from './contexts.ts';
import { ItemCursor, messagesEvery, scriptedItems } from './item-cursor.ts';
import type { KvClaim } from './kv-tree.ts';
import type { PrefillJob } from './prefill-lane.ts';
import type { AnswerAsk } from './script/plan-answer.ts';
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
  /** Count of forced tokens. */
  readonly startOffset: number;
  readonly end: number;
  /** A stop string has ended the turn; already true when it ends with the forced tokens. */
  stopped: boolean;
  /** Reason of an end that nothing brings forward. */
  readonly finish: 'stop' | 'length';
};

/**
 * One turn in the driver. `prefilling` → `running` ⇄ `paused` | `stalled` | `restoring` → `closed`; any state may
 * close. `restoring`: parked KV is on its way back. `closed` keeps prompt, content and KV until `truncate`.
 */
export type SimStream = TurnDraft & {
  readonly id: StreamId;
  readonly claim: KvClaim;
  /** The prefill that starts it, or the one that makes lost KV again. */
  job: PrefillJob;
  /** KV tokens of the parent that the turn started from. */
  readonly cachedTokens: number;
  state: 'prefilling' | 'running' | 'paused' | 'stalled' | 'restoring' | 'closed';
  /** Asked while the stream could not obey at once. */
  wish: 'none' | 'pause' | 'halt';
  /** Its KV may leave the wafer as soon as it is paused. */
  parks: boolean;
  /** When `restoring` ends; Infinity while a job decides. */
  readyUs: number;
  started: boolean;
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
  readonly script: SimScript;
};

/**
 * @throws ReticleError for input that cannot be tokenised, a text format that is no grammar, tools that cannot be called; `context_length_exceeded` when no token of output fits;
 *   `internal` for delivered tokens that this turn would not have generated
 */
export function turnDraft(work: StartWork, parent: Context, options: TurnDraftOptions): TurnDraft {
  assert(work.maxOutputTokens > 0, 'a turn may generate a token');
  const { vocab, modelDigest, mode } = options;
  const prompt = promptOf(parent, { input: work.input, afterOutput: work.afterOutput, opensAnswer: true, vocab });
  const {
    key,
    content,
    completeTokens,
    proseAt = 0,
    spans,
  } = turnContent({
    mode,
    modelDigest,
    vocab,
    seed: work.params.seed ?? options.seed ?? SEED_DEFAULT,
    choice: work.choice,
    inputIds: prompt.hash(),
    canary: prompt.canary,
    lastUserText: prompt.lastUserText,
    textFormat: work.params.textFormat,
    answer: answerAsk(work, prompt, options.script),
  });
  const maxOutputTokens = Math.min(work.maxOutputTokens, outputRoom(prompt.tokens, options.contextTokens));
  const length = work.length ?? options.length;
  const { tokens: whole, finish } =
    completeTokens === undefined
      ? proseEnd(proseAt, maxOutputTokens, (room) =>
          turnLength({ mode, length, key, maxOutputTokens: room, limited: work.outputLimited ?? true }),
        )
      : completeEnd(completeTokens, maxOutputTokens);
  const forced = forcedPrefix(work, content);
  const end = forced.stopped ? forced.end : whole;
  if (work.forced.length > end) throw foreign(end);
  return {
    parent,
    prompt,
    key,
    content,
    items: new ItemCursor(key, spans === undefined ? messagesEvery(options.itemEvery) : scriptedItems(spans)),
    stops: forced.stops,
    startOffset: work.forced.length,
    end,
    stopped: forced.stopped,
    finish,
  };
}

/** Where a turn that nobody cuts ends, and why. */
type WholeTurn = { readonly tokens: number; readonly finish: 'stop' | 'length' };

/** Prose from `proseAt` on is as long as its length says. */
function proseEnd(proseAt: number, maxOutputTokens: number, lengthIn: (room: number) => number): WholeTurn {
  if (proseAt >= maxOutputTokens) return { tokens: maxOutputTokens, finish: 'length' };
  const tokens = proseAt + lengthIn(maxOutputTokens - proseAt);
  return { tokens, finish: tokens < maxOutputTokens ? 'stop' : 'length' };
}

/** A complete text has an end of its own, whatever length is asked for. */
function completeEnd(tokens: number, maxOutputTokens: number): WholeTurn {
  return tokens <= maxOutputTokens ? { tokens, finish: 'stop' } : { tokens: maxOutputTokens, finish: 'length' };
}

/** What the script and the request say about the turn's items; undefined where neither can say anything. */
function answerAsk({ params }: StartWork, prompt: Prompt, script: SimScript): AnswerAsk | undefined {
  const choice =
    params.toolChoice === undefined
      ? ({ mode: 'auto' } as const)
      : parseToolChoice(params.toolChoice, 'params.tool_choice_json');
  if (script.length === 0 && choice.mode !== 'required') return undefined;
  const own = params.tools === undefined ? [] : parseTools(params.tools, 'params.tools_json').tools;
  const { lastItem, additionalTools } = prompt;
  return {
    script,
    lastItem,
    tools: [...own, ...additionalTools],
    choice,
    parallelToolCalls: params.parallelToolCalls ?? true,
  };
}

/** A refusal that another replica may not give. */
export function noCapacity(message: string): ReticleError {
  return new ReticleError('no_capacity', message);
}

function outputRoom(promptTokens: number, contextTokens: number): number {
  if (promptTokens < contextTokens) return contextTokens - promptTokens;
  const details = { limit: String(contextTokens), requested: String(promptTokens + 1) };
  throw new ReticleError('context_length_exceeded', 'the context leaves no room for output', { details });
}

/** What the forced tokens leave behind: a matcher that has seen them, and where a stop string ended among them. */
type ForcedPrefix = {
  readonly stops: StopMatcher | undefined;
  readonly stopped: boolean;
  readonly end: number;
};

function forcedPrefix({ params, forced }: StartWork, content: TurnContent): ForcedPrefix {
  const differing = verifyPrefix(content, Uint32Array.from(forced));
  if (differing >= 0) throw foreign(differing);
  const texts = params.stop.filter((stop) => stop !== '');
  if (texts.length === 0) return { stops: undefined, stopped: false, end: 0 };
  const stops = new StopMatcher(texts);
  const { lengths, text } = writtenTokens(content, 0, forced.length);
  const matched = stops.feed(text);
  let end = 0;
  for (let bytes = 0; bytes < matched; end += 1) bytes += lengths[end] ?? 0;
  return { stops, stopped: matched >= 0, end };
}

/**
 * Forced tokens come from another engine through the gateway, so a difference is never the client's fault and the
 * same start would fail on every replica: `internal`, which ends the turn.
 */
function foreign(position: number): ReticleError {
  const details = { position: String(position) };
  return new ReticleError('internal', 'the delivered tokens are not of this turn', { details });
}
