// Original file: proto/reticle/engine/v1/engine.proto


export interface Transcript__Input {
  'sid'?: (number);
  'firstPosition'?: (number);
  'tokenIds'?: (number)[];
  'last'?: (boolean);
}

export interface Transcript {
  'sid': (number);
  'firstPosition': (number);
  'tokenIds': (number)[];
  'last': (boolean);
}
