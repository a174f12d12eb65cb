// Original file: proto/reticle/signal/v1/signal.proto


export interface Signed__Input {
  'kid'?: (string);
  'body'?: (Buffer | Uint8Array | string);
  'mac'?: (Buffer | Uint8Array | string);
}

export interface Signed {
  'kid': (string);
  'body': (Buffer);
  'mac': (Buffer);
}
