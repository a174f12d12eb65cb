// Original file: proto/reticle/session/v1/session.proto


export interface TokenLogprob__Input {
  'logprob'?: (number | string);
  'topIds'?: (number)[];
  'topLogprobs'?: (number | string)[];
}

export interface TokenLogprob {
  'logprob': (number);
  'topIds': (number)[];
  'topLogprobs': (number)[];
}
