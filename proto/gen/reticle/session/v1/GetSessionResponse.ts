// Original file: proto/reticle/session/v1/session.proto

import type { Session__Input as _reticle_session_v1_Session__Input, Session as _reticle_session_v1_Session } from '../../../reticle/session/v1/Session.ts';
import type { TurnCursor__Input as _reticle_session_v1_TurnCursor__Input, TurnCursor as _reticle_session_v1_TurnCursor } from '../../../reticle/session/v1/TurnCursor.ts';

export interface GetSessionResponse__Input {
  'session'?: (_reticle_session_v1_Session__Input | null);
  'liveTurns'?: (_reticle_session_v1_TurnCursor__Input)[];
}

export interface GetSessionResponse {
  'session': (_reticle_session_v1_Session | null);
  'liveTurns': (_reticle_session_v1_TurnCursor)[];
}
