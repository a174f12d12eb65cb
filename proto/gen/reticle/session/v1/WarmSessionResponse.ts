// Original file: proto/reticle/session/v1/session.proto


export interface WarmSessionResponse__Input {
  'turnId'?: (string);
  'prefilledTokens'?: (number);
  'cachedTokens'?: (number);
}

export interface WarmSessionResponse {
  'turnId': (string);
  'prefilledTokens': (number);
  'cachedTokens': (number);
}
