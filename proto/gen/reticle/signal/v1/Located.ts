// Original file: proto/reticle/signal/v1/signal.proto

import type { Long } from '@grpc/proto-loader';

export interface Located__Input {
  'sessionId'?: (string);
  'engineId'?: (string);
  'address'?: (string);
  'epoch'?: (number | string | Long);
}

export interface Located {
  'sessionId': (string);
  'engineId': (string);
  'address': (string);
  'epoch': (number);
}
