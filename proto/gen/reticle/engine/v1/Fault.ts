// Original file: proto/reticle/engine/v1/engine.proto

import type { TurnError__Input as _reticle_session_v1_TurnError__Input, TurnError as _reticle_session_v1_TurnError } from '../../../reticle/session/v1/TurnError.ts';
import type { Long } from '@grpc/proto-loader';

export interface Fault__Input {
  'sid'?: (number);
  'lane'?: (number);
  'op'?: (number);
  'error'?: (_reticle_session_v1_TurnError__Input | null);
  'epoch'?: (number | string | Long);
}

export interface Fault {
  'sid': (number);
  'lane': (number);
  'op': (number);
  'error': (_reticle_session_v1_TurnError | null);
  'epoch': (number);
}
