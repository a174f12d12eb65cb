/** Generated wire types that tests speak in, and the paths of the service. */
export type { Attach__Input } from '@reticle/proto/gen/session/v1/Attach';
export type { ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';
export type { ConverseResponse } from '@reticle/proto/gen/session/v1/ConverseResponse';
export type { ControlAck } from '@reticle/proto/gen/session/v1/ControlAck';
export type { CreateSessionRequest__Input } from '@reticle/proto/gen/session/v1/CreateSessionRequest';
export type { CreateSessionResponse } from '@reticle/proto/gen/session/v1/CreateSessionResponse';
export type { GetSessionResponse } from '@reticle/proto/gen/session/v1/GetSessionResponse';
export type { InputItem__Input } from '@reticle/proto/gen/session/v1/InputItem';
export type { Interrupt__Input } from '@reticle/proto/gen/session/v1/Interrupt';
export type { Params__Input } from '@reticle/proto/gen/session/v1/Params';
export type { ReplayTurnRequest__Input } from '@reticle/proto/gen/session/v1/ReplayTurnRequest';
export type { SignalTurnResponse } from '@reticle/proto/gen/session/v1/SignalTurnResponse';
export type { StartTurn__Input } from '@reticle/proto/gen/session/v1/StartTurn';
export type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';
export type { TurnEnded } from '@reticle/proto/gen/session/v1/TurnEnded';
export type { WarmSessionResponse } from '@reticle/proto/gen/session/v1/WarmSessionResponse';

/** Path prefix of `reticle.session.v1.SessionService`. */
export const SERVICE_PATH = '/reticle.session.v1.SessionService';

/** `ControlOutcome` by name. */
export const outcomes = { applied: 1, alreadyEnded: 2, notFound: 3, stale: 4, unsupported: 5, pending: 6, refused: 7 };
/** `TurnStatus` by name. */
export const statuses = { completed: 1, interrupted: 2, redirected: 3, incomplete: 4, failed: 5 };
/** `CutMode` by name. */
export const modes = { discardPartialItems: 1, keepThroughOffset: 2, keepGenerated: 3, atItemBoundary: 4 } as const;
/** `KvAction` by name. */
export const kvActions = { cutInPlace: 1, blockAlignedCut: 2, checkpointReplay: 3, reprefill: 4, none: 5 };
/** `OutputLength.EXACT`: the turn is exactly `max_output_tokens` long. */
export const EXACT_LENGTH = 2 as const;
