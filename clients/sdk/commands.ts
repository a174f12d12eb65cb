/** What a client asks, as wire messages. */
import { tierNumber, wireDuration, type Tier } from '@reticle/core/domain';
import type { FramePolicy__Input } from '@reticle/proto/gen/session/v1/FramePolicy';
import type { Interrupt__Input } from '@reticle/proto/gen/session/v1/Interrupt';
import type { StartTurn__Input } from '@reticle/proto/gen/session/v1/StartTurn';
import { inputItems, type Input } from './input.ts';
import { cutModeNumber, outputLengthNumber, type CutModeWord, type OutputLengthWord } from './words.ts';

export type TurnOptions = {
  /** Default: a random id. `[A-Za-z0-9_-]{1,64}`; makes the turn idempotent. */
  readonly turnId?: string;
  /**
   * The turn (or its id) that this one continues. Default: the turn of this session that ended last, which makes a
   * conversation; `null`: the session's root, which is its prefix.
   */
  readonly parent?: { readonly turnId: string } | string | null;
  /** Default: what the context leaves, capped by the engine. */
  readonly maxOutputTokens?: number;
  /** `exact`: exactly `maxOutputTokens`, where the engine allows it (simulated ones do). */
  readonly outputLength?: OutputLengthWord;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  /** Index, 0 to 7, among sibling turns that answer one request: with equal input and seed they differ by it alone. */
  readonly choice?: number;
  /**
   * What the output must be, as `text.format` of the Responses API: `{ type: 'json_schema', schema }`,
   * `{ type: 'json_object' }` or `{ type: 'text' }`.
   */
  readonly textFormat?: Readonly<Record<string, unknown>>;
  readonly stop?: readonly string[];
  readonly tier?: Tier;
  readonly maxDurationMs?: number;
  readonly maxQueueWaitMs?: number;
  /** Aborting interrupts the turn where its reader stands; the reader gets the signal's reason. */
  readonly signal?: AbortSignal;
};

export type CutOptions = {
  /** Default `keep-through-offset`. */
  readonly mode?: CutModeWord;
  /** Exclusive end of what is kept, for `keep-through-offset`. Default: what the turn's reader has taken. */
  readonly keepThroughOffset?: number;
  /** For the service's log; never content. */
  readonly reason?: string;
};

/** Coarser frames than the gateway would send, or other fields in them (rule R8). One policy per session. */
export type FramePolicy = {
  /** 1 to 64. */
  readonly maxTokens?: number;
  /** At most 50. */
  readonly maxDelayMs?: number;
  readonly includeTokenIds?: boolean;
  readonly omitText?: boolean;
};

/** `parentTurnId` is empty for the session's root and for the successor of a redirect. */
export function startTurn(turnId: string, parentTurnId: string, input: Input, options: TurnOptions): StartTurn__Input {
  const { maxOutputTokens, maxDurationMs, maxQueueWaitMs, tier } = options;
  return {
    turnId,
    parentTurnId,
    input: inputItems(input),
    params: turnParams(options),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(maxDurationMs === undefined ? {} : { maxDuration: wireDuration(maxDurationMs) }),
    ...(maxQueueWaitMs === undefined ? {} : { maxQueueWait: wireDuration(maxQueueWaitMs) }),
    ...(tier === undefined ? {} : { tier: tierNumber(tier) as 1 }),
  };
}

function turnParams(options: TurnOptions): NonNullable<StartTurn__Input['params']> {
  const { temperature, topP, seed, stop, outputLength, choice, textFormat } = options;
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop: [...stop] }),
    ...(outputLength === undefined ? {} : { outputLength: outputLengthNumber(outputLength) }),
    ...(choice === undefined ? {} : { choice }),
    ...(textFormat === undefined ? {} : { textFormatJson: JSON.stringify(textFormat) }),
  };
}

export function interrupt(turnId: string, signalId: string, options: CutOptions): Interrupt__Input {
  const { mode = 'keep-through-offset', keepThroughOffset, reason = '' } = options;
  return {
    turnId,
    signalId,
    mode: cutModeNumber(mode),
    reason,
    ...(keepThroughOffset === undefined || mode !== 'keep-through-offset' ? {} : { keepThroughOffset }),
  };
}

export function framePolicy(policy: FramePolicy): FramePolicy__Input {
  const { maxTokens, maxDelayMs, includeTokenIds, omitText } = policy;
  return {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(maxDelayMs === undefined ? {} : { maxDelay: wireDuration(maxDelayMs) }),
    ...(includeTokenIds === undefined ? {} : { includeTokenIds }),
    ...(omitText === undefined ? {} : { omitText }),
  };
}
