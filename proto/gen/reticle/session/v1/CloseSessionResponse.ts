// Original file: proto/reticle/session/v1/session.proto


export interface CloseSessionResponse__Input {
}

export interface CloseSessionResponse {
}
