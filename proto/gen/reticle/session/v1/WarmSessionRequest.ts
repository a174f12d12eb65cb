// Original file: proto/reticle/session/v1/session.proto

import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';

export interface WarmSessionRequest__Input {
  'sessionId'?: (string);
  'requestId'?: (string);
  'parentTurnId'?: (string);
  'prefix'?: (_reticle_session_v1_InputItem__Input)[];
}

export interface WarmSessionRequest {
  'sessionId': (string);
  'requestId': (string);
  'parentTurnId': (string);
  'prefix': (_reticle_session_v1_InputItem)[];
}
