// Original file: proto/reticle/session/v1/session.proto


export interface Usage__Input {
  'inputTokens'?: (number);
  'cachedTokens'?: (number);
  'outputTokens'?: (number);
  'reasoningTokens'?: (number);
  'discardedTokens'?: (number);
  'draftTokens'?: (number);
}

export interface Usage {
  'inputTokens': (number);
  'cachedTokens': (number);
  'outputTokens': (number);
  'reasoningTokens': (number);
  'discardedTokens': (number);
  'draftTokens': (number);
}
