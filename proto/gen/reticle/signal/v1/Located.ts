// Original file: proto/reticle/signal/v1/signal.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Long } from '@grpc/proto-loader';

export interface Located__Input {
  'sessionId'?: (string);
  'engineId'?: (string);
  'address'?: (string);
  'epoch'?: (number | string | Long);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
}

export interface Located {
  'sessionId': (string);
  'engineId': (string);
  'address': (string);
  'epoch': (number);
  'tier': (_reticle_session_v1_ServiceTier);
}
