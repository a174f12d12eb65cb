// Original file: proto/reticle/engine/v1/engine.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Long } from '@grpc/proto-loader';

export interface ResumeToken__Input {
  'tenantTag'?: (Buffer | Uint8Array | string);
  'sessionId'?: (Buffer | Uint8Array | string);
  'holder'?: (Buffer | Uint8Array | string);
  'epoch'?: (number | string | Long);
  'engineId'?: (string);
  'address'?: (string);
  'replicaEpoch'?: (number | string | Long);
  'digestPrefix'?: (Buffer | Uint8Array | string);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'expiresS'?: (number | string | Long);
  'gateway'?: (string);
}

export interface ResumeToken {
  'tenantTag': (Buffer);
  'sessionId': (Buffer);
  'holder': (Buffer);
  'epoch': (number);
  'engineId': (string);
  'address': (string);
  'replicaEpoch': (number);
  'digestPrefix': (Buffer);
  'tier': (_reticle_session_v1_ServiceTier);
  'expiresS': (number);
  'gateway': (string);
}
