// Original file: proto/reticle/session/v1/session.proto

import type { Session__Input as _reticle_session_v1_Session__Input, Session as _reticle_session_v1_Session } from '../../../reticle/session/v1/Session.ts';

export interface CreateSessionResponse__Input {
  'session'?: (_reticle_session_v1_Session__Input | null);
  'resumeToken'?: (string);
}

export interface CreateSessionResponse {
  'session': (_reticle_session_v1_Session | null);
  'resumeToken': (string);
}
