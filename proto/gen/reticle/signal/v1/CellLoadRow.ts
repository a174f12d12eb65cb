// Original file: proto/reticle/signal/v1/signal.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Long } from '@grpc/proto-loader';

export interface CellLoadRow__Input {
  'model'?: (string);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'slotsFree'?: (number);
  'waitP50Ms'?: (number);
  'drainUnitsPerSecond'?: (number | string | Long);
}

export interface CellLoadRow {
  'model': (string);
  'tier': (_reticle_session_v1_ServiceTier);
  'slotsFree': (number);
  'waitP50Ms': (number);
  'drainUnitsPerSecond': (number);
}
