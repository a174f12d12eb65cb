// Original file: proto/reticle/engine/v1/engine.proto

import type { Long } from '@grpc/proto-loader';

export interface Pong__Input {
  'nonce'?: (number);
  'step'?: (number | string | Long);
}

export interface Pong {
  'nonce': (number);
  'step': (number);
}
