// Original file: proto/reticle/engine/v1/engine.proto


export interface Ping__Input {
  'nonce'?: (number);
  'kvReset'?: (boolean);
}

export interface Ping {
  'nonce': (number);
  'kvReset': (boolean);
}
