// Original file: proto/reticle/session/v1/session.proto

import type { LimitWindow__Input as _reticle_session_v1_LimitWindow__Input, LimitWindow as _reticle_session_v1_LimitWindow } from '../../../reticle/session/v1/LimitWindow.ts';

export interface LimitsUpdate__Input {
  'windows'?: (_reticle_session_v1_LimitWindow__Input)[];
}

export interface LimitsUpdate {
  'windows': (_reticle_session_v1_LimitWindow)[];
}
