// Original file: proto/reticle/session/v1/session.proto


export interface CloseSessionRequest__Input {
  'sessionId'?: (string);
}

export interface CloseSessionRequest {
  'sessionId': (string);
}
