// Original file: proto/reticle/engine/v1/engine.proto

import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';

export interface Prefill__Input {
  'sid'?: (number);
  'op'?: (number);
  'parentTurnId'?: (string);
  'keepTokens'?: (number);
  'append'?: (_reticle_session_v1_InputItem__Input)[];
  'draftId'?: (string);
  'revision'?: (number);
  'discard'?: (boolean);
}

export interface Prefill {
  'sid': (number);
  'op': (number);
  'parentTurnId': (string);
  'keepTokens': (number);
  'append': (_reticle_session_v1_InputItem)[];
  'draftId': (string);
  'revision': (number);
  'discard': (boolean);
}
