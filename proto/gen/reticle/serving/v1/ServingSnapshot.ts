// Original file: proto/reticle/serving/v1/serving.proto

import type { Region__Input as _reticle_serving_v1_Region__Input, Region as _reticle_serving_v1_Region } from '../../../reticle/serving/v1/Region.ts';
import type { Deployment__Input as _reticle_serving_v1_Deployment__Input, Deployment as _reticle_serving_v1_Deployment } from '../../../reticle/serving/v1/Deployment.ts';
import type { Replica__Input as _reticle_serving_v1_Replica__Input, Replica as _reticle_serving_v1_Replica } from '../../../reticle/serving/v1/Replica.ts';
import type { Tier__Input as _reticle_serving_v1_Tier__Input, Tier as _reticle_serving_v1_Tier } from '../../../reticle/serving/v1/Tier.ts';
import type { Tenant__Input as _reticle_serving_v1_Tenant__Input, Tenant as _reticle_serving_v1_Tenant } from '../../../reticle/serving/v1/Tenant.ts';
import type { Phase__Input as _reticle_serving_v1_Phase__Input, Phase as _reticle_serving_v1_Phase } from '../../../reticle/serving/v1/Phase.ts';
import type { Long } from '@grpc/proto-loader';

export interface ServingSnapshot__Input {
  'format'?: (number);
  'cell'?: (string);
  'region'?: (string);
  'term'?: (number | string | Long);
  'seq'?: (number | string | Long);
  'regions'?: (_reticle_serving_v1_Region__Input)[];
  'deployments'?: (_reticle_serving_v1_Deployment__Input)[];
  'replicas'?: (_reticle_serving_v1_Replica__Input)[];
  'tiers'?: (_reticle_serving_v1_Tier__Input)[];
  'tenants'?: (_reticle_serving_v1_Tenant__Input)[];
  'phases'?: (_reticle_serving_v1_Phase__Input)[];
  'withoutTenants'?: (boolean);
}

export interface ServingSnapshot {
  'format': (number);
  'cell': (string);
  'region': (string);
  'term': (number);
  'seq': (number);
  'regions': (_reticle_serving_v1_Region)[];
  'deployments': (_reticle_serving_v1_Deployment)[];
  'replicas': (_reticle_serving_v1_Replica)[];
  'tiers': (_reticle_serving_v1_Tier)[];
  'tenants': (_reticle_serving_v1_Tenant)[];
  'phases': (_reticle_serving_v1_Phase)[];
  'withoutTenants': (boolean);
}
