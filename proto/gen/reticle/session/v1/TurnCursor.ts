// Original file: proto/reticle/session/v1/session.proto


export interface TurnCursor__Input {
  'turnId'?: (string);
  'nextOffset'?: (number);
  'creditTokens'?: (number);
}

export interface TurnCursor {
  'turnId': (string);
  'nextOffset': (number);
  'creditTokens': (number);
}
