// Original file: proto/reticle/engine/v1/engine.proto


export interface AdoptedTurn__Input {
  'lane'?: (number);
  'turnId'?: (string);
  'replayFrom'?: (number);
  'generatedOffset'?: (number);
  'ended'?: (boolean);
}

export interface AdoptedTurn {
  'lane': (number);
  'turnId': (string);
  'replayFrom': (number);
  'generatedOffset': (number);
  'ended': (boolean);
}
