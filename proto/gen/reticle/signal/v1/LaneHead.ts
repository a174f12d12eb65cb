// Original file: proto/reticle/signal/v1/signal.proto

import type { Long } from '@grpc/proto-loader';

export interface LaneHead__Input {
  'lane'?: (number | string | Long);
  'band'?: (number);
  'vMin'?: (number | string);
  'queuedUnits'?: (number | string | Long);
  'offeredUnits'?: (number | string | Long);
  'offeredErlangs'?: (number | string);
}

export interface LaneHead {
  'lane': (number);
  'band': (number);
  'vMin': (number);
  'queuedUnits': (number);
  'offeredUnits': (number);
  'offeredErlangs': (number);
}
