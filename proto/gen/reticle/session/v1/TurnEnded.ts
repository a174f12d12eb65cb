// Original file: proto/reticle/session/v1/session.proto

import type { TurnStatus__Input as _reticle_session_v1_TurnStatus__Input, TurnStatus as _reticle_session_v1_TurnStatus } from '../../../reticle/session/v1/TurnStatus.ts';
import type { Usage__Input as _reticle_session_v1_Usage__Input, Usage as _reticle_session_v1_Usage } from '../../../reticle/session/v1/Usage.ts';
import type { Timing__Input as _reticle_session_v1_Timing__Input, Timing as _reticle_session_v1_Timing } from '../../../reticle/session/v1/Timing.ts';
import type { TurnError__Input as _reticle_session_v1_TurnError__Input, TurnError as _reticle_session_v1_TurnError } from '../../../reticle/session/v1/TurnError.ts';
import type { Long } from '@grpc/proto-loader';

export interface TurnEnded__Input {
  'turnId'?: (string);
  'epoch'?: (number | string | Long);
  'status'?: (_reticle_session_v1_TurnStatus__Input);
  'endOffset'?: (number);
  'finishReason'?: (string);
  'usage'?: (_reticle_session_v1_Usage__Input | null);
  'timing'?: (_reticle_session_v1_Timing__Input | null);
  'successorTurnId'?: (string);
  'error'?: (_reticle_session_v1_TurnError__Input | null);
}

export interface TurnEnded {
  'turnId': (string);
  'epoch': (number);
  'status': (_reticle_session_v1_TurnStatus);
  'endOffset': (number);
  'finishReason': (string);
  'usage': (_reticle_session_v1_Usage | null);
  'timing': (_reticle_session_v1_Timing | null);
  'successorTurnId': (string);
  'error': (_reticle_session_v1_TurnError | null);
}
