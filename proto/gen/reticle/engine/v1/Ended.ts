// Original file: proto/reticle/engine/v1/engine.proto

import type { TurnStatus__Input as _reticle_session_v1_TurnStatus__Input, TurnStatus as _reticle_session_v1_TurnStatus } from '../../../reticle/session/v1/TurnStatus.ts';
import type { Usage__Input as _reticle_session_v1_Usage__Input, Usage as _reticle_session_v1_Usage } from '../../../reticle/session/v1/Usage.ts';
import type { Timing__Input as _reticle_session_v1_Timing__Input, Timing as _reticle_session_v1_Timing } from '../../../reticle/session/v1/Timing.ts';
import type { TurnError__Input as _reticle_session_v1_TurnError__Input, TurnError as _reticle_session_v1_TurnError } from '../../../reticle/session/v1/TurnError.ts';

export interface Ended__Input {
  'lane'?: (number);
  'status'?: (_reticle_session_v1_TurnStatus__Input);
  'endOffset'?: (number);
  'finishReason'?: (string);
  'usage'?: (_reticle_session_v1_Usage__Input | null);
  'timing'?: (_reticle_session_v1_Timing__Input | null);
  'error'?: (_reticle_session_v1_TurnError__Input | null);
}

export interface Ended {
  'lane': (number);
  'status': (_reticle_session_v1_TurnStatus);
  'endOffset': (number);
  'finishReason': (string);
  'usage': (_reticle_session_v1_Usage | null);
  'timing': (_reticle_session_v1_Timing | null);
  'error': (_reticle_session_v1_TurnError | null);
}
