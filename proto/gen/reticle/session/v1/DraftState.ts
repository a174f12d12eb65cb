// Original file: proto/reticle/session/v1/session.proto


export interface DraftState__Input {
  'draftId'?: (string);
  'revision'?: (number);
  'prefilledTokens'?: (number);
  'stableBytes'?: (number);
  'code'?: (string);
}

export interface DraftState {
  'draftId': (string);
  'revision': (number);
  'prefilledTokens': (number);
  'stableBytes': (number);
  'code': (string);
}
