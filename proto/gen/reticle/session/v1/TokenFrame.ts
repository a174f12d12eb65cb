// Original file: proto/reticle/session/v1/session.proto

import type { TokenLogprob__Input as _reticle_session_v1_TokenLogprob__Input, TokenLogprob as _reticle_session_v1_TokenLogprob } from '../../../reticle/session/v1/TokenLogprob.ts';

export interface TokenFrame__Input {
  'turnId'?: (string);
  'firstOffset'?: (number);
  'tokenCount'?: (number);
  'tokenIds'?: (number)[];
  'text'?: (Buffer | Uint8Array | string);
  'textLengths'?: (number)[];
  'itemIndex'?: (number);
  'engineMicros'?: (number);
  'logprobs'?: (_reticle_session_v1_TokenLogprob__Input)[];
}

export interface TokenFrame {
  'turnId': (string);
  'firstOffset': (number);
  'tokenCount': (number);
  'tokenIds': (number)[];
  'text': (Buffer);
  'textLengths': (number)[];
  'itemIndex': (number);
  'engineMicros': (number);
  'logprobs': (_reticle_session_v1_TokenLogprob)[];
}
