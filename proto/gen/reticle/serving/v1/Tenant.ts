// Original file: proto/reticle/serving/v1/serving.proto

import type { TenantTier__Input as _reticle_serving_v1_TenantTier__Input, TenantTier as _reticle_serving_v1_TenantTier } from '../../../reticle/serving/v1/TenantTier.ts';
import type { Elsewhere__Input as _reticle_serving_v1_Elsewhere__Input, Elsewhere as _reticle_serving_v1_Elsewhere } from '../../../reticle/serving/v1/Elsewhere.ts';
import type { Key__Input as _reticle_serving_v1_Key__Input, Key as _reticle_serving_v1_Key } from '../../../reticle/serving/v1/Key.ts';

export interface Tenant__Input {
  'name'?: (string);
  'suspended'?: (boolean);
  'inferenceResidency'?: (string)[];
  'storageResidency'?: (string);
  'weight'?: (number);
  'tiers'?: (_reticle_serving_v1_TenantTier__Input)[];
  'elsewhere'?: (_reticle_serving_v1_Elsewhere__Input);
  'regions'?: (string)[];
  'keys'?: (_reticle_serving_v1_Key__Input)[];
}

export interface Tenant {
  'name': (string);
  'suspended': (boolean);
  'inferenceResidency': (string)[];
  'storageResidency': (string);
  'weight': (number);
  'tiers': (_reticle_serving_v1_TenantTier)[];
  'elsewhere': (_reticle_serving_v1_Elsewhere);
  'regions': (string)[];
  'keys': (_reticle_serving_v1_Key)[];
}
