/** Values of services/session as messages of the link, and back. Enums are numbers on the wire. */
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import { durationMs, isReticleError, ReticleError, tierNumber, wireDuration } from '@reticle/core/domain';
import { isErrorCode } from '@reticle/proto/contract';
import type { WireItemMark } from '@reticle/proto/wire';
import type { ControlOutcome as ControlOutcomeNumber } from '@reticle/proto/gen/session/v1/ControlOutcome';
import type { ItemKind as ItemKindNumber } from '@reticle/proto/gen/session/v1/ItemKind';
import type { ItemMark__Input } from '@reticle/proto/gen/session/v1/ItemMark';
import type { KvAction as KvActionNumber } from '@reticle/proto/gen/session/v1/KvAction';
import type { TurnStatus as TurnStatusNumber } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { Cut__Input } from '@reticle/proto/gen/engine/v1/Cut';
import type { CutDone, CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended, Ended__Input } from '@reticle/proto/gen/engine/v1/Ended';
import type { Start__Input } from '@reticle/proto/gen/engine/v1/Start';
import type { InputItem__Input } from '@reticle/proto/gen/session/v1/InputItem';
import type { TurnError as WireTurnError } from '@reticle/proto/gen/session/v1/TurnError';
import type { Params__Input } from '@reticle/proto/gen/session/v1/Params';
import type {
  Continuation,
  ControlAck,
  CutAnswer,
  Ending,
  OpenControl,
  StartPlan,
  Timing,
  TurnError,
  TurnInput,
  TurnParams,
  TurnState,
  TurnStatus,
} from '@reticle/services/session';
import { NO_USAGE } from '@reticle/services/session';
import type { Tier } from '@reticle/core/domain';
import { CUT_MODES, KV_ACTIONS, OUTCOMES } from './wire-enums.ts';

const STATUSES: readonly TurnStatus[] = ['completed', 'interrupted', 'redirected', 'incomplete', 'failed'];

export function wireInput(input: readonly TurnInput[]): InputItem__Input[] {
  return input.map((each) =>
    each.kind === 'item' ? { itemJson: each.json } : { tokens: { tokenIds: [...each.ids] } },
  );
}

export type StartHandles = {
  readonly sid: number;
  readonly lane: number;
  readonly tier: Tier;
  /** Ids that were delivered already (E6). */
  readonly forced?: Uint32Array;
  readonly creditTokens?: number;
  /** Fewer than the plan's: what a cut left to be made again. */
  readonly maxOutputTokens?: number;
  /** W3C; empty or absent without a trace. */
  readonly traceparent?: string;
};

/** `max_output_tokens` 0 asks for the prefill alone: a warm-up. */
export function wireStart(plan: StartPlan, handles: StartHandles): Start__Input {
  const { sid, lane, tier, forced, creditTokens, maxOutputTokens, traceparent = '' } = handles;
  return {
    lane,
    sid,
    clientSeq: plan.seq,
    turnId: plan.turnId,
    parentTurnId: plan.parentTurnId,
    input: wireInput(plan.input),
    params: wireParams(plan.params),
    maxOutputTokens: maxOutputTokens ?? plan.maxOutputTokens,
    ...(plan.outputUnlimited === true ? { outputUnlimited: true } : {}),
    creditTokens: creditTokens ?? plan.creditTokens,
    bodyDigest: plan.bodyDigest,
    ...(forced === undefined || forced.length === 0 ? {} : { forcedTokenIds: Array.from(forced) }),
    maxDuration: wireDuration(plan.maxDurationMs),
    priority: tierNumber(plan.tier ?? tier),
    traceparent,
  };
}

const outputLengths = {
  natural: OutputLength.OUTPUT_LENGTH_NATURAL,
  exact: OutputLength.OUTPUT_LENGTH_EXACT,
} as const;

export function wireParams(params: TurnParams): Params__Input {
  return {
    stop: [...params.stop],
    ...(params.temperature === undefined ? {} : { temperature: params.temperature }),
    ...(params.topP === undefined ? {} : { topP: params.topP }),
    ...(params.seed === undefined ? {} : { seed: params.seed }),
    ...(params.outputLength === undefined ? {} : { outputLength: outputLengths[params.outputLength] }),
    ...(params.choice === undefined ? {} : { choice: params.choice }),
    ...(params.textFormat === undefined ? {} : { textFormatJson: params.textFormat }),
    ...(params.tools === undefined ? {} : { toolsJson: params.tools }),
    ...(params.toolChoice === undefined ? {} : { toolChoiceJson: params.toolChoice }),
    ...(params.parallelToolCalls === undefined ? {} : { parallelToolCalls: params.parallelToolCalls }),
  };
}

export function wireCut(
  lane: number,
  seq: number,
  control: Pick<OpenControl, 'signalId' | 'mode' | 'keepThroughOffset' | 'reason'>,
  successor: Start__Input | undefined,
): Cut__Input {
  return {
    lane,
    clientSeq: seq,
    signalId: control.signalId,
    mode: CUT_MODES[control.mode],
    reason: control.reason,
    ...(control.keepThroughOffset === undefined ? {} : { keepThroughOffset: control.keepThroughOffset }),
    ...(successor === undefined ? {} : { successor }),
  };
}

/** Unspecified is what an engine says of a turn that it began itself. */
export function continuationOf(value: number): Continuation {
  return value === 2 ? 'resampled' : 'exact';
}

export function cutAnswer(done: CutDone): CutAnswer {
  return {
    signalId: done.signalId,
    outcome: OUTCOMES[done.outcome - 1] ?? 'refused',
    effectiveOffset: done.effectiveOffset,
    generatedOffset: done.generatedOffset,
    kvAction: KV_ACTIONS[done.kvAction - 1] ?? 'none',
    kvKeptTokens: done.kvKeptTokens,
  };
}

/** A final answer of a control, for the record of its turn. */
export function wireCutDone(ack: ControlAck): CutDone__Input {
  const { signalId, outcome, effectiveOffset, generatedOffset, kvAction, kvKeptTokens } = ack;
  return {
    signalId,
    outcome: (OUTCOMES.indexOf(outcome) + 1) as ControlOutcomeNumber,
    effectiveOffset,
    generatedOffset,
    kvAction: (KV_ACTIONS.indexOf(kvAction) + 1) as KvActionNumber,
    kvKeptTokens,
  };
}

/** The end of a turn for its record: of one that runs on, where its receipt says that it will end. */
export function wireEnded(turn: TurnState): { readonly ended?: Ended__Input } {
  const { ending: over, receipt, successorTurnId } = turn;
  if (over === undefined && receipt === undefined) return {};
  const cut = successorTurnId === '' ? 'interrupted' : 'redirected';
  const { status, endOffset, finishReason } = over ?? {
    status: cut,
    endOffset: receipt?.effectiveOffset ?? 0,
    finishReason: cut,
  };
  const error = over?.error;
  return {
    ended: {
      status: (STATUSES.indexOf(status) + 1) as TurnStatusNumber,
      endOffset,
      finishReason,
      ...(error === undefined ? {} : { error: { code: error.code, message: error.message, param: error.param } }),
    },
  };
}

export function wireMarkOf(turnId: string, mark: WireItemMark): ItemMark__Input {
  return { ...mark, turnId, kind: mark.kind as ItemKindNumber };
}

export function ending(ended: Ended): Ending {
  return {
    status: STATUSES[ended.status - 1] ?? 'failed',
    endOffset: ended.endOffset,
    finishReason: ended.finishReason,
    // The codec fills every field of a message that is present.
    usage: ended.usage ?? NO_USAGE,
    timing: timing(ended),
    ...(ended.error ? { error: turnErrorOf(ended.error) } : {}),
  };
}

function timing({ timing: given }: Ended): Timing {
  const ms = (duration: { seconds: number; nanos: number } | null | undefined): number =>
    duration ? durationMs(duration) : 0;
  return {
    queueMs: ms(given?.queue),
    prefillMs: ms(given?.prefill),
    firstTokenMs: ms(given?.firstToken),
    decodeMs: ms(given?.decode),
    controlMs: ms(given?.control),
  };
}

/** An engine's error; a code outside the registry is `internal`, since nothing else may reach a client. */
export function turnErrorOf(error: WireTurnError | null): TurnError {
  const code = error && isErrorCode(error.code) ? error.code : 'internal';
  return {
    code,
    message: error?.message ?? 'the engine failed',
    param: error?.param ?? '',
    ...(error?.retryDelay ? { retryDelayMs: durationMs(error.retryDelay) } : {}),
  };
}

export function errorOf(error: TurnError): ReticleError {
  return new ReticleError(error.code, error.message, {
    ...(error.param === '' ? {} : { param: error.param }),
    ...(error.details === undefined ? {} : { details: error.details }),
    ...(error.retryDelayMs === undefined ? {} : { retryAfterMs: error.retryDelayMs }),
  });
}

/** Any failure as a turn's error; what is not ours says no more than `internal`. */
export function turnErrorFrom(error: unknown): TurnError {
  if (!isReticleError(error)) return { code: 'internal', message: 'the turn could not be started', param: '' };
  return {
    code: error.code,
    message: error.message,
    param: error.param ?? '',
    ...(error.retryAfterMs === undefined ? {} : { retryDelayMs: error.retryAfterMs }),
  };
}
