// Original file: proto/reticle/engine/v1/engine.proto


export interface SignalTurnRequest__Input {
  'signed'?: (Buffer | Uint8Array | string);
}

export interface SignalTurnRequest {
  'signed': (Buffer);
}
