// Original file: proto/reticle/serving/v1/serving.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Rates__Input as _reticle_serving_v1_Rates__Input, Rates as _reticle_serving_v1_Rates } from '../../../reticle/serving/v1/Rates.ts';

export interface Tier__Input {
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'priority'?: (number);
  'weight'?: (number);
  'floorTokensPerSecond'?: (number);
  'rates'?: (_reticle_serving_v1_Rates__Input | null);
  'regions'?: (string)[];
  'residency'?: (string)[];
  'spillTo'?: (_reticle_session_v1_ServiceTier__Input)[];
}

export interface Tier {
  'tier': (_reticle_session_v1_ServiceTier);
  'priority': (number);
  'weight': (number);
  'floorTokensPerSecond': (number);
  'rates': (_reticle_serving_v1_Rates | null);
  'regions': (string)[];
  'residency': (string)[];
  'spillTo': (_reticle_session_v1_ServiceTier)[];
}
