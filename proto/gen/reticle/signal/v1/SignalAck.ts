// Original file: proto/reticle/signal/v1/signal.proto

import type { ControlAck__Input as _reticle_session_v1_ControlAck__Input, ControlAck as _reticle_session_v1_ControlAck } from '../../../reticle/session/v1/ControlAck.ts';
import type { Long } from '@grpc/proto-loader';

export interface SignalAck__Input {
  'signalId'?: (string);
  'ack'?: (_reticle_session_v1_ControlAck__Input | null);
  'epoch'?: (number | string | Long);
  'engineId'?: (string);
  'code'?: (string);
  'mac'?: (Buffer | Uint8Array | string);
}

export interface SignalAck {
  'signalId': (string);
  'ack': (_reticle_session_v1_ControlAck | null);
  'epoch': (number);
  'engineId': (string);
  'code': (string);
  'mac': (Buffer);
}
