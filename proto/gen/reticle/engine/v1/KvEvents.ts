// Original file: proto/reticle/engine/v1/engine.proto

import type { Long } from '@grpc/proto-loader';

export interface KvEvents__Input {
  'seq'?: (number | string | Long);
  'reset'?: (boolean);
  'stored'?: (number | string | Long)[];
  'evicted'?: (number | string | Long)[];
}

export interface KvEvents {
  'seq': (number);
  'reset': (boolean);
  'stored': (number)[];
  'evicted': (number)[];
}
