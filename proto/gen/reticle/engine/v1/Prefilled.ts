// Original file: proto/reticle/engine/v1/engine.proto


export interface Prefilled__Input {
  'sid'?: (number);
  'op'?: (number);
  'contextTokens'?: (number);
  'cachedTokens'?: (number);
  'prefilledTokens'?: (number);
}

export interface Prefilled {
  'sid': (number);
  'op': (number);
  'contextTokens': (number);
  'cachedTokens': (number);
  'prefilledTokens': (number);
}
