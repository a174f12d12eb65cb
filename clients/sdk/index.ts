export { isReticleError, ReticleError } from '@reticle/core/domain';
export type { Ended, Moved, Queued, Receipt, SessionInfo, Started, Timing, Usage } from './answers.ts';
export type { Health } from './channel.ts';
export { connect, ReticleClient } from './client.ts';
export type { ClientOptions, CreateSessionOptions, SignalOptions } from './client.ts';
export type { CutOptions, FramePolicy, TurnOptions } from './commands.ts';
export type { Input, InputPiece } from './input.ts';
export { Session } from './session.ts';
export type { Cursor, SessionOptions } from './session.ts';
export type { ConnectionEvent } from './session-link.ts';
export { Turn } from './turn.ts';
export type { Frame, Redirected } from './turn.ts';
export type {
  ContinuationWord,
  CutModeWord,
  KvActionWord,
  OutcomeWord,
  OutputLengthWord,
  TurnStatusWord,
} from './words.ts';
