export type * from './commands.ts';
export { attach, checkCursor, planReads } from './attach.ts';
export type { AttachEvent } from './attach.ts';
export { turnOf } from './restore.ts';
export type { Restored, TurnRecord } from './restore.ts';
export { priceInput } from './price-input.ts';
export type { PriceOptions } from './price-input.ts';
export { turnEnded } from './receipt.ts';
export { createSession, findTurn } from './session-state.ts';
export type {
  NewSession,
  SessionConfig,
  SessionEffect,
  SessionState,
  SessionStep,
  StartPlan,
} from './session-state.ts';
export { stepSession } from './session.ts';
export type { SessionEvent } from './session.ts';
export { contextExceeded } from './start-turn.ts';
export { remoteStart, toolsHeadOf, toolsItem } from './tools-head.ts';
export type { CutAnswer, TurnEvent } from './turn.ts';
export { isLive, NO_PROGRESS, NO_TIMING, NO_USAGE } from './turn-state.ts';
export type { Ending, OpenControl, Progress, Receipt, TurnPhase, TurnState } from './turn-state.ts';
