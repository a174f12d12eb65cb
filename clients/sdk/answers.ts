/** What the service says about turns and sessions, in this package's words and units. */
import { assert, durationMs, tierOfNumber, type Tier, type WireDuration } from '@reticle/core/domain';
import type { ControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
import type { Session as WireSession } from '@reticle/proto/gen/session/v1/Session';
import type { TurnEnded } from '@reticle/proto/gen/session/v1/TurnEnded';
import type { TurnQueued } from '@reticle/proto/gen/session/v1/TurnQueued';
import type { TurnStarted } from '@reticle/proto/gen/session/v1/TurnStarted';
import {
  continuationWord,
  kvActionWord,
  outcomeWord,
  serveReasonWord,
  turnStatusWord,
  type ContinuationWord,
  type KvActionWord,
  type OutcomeWord,
  type ServeReasonWord,
  type TurnStatusWord,
} from './words.ts';

/** The exact answer to a control (rule R2). Offsets are exclusive ends in tokens of the turn. */
export type Receipt = {
  readonly outcome: OutcomeWord;
  /** E: the turn is [0, E), whatever was delivered past it is void. */
  readonly effectiveOffset: number;
  readonly generatedOffset: number;
  /** Highest offset sent to the client; what is billed. */
  readonly deliveredOffset: number;
  /** generated − E. */
  readonly wastedTokens: number;
  readonly kvAction: KvActionWord;
  readonly kvKeptTokens: number;
};

export type Started = {
  readonly epoch: number;
  readonly startOffset: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** prompt − cached: what this turn had to evaluate. */
  readonly prefilledTokens: number;
  readonly model: string;
  readonly modelDigest: string;
  readonly region: string;
  readonly requestedTier: Tier | undefined;
  readonly servedTier: Tier | undefined;
  readonly reason: ServeReasonWord;
  /** The engine that runs the turn. */
  readonly replica: string;
  /** Of a further epoch: `exact` when its tokens are those that the lost engine would have made. */
  readonly continuation: ContinuationWord;
};

/** A running turn went on at another engine (R7): failover or drain. */
export type Moved = Pick<Started, 'epoch' | 'replica' | 'reason' | 'startOffset' | 'continuation'>;

/** The service's own times; `firstTokenMs` counts from the arrival of the request at the gateway. */
export type Timing = {
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly firstTokenMs: number;
  readonly decodeMs: number;
  readonly controlMs: number;
};

export type Usage = {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly discardedTokens: number;
  readonly draftTokens: number;
};

export type Ended = {
  readonly status: Exclude<TurnStatusWord, 'failed'>;
  readonly endOffset: number;
  readonly finishReason: string;
  readonly usage: Usage;
  readonly timing: Timing;
  /** The receipt of the control that cut the turn, when it came over this session. */
  readonly receipt: Receipt | undefined;
  /** Empty unless the turn was redirected. */
  readonly successorTurnId: string;
  /** Every engine that took the turn over, in order. */
  readonly moves: readonly Moved[];
};

export type Queued = { readonly position: number; readonly estimatedWaitMs: number; readonly reason: string };

export type SessionInfo = {
  readonly sessionId: string;
  readonly model: string;
  readonly modelDigest: string;
  readonly region: string;
  readonly tier: Tier | undefined;
  readonly epoch: number;
  readonly contextTokens: number;
  readonly contextLimit: number;
};

export function receiptOf(ack: ControlAck): Receipt {
  const { effectiveOffset, generatedOffset, deliveredOffset, wastedTokens, kvKeptTokens } = ack;
  const numbers = { effectiveOffset, generatedOffset, deliveredOffset, wastedTokens, kvKeptTokens };
  return { outcome: outcomeWord(ack.outcome), ...numbers, kvAction: kvActionWord(ack.kvAction) };
}

export function startedOf(message: TurnStarted): Started {
  const { epoch, startOffset, promptTokens, cachedTokens, model, modelDigest, region, replica } = message;
  return {
    epoch,
    startOffset,
    promptTokens,
    cachedTokens,
    prefilledTokens: promptTokens - cachedTokens,
    model,
    modelDigest,
    region,
    requestedTier: tierOfNumber(message.requestedTier),
    servedTier: tierOfNumber(message.servedTier),
    reason: serveReasonWord(message.reason),
    replica,
    continuation: continuationWord(message.continuation),
  };
}

export function endedOf(message: TurnEnded, { receipt, moves }: Pick<Ended, 'receipt' | 'moves'>): Ended {
  const status = turnStatusWord(message.status);
  assert(status !== 'failed', 'a failed turn is an error, not an end');
  return {
    status,
    endOffset: message.endOffset,
    finishReason: message.finishReason,
    usage: { ...NO_USAGE, ...message.usage },
    timing: {
      queueMs: ms(message.timing?.queue),
      prefillMs: ms(message.timing?.prefill),
      firstTokenMs: ms(message.timing?.firstToken),
      decodeMs: ms(message.timing?.decode),
      controlMs: ms(message.timing?.control),
    },
    receipt,
    successorTurnId: message.successorTurnId,
    moves,
  };
}

export function queuedOf(message: TurnQueued): Queued {
  return { position: message.position, estimatedWaitMs: ms(message.estimatedWait), reason: message.reason };
}

export function sessionInfoOf(session: WireSession): SessionInfo {
  const { sessionId, model, modelDigest, region, epoch, contextTokens, contextLimit } = session;
  const tier = tierOfNumber(session.tier);
  return { sessionId, model, modelDigest, region, tier, epoch, contextTokens, contextLimit };
}

const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  discardedTokens: 0,
  draftTokens: 0,
};

function ms(duration: WireDuration | null | undefined): number {
  return duration === null || duration === undefined ? 0 : durationMs(duration);
}
