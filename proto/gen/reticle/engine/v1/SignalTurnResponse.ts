// Original file: proto/reticle/engine/v1/engine.proto


export interface SignalTurnResponse__Input {
  'ack'?: (Buffer | Uint8Array | string);
}

export interface SignalTurnResponse {
  'ack': (Buffer);
}
