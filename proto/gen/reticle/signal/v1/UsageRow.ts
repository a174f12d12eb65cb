// Original file: proto/reticle/signal/v1/signal.proto

import type { Long } from '@grpc/proto-loader';

export interface UsageRow__Input {
  'key'?: (Buffer | Uint8Array | string);
  'reserved'?: (number | string | Long);
  'refunded'?: (number | string | Long);
  'service'?: (number | string | Long);
  'offered'?: (number | string | Long);
  'openTurns'?: (number);
  'openSessions'?: (number);
}

export interface UsageRow {
  'key': (Buffer);
  'reserved': (number);
  'refunded': (number);
  'service': (number);
  'offered': (number);
  'openTurns': (number);
  'openSessions': (number);
}
