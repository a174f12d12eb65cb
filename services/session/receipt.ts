import { assert } from '@reticle/core/domain';
import type { ErrorCode } from '@reticle/proto/contract';
import type { ControlAck, ControlOutcome, TurnEnded, TurnError } from './commands.ts';
import { NO_TIMING, NO_USAGE, type Asker, type Progress, type Receipt, type TurnState } from './turn-state.ts';

export const NO_RECEIPT: Receipt = { effectiveOffset: 0, generatedOffset: 0, kvAction: 'none', kvKeptTokens: 0 };

/** The digest of a control is known to the gateway alone that took it; a repeat of any body gets its answer. */
export const UNKNOWN_DIGEST = '';

export type AckOptions = {
  readonly asker: Asker;
  readonly signalId: string;
  readonly turnId: string;
  readonly outcome: ControlOutcome;
  readonly receipt: Receipt;
  /** Highest offset sent to the client; only the gateway knows it. */
  readonly sent: number;
  readonly code?: ErrorCode;
};

/** The answer to a control; `wastedTokens` = generated − E once there is an E (R2). */
export function controlAck(options: AckOptions): ControlAck {
  const { asker, signalId, turnId, outcome, receipt, sent, code } = options;
  const cut = outcome === 'applied' || outcome === 'already-ended';
  return {
    kind: 'control-ack',
    seq: asker.kind === 'stream' ? asker.seq : 0,
    signalId,
    turnId,
    outcome,
    effectiveOffset: receipt.effectiveOffset,
    generatedOffset: receipt.generatedOffset,
    deliveredOffset: sent,
    wastedTokens: cut ? Math.max(0, receipt.generatedOffset - receipt.effectiveOffset) : 0,
    kvAction: receipt.kvAction,
    kvKeptTokens: receipt.kvKeptTokens,
    ...(code === undefined ? {} : { code }),
  };
}

/** The receipt of a turn that is over: its cut, or its end as the engine told it. */
export function finalReceipt(turn: TurnState): Receipt {
  if (turn.receipt !== undefined) return turn.receipt;
  const endOffset = turn.ending?.endOffset ?? turn.endsAt ?? 0;
  return { ...NO_RECEIPT, effectiveOffset: endOffset, generatedOffset: endOffset + wasted(turn) };
}

/** generated − E; a cut whose answer got lost is known by its end alone. */
function wasted({ receipt, ending }: TurnState): number {
  if (receipt === undefined) return ending?.usage.discardedTokens ?? 0;
  return Math.max(0, receipt.generatedOffset - receipt.effectiveOffset);
}

/** The terminal as a client gets it: bill = highest offset sent, discarded = wasted (R2). */
export function turnEnded(turn: TurnState, options: { epoch: number; progress: Progress }): TurnEnded {
  const { ending } = turn;
  assert(ending !== undefined, 'only an ended turn has a terminal');
  return {
    kind: 'turn-ended',
    turnId: turn.turnId,
    epoch: options.epoch,
    status: ending.status,
    endOffset: ending.endOffset,
    finishReason: ending.finishReason,
    usage: {
      ...ending.usage,
      inputTokens: turn.started ? turn.promptTokens : 0,
      cachedTokens: turn.cachedTokens,
      outputTokens: options.progress.sent,
      discardedTokens: wasted(turn),
    },
    timing: ending.timing,
    successorTurnId: turn.successorTurnId,
    ...(ending.error === undefined ? {} : { error: ending.error }),
  };
}

/** The terminal of a turn that was refused before any work. */
export function refusedTurn(turnId: string, epoch: number, error: TurnError): TurnEnded {
  return {
    kind: 'turn-ended',
    turnId,
    epoch,
    status: 'failed',
    endOffset: 0,
    finishReason: 'refused',
    usage: NO_USAGE,
    timing: NO_TIMING,
    successorTurnId: '',
    error,
  };
}
