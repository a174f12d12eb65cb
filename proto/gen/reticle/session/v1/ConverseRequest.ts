// Original file: proto/reticle/session/v1/session.proto

import type { Attach__Input as _reticle_session_v1_Attach__Input, Attach as _reticle_session_v1_Attach } from '../../../reticle/session/v1/Attach.ts';
import type { StartTurn__Input as _reticle_session_v1_StartTurn__Input, StartTurn as _reticle_session_v1_StartTurn } from '../../../reticle/session/v1/StartTurn.ts';
import type { Interrupt__Input as _reticle_session_v1_Interrupt__Input, Interrupt as _reticle_session_v1_Interrupt } from '../../../reticle/session/v1/Interrupt.ts';
import type { Redirect__Input as _reticle_session_v1_Redirect__Input, Redirect as _reticle_session_v1_Redirect } from '../../../reticle/session/v1/Redirect.ts';
import type { Flow__Input as _reticle_session_v1_Flow__Input, Flow as _reticle_session_v1_Flow } from '../../../reticle/session/v1/Flow.ts';
import type { Draft__Input as _reticle_session_v1_Draft__Input, Draft as _reticle_session_v1_Draft } from '../../../reticle/session/v1/Draft.ts';

export interface ConverseRequest__Input {
  'seq'?: (number);
  'attach'?: (_reticle_session_v1_Attach__Input | null);
  'startTurn'?: (_reticle_session_v1_StartTurn__Input | null);
  'interrupt'?: (_reticle_session_v1_Interrupt__Input | null);
  'redirect'?: (_reticle_session_v1_Redirect__Input | null);
  'flow'?: (_reticle_session_v1_Flow__Input | null);
  'draft'?: (_reticle_session_v1_Draft__Input | null);
  'message'?: "attach"|"startTurn"|"interrupt"|"redirect"|"flow"|"draft";
}

export interface ConverseRequest {
  'seq': (number);
  'attach'?: (_reticle_session_v1_Attach | null);
  'startTurn'?: (_reticle_session_v1_StartTurn | null);
  'interrupt'?: (_reticle_session_v1_Interrupt | null);
  'redirect'?: (_reticle_session_v1_Redirect | null);
  'flow'?: (_reticle_session_v1_Flow | null);
  'draft'?: (_reticle_session_v1_Draft | null);
  'message'?: "attach"|"startTurn"|"interrupt"|"redirect"|"flow"|"draft";
}
