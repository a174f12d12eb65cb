// Original file: proto/reticle/session/v1/session.proto

import type { ControlAck__Input as _reticle_session_v1_ControlAck__Input, ControlAck as _reticle_session_v1_ControlAck } from '../../../reticle/session/v1/ControlAck.ts';

export interface SignalTurnResponse__Input {
  'ack'?: (_reticle_session_v1_ControlAck__Input | null);
}

export interface SignalTurnResponse {
  'ack': (_reticle_session_v1_ControlAck | null);
}
