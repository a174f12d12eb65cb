// Original file: proto/reticle/serving/v1/serving.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotHead__Input {
  'cell'?: (string);
  'term'?: (number | string | Long);
  'seq'?: (number | string | Long);
  'digest'?: (Buffer | Uint8Array | string);
}

export interface SnapshotHead {
  'cell': (string);
  'term': (number);
  'seq': (number);
  'digest': (Buffer);
}
