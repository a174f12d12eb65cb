// Original file: proto/reticle/engine/v1/engine.proto


export interface Credit__Input {
  'lane'?: (number)[];
  'receivedThrough'?: (number)[];
  'creditTokens'?: (number)[];
}

export interface Credit {
  'lane': (number)[];
  'receivedThrough': (number)[];
  'creditTokens': (number)[];
}
