// Original file: proto/reticle/serving/v1/serving.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Elsewhere__Input as _reticle_serving_v1_Elsewhere__Input, Elsewhere as _reticle_serving_v1_Elsewhere } from '../../../reticle/serving/v1/Elsewhere.ts';
import type { Long } from '@grpc/proto-loader';

export interface Key__Input {
  'id'?: (string);
  'hmacs'?: (Buffer | Uint8Array | string)[];
  'models'?: (string)[];
  'tiers'?: (_reticle_session_v1_ServiceTier__Input)[];
  'elsewhere'?: (_reticle_serving_v1_Elsewhere__Input);
  'notAfterMs'?: (number | string | Long);
  'revoked'?: (boolean);
}

export interface Key {
  'id': (string);
  'hmacs': (Buffer)[];
  'models': (string)[];
  'tiers': (_reticle_session_v1_ServiceTier)[];
  'elsewhere': (_reticle_serving_v1_Elsewhere);
  'notAfterMs': (number);
  'revoked': (boolean);
}
