// Original file: proto/reticle/engine/v1/engine.proto

import type { TokenLogprob__Input as _reticle_session_v1_TokenLogprob__Input, TokenLogprob as _reticle_session_v1_TokenLogprob } from '../../../reticle/session/v1/TokenLogprob.ts';

export interface LaneLogprobs__Input {
  'lane'?: (number);
  'tokens'?: (_reticle_session_v1_TokenLogprob__Input)[];
}

export interface LaneLogprobs {
  'lane': (number);
  'tokens': (_reticle_session_v1_TokenLogprob)[];
}
