/**
 * What the session layer tells of its work: one method per event, which counts it, traces it and logs it together
 * (STYLE §7). Nothing here decides anything, and nothing is told per token.
 */
import type { Tier, TraceContext } from '@reticle/core/domain';
import type { ErrorCode } from '@reticle/proto/contract';
import type { ControlOutcome, TurnEnded, TurnStatus } from '@reticle/services/session';
import type { LinkLoss } from './link/engine-link.ts';
import type { MoveReason } from './session-facts.ts';

export type TurnFacts = {
  readonly sessionId: string;
  readonly turnId: string;
  readonly tier: Tier;
  readonly model: string;
  /** The caller's place in its own trace. */
  readonly parent: TraceContext | undefined;
  /** The turn began at another gateway: its times before now are not known here. */
  readonly resumed: boolean;
};

export type TurnOutcome = {
  readonly status: TurnStatus;
  readonly code: ErrorCode | undefined;
  readonly finishReason: string;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly wastedTokens: number;
};

/** What a turn's terminal says of it, but for its tokens, which are counted as they are sent. */
export function outcomeOf({ status, finishReason, usage, error }: TurnEnded): TurnOutcome {
  const { inputTokens, cachedTokens, discardedTokens: wastedTokens } = usage;
  return { status, code: error?.code, finishReason, inputTokens, cachedTokens, wastedTokens };
}

/** One turn of this gateway, from its request to its last word. Each method may be called late, never too often. */
export interface TurnMeter {
  /** For the engine's `Start`; empty without a trace. */
  readonly traceparent: string;
  /** The turn goes to an engine, for the first time or again. */
  sentTo(engineId: string): void;
  /** Tokens that no client had before were handed over; called per frame, allocates nothing. */
  delivered(tokens: number): void;
  moved(reason: MoveReason): void;
  control(outcome: ControlOutcome): void;
  ended(outcome: TurnOutcome): void;
  /** The attached client was told the end. */
  told(): void;
  /** Nobody here will hear more of the turn. */
  closed(): void;
}

export interface StreamEvents {
  turn(facts: TurnFacts): TurnMeter;
  /** The returned function is called once, with what refused the session or nothing. */
  sessionOpening(facts: Pick<TurnFacts, 'model' | 'tier' | 'parent'>): (error?: unknown) => void;
  /** How many sessions this gateway holds. */
  sessions(count: number): void;
  controlAnswered(outcome: ControlOutcome): void;
  /** `request`: told as the status of a request or stream. `turn`: told as the end of a turn that never began. */
  refused(at: 'request' | 'turn', code: ErrorCode): void;
  linkLost(cause: LinkLoss): void;
}

/** Of turns that are nobody's to count: warm-ups. */
export const silentTurn: TurnMeter = {
  traceparent: '',
  sentTo: () => {},
  delivered: () => {},
  moved: () => {},
  control: () => {},
  ended: () => {},
  told: () => {},
  closed: () => {},
};

/** Counts, traces and logs nothing. */
export const silentEvents: StreamEvents = {
  turn: () => silentTurn,
  sessionOpening: () => () => {},
  sessions: () => {},
  controlAnswered: () => {},
  refused: () => {},
  linkLost: () => {},
};
