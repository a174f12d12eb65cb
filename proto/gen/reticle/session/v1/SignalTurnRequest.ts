// Original file: proto/reticle/session/v1/session.proto

import type { Interrupt__Input as _reticle_session_v1_Interrupt__Input, Interrupt as _reticle_session_v1_Interrupt } from '../../../reticle/session/v1/Interrupt.ts';
import type { Redirect__Input as _reticle_session_v1_Redirect__Input, Redirect as _reticle_session_v1_Redirect } from '../../../reticle/session/v1/Redirect.ts';

export interface SignalTurnRequest__Input {
  'sessionId'?: (string);
  'resumeToken'?: (string);
  'interrupt'?: (_reticle_session_v1_Interrupt__Input | null);
  'redirect'?: (_reticle_session_v1_Redirect__Input | null);
  'signal'?: "interrupt"|"redirect";
}

export interface SignalTurnRequest {
  'sessionId': (string);
  'resumeToken': (string);
  'interrupt'?: (_reticle_session_v1_Interrupt | null);
  'redirect'?: (_reticle_session_v1_Redirect | null);
  'signal'?: "interrupt"|"redirect";
}
