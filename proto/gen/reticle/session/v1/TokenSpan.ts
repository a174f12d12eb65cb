// Original file: proto/reticle/session/v1/session.proto


export interface TokenSpan__Input {
  'tokenIds'?: (number)[];
}

export interface TokenSpan {
  'tokenIds': (number)[];
}
