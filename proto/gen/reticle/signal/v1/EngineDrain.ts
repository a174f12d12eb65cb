// Original file: proto/reticle/signal/v1/signal.proto

import type { Long } from '@grpc/proto-loader';

export interface EngineDrain__Input {
  'replicaEpoch'?: (number | string | Long);
  'deadlineMs'?: (number);
  'reason'?: (string);
}

export interface EngineDrain {
  'replicaEpoch': (number);
  'deadlineMs': (number);
  'reason': (string);
}
