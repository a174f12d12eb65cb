// Original file: proto/reticle/serving/v1/serving.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';

export interface DeploymentTier__Input {
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'sharePercent'?: (number);
  'floorTokensPerSecond'?: (number);
  '_sharePercent'?: "sharePercent";
}

export interface DeploymentTier {
  'tier': (_reticle_session_v1_ServiceTier);
  'sharePercent'?: (number);
  'floorTokensPerSecond': (number);
  '_sharePercent'?: "sharePercent";
}
