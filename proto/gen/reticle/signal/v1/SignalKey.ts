// Original file: proto/reticle/signal/v1/signal.proto


export interface SignalKey__Input {
  'kid'?: (string);
  'key'?: (Buffer | Uint8Array | string);
}

export interface SignalKey {
  'kid': (string);
  'key': (Buffer);
}
