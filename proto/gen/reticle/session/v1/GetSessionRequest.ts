// Original file: proto/reticle/session/v1/session.proto


export interface GetSessionRequest__Input {
  'sessionId'?: (string);
}

export interface GetSessionRequest {
  'sessionId': (string);
}
