// Original file: proto/reticle/signal/v1/signal.proto

import type { Interrupt__Input as _reticle_session_v1_Interrupt__Input, Interrupt as _reticle_session_v1_Interrupt } from '../../../reticle/session/v1/Interrupt.ts';
import type { Redirect__Input as _reticle_session_v1_Redirect__Input, Redirect as _reticle_session_v1_Redirect } from '../../../reticle/session/v1/Redirect.ts';
import type { EngineDrain__Input as _reticle_signal_v1_EngineDrain__Input, EngineDrain as _reticle_signal_v1_EngineDrain } from '../../../reticle/signal/v1/EngineDrain.ts';
import type { Long } from '@grpc/proto-loader';

export interface Signal__Input {
  'signalId'?: (string);
  'tenant'?: (string);
  'sessionId'?: (string);
  'turnId'?: (string);
  'epoch'?: (number | string | Long);
  'issuedMs'?: (number | string | Long);
  'expiresMs'?: (number | string | Long);
  'origin'?: (string);
  'interrupt'?: (_reticle_session_v1_Interrupt__Input | null);
  'redirect'?: (_reticle_session_v1_Redirect__Input | null);
  'drain'?: (_reticle_signal_v1_EngineDrain__Input | null);
  'action'?: "interrupt"|"redirect"|"drain";
}

export interface Signal {
  'signalId': (string);
  'tenant': (string);
  'sessionId': (string);
  'turnId': (string);
  'epoch': (number);
  'issuedMs': (number);
  'expiresMs': (number);
  'origin': (string);
  'interrupt'?: (_reticle_session_v1_Interrupt | null);
  'redirect'?: (_reticle_session_v1_Redirect | null);
  'drain'?: (_reticle_signal_v1_EngineDrain | null);
  'action'?: "interrupt"|"redirect"|"drain";
}
