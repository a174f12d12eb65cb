// Original file: proto/reticle/serving/v1/serving.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotRequest__Input {
  'term'?: (number | string | Long);
  'seq'?: (number | string | Long);
}

export interface SnapshotRequest {
  'term': (number);
  'seq': (number);
}
