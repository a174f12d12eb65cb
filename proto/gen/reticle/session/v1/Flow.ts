// Original file: proto/reticle/session/v1/session.proto


export interface Flow__Input {
  'turnId'?: (string);
  'receivedThroughOffset'?: (number);
  'creditTokens'?: (number);
}

export interface Flow {
  'turnId': (string);
  'receivedThroughOffset': (number);
  'creditTokens': (number);
}
