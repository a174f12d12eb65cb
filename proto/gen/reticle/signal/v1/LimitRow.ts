// Original file: proto/reticle/signal/v1/signal.proto

import type { Long } from '@grpc/proto-loader';

export interface LimitRow__Input {
  'key'?: (Buffer | Uint8Array | string);
  'unitsPerMinute'?: (number | string | Long);
}

export interface LimitRow {
  'key': (Buffer);
  'unitsPerMinute': (number);
}
