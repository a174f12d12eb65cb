// Original file: proto/reticle/serving/v1/serving.proto

import type { Long } from '@grpc/proto-loader';

export interface SnapshotPart__Input {
  'cell'?: (string);
  'term'?: (number | string | Long);
  'seq'?: (number | string | Long);
  'part'?: (number);
  'parts'?: (number);
  'digest'?: (Buffer | Uint8Array | string);
  'body'?: (Buffer | Uint8Array | string);
}

export interface SnapshotPart {
  'cell': (string);
  'term': (number);
  'seq': (number);
  'part': (number);
  'parts': (number);
  'digest': (Buffer);
  'body': (Buffer);
}
