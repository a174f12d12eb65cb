// Original file: proto/reticle/session/v1/session.proto

import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';

export interface Draft__Input {
  'draftId'?: (string);
  'revision'?: (number);
  'parentTurnId'?: (string);
  'prefix'?: (_reticle_session_v1_InputItem__Input)[];
  'keepBytes'?: (number);
  'append'?: (string);
  'discard'?: (boolean);
}

export interface Draft {
  'draftId': (string);
  'revision': (number);
  'parentTurnId': (string);
  'prefix': (_reticle_session_v1_InputItem)[];
  'keepBytes': (number);
  'append': (string);
  'discard': (boolean);
}
