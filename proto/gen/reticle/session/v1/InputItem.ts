// Original file: proto/reticle/session/v1/session.proto

import type { TokenSpan__Input as _reticle_session_v1_TokenSpan__Input, TokenSpan as _reticle_session_v1_TokenSpan } from '../../../reticle/session/v1/TokenSpan.ts';

export interface InputItem__Input {
  'itemJson'?: (string);
  'tokens'?: (_reticle_session_v1_TokenSpan__Input | null);
  'item'?: "itemJson"|"tokens";
}

export interface InputItem {
  'itemJson'?: (string);
  'tokens'?: (_reticle_session_v1_TokenSpan | null);
  'item'?: "itemJson"|"tokens";
}
