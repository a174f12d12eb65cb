// Original file: proto/reticle/engine/v1/engine.proto


export interface Adopt__Input {
  'lane'?: (number);
  'turnId'?: (string);
  'nextOffset'?: (number);
  'creditTokens'?: (number);
}

export interface Adopt {
  'lane': (number);
  'turnId': (string);
  'nextOffset': (number);
  'creditTokens': (number);
}
