// Original file: proto/reticle/signal/v1/signal.proto


export interface Locate__Input {
  'sessionId'?: (string);
  'sessionKeyTag'?: (Buffer | Uint8Array | string);
  'tenantTag'?: (Buffer | Uint8Array | string);
}

export interface Locate {
  'sessionId': (string);
  'sessionKeyTag': (Buffer);
  'tenantTag': (Buffer);
}
