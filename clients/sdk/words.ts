/** The wire's enum numbers as the words of this package, and back. */
import { Continuation } from '@reticle/proto/gen/session/v1/Continuation';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { CutMode } from '@reticle/proto/gen/session/v1/CutMode';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import { ServeReason } from '@reticle/proto/gen/session/v1/ServeReason';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';

/** What a control keeps of the turn it cuts (docs/reference/rules.md R4). */
export type CutModeWord = 'keep-through-offset' | 'keep-generated' | 'discard-partial-items' | 'at-item-boundary';

const cutModes: Readonly<Record<CutModeWord, CutMode>> = {
  'keep-through-offset': CutMode.CUT_MODE_KEEP_THROUGH_OFFSET,
  'keep-generated': CutMode.CUT_MODE_KEEP_GENERATED,
  'discard-partial-items': CutMode.CUT_MODE_DISCARD_PARTIAL_ITEMS,
  'at-item-boundary': CutMode.CUT_MODE_AT_ITEM_BOUNDARY,
};

export function cutModeNumber(word: CutModeWord): CutMode {
  return cutModes[word];
}

export type OutputLengthWord = 'natural' | 'exact';

export function outputLengthNumber(word: OutputLengthWord): OutputLength {
  return word === 'exact' ? OutputLength.OUTPUT_LENGTH_EXACT : OutputLength.OUTPUT_LENGTH_NATURAL;
}

export type OutcomeWord = 'applied' | 'already-ended' | 'not-found' | 'stale' | 'unsupported' | 'pending' | 'refused';

const outcomes: Readonly<Record<number, OutcomeWord>> = {
  [ControlOutcome.CONTROL_OUTCOME_APPLIED]: 'applied',
  [ControlOutcome.CONTROL_OUTCOME_ALREADY_ENDED]: 'already-ended',
  [ControlOutcome.CONTROL_OUTCOME_NOT_FOUND]: 'not-found',
  [ControlOutcome.CONTROL_OUTCOME_STALE]: 'stale',
  [ControlOutcome.CONTROL_OUTCOME_UNSUPPORTED]: 'unsupported',
  [ControlOutcome.CONTROL_OUTCOME_PENDING]: 'pending',
};

/** An outcome that this package does not know changed nothing as far as it can tell. */
export function outcomeWord(value: number): OutcomeWord {
  return outcomes[value] ?? 'refused';
}

/** What a cut did to the KV cache. */
export type KvActionWord = 'cut-in-place' | 'block-aligned-cut' | 'checkpoint-replay' | 'reprefill' | 'none';

const kvActions: Readonly<Record<number, KvActionWord>> = {
  [KvAction.KV_ACTION_CUT_IN_PLACE]: 'cut-in-place',
  [KvAction.KV_ACTION_BLOCK_ALIGNED_CUT]: 'block-aligned-cut',
  [KvAction.KV_ACTION_CHECKPOINT_REPLAY]: 'checkpoint-replay',
  [KvAction.KV_ACTION_REPREFILL]: 'reprefill',
};

export function kvActionWord(value: number): KvActionWord {
  return kvActions[value] ?? 'none';
}

export type TurnStatusWord = 'completed' | 'interrupted' | 'redirected' | 'incomplete' | 'failed';

const statuses: Readonly<Record<number, TurnStatusWord>> = {
  [TurnStatus.TURN_STATUS_COMPLETED]: 'completed',
  [TurnStatus.TURN_STATUS_INTERRUPTED]: 'interrupted',
  [TurnStatus.TURN_STATUS_REDIRECTED]: 'redirected',
  [TurnStatus.TURN_STATUS_INCOMPLETE]: 'incomplete',
};

export function turnStatusWord(value: number): TurnStatusWord {
  return statuses[value] ?? 'failed';
}

export type ServeReasonWord =
  | 'unspecified'
  | 'as-requested'
  | 'tenant-default'
  | 'spill-queue'
  | 'spill-loss'
  | 'region-policy'
  | 'failover'
  | 'drain';

const reasons: Readonly<Record<number, ServeReasonWord>> = {
  [ServeReason.SERVE_REASON_AS_REQUESTED]: 'as-requested',
  [ServeReason.SERVE_REASON_TENANT_DEFAULT]: 'tenant-default',
  [ServeReason.SERVE_REASON_SPILL_QUEUE]: 'spill-queue',
  [ServeReason.SERVE_REASON_SPILL_LOSS]: 'spill-loss',
  [ServeReason.SERVE_REASON_REGION_POLICY]: 'region-policy',
  [ServeReason.SERVE_REASON_FAILOVER]: 'failover',
  [ServeReason.SERVE_REASON_DRAIN]: 'drain',
};

export function serveReasonWord(value: number): ServeReasonWord {
  return reasons[value] ?? 'unspecified';
}

/** Whether the tokens of a further epoch are those that the epoch before would have made (R7). */
export type ContinuationWord = 'unspecified' | 'exact' | 'resampled';

const continuations: Readonly<Record<number, ContinuationWord>> = {
  [Continuation.CONTINUATION_EXACT]: 'exact',
  [Continuation.CONTINUATION_RESAMPLED]: 'resampled',
};

export function continuationWord(value: number): ContinuationWord {
  return continuations[value] ?? 'unspecified';
}
