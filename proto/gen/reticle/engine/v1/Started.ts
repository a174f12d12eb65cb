// Original file: proto/reticle/engine/v1/engine.proto

import type { Continuation__Input as _reticle_session_v1_Continuation__Input, Continuation as _reticle_session_v1_Continuation } from '../../../reticle/session/v1/Continuation.ts';

export interface Started__Input {
  'lane'?: (number);
  'sid'?: (number);
  'turnId'?: (string);
  'promptTokens'?: (number);
  'cachedTokens'?: (number);
  'startOffset'?: (number);
  'continuation'?: (_reticle_session_v1_Continuation__Input);
}

export interface Started {
  'lane': (number);
  'sid': (number);
  'turnId': (string);
  'promptTokens': (number);
  'cachedTokens': (number);
  'startOffset': (number);
  'continuation': (_reticle_session_v1_Continuation);
}
