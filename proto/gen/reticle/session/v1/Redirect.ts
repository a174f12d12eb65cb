// Original file: proto/reticle/session/v1/session.proto

import type { Interrupt__Input as _reticle_session_v1_Interrupt__Input, Interrupt as _reticle_session_v1_Interrupt } from '../../../reticle/session/v1/Interrupt.ts';
import type { StartTurn__Input as _reticle_session_v1_StartTurn__Input, StartTurn as _reticle_session_v1_StartTurn } from '../../../reticle/session/v1/StartTurn.ts';

export interface Redirect__Input {
  'cut'?: (_reticle_session_v1_Interrupt__Input | null);
  'successor'?: (_reticle_session_v1_StartTurn__Input | null);
}

export interface Redirect {
  'cut': (_reticle_session_v1_Interrupt | null);
  'successor': (_reticle_session_v1_StartTurn | null);
}
