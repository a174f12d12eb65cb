// Original file: proto/reticle/serving/v1/serving.proto

import type { DeploymentRegion__Input as _reticle_serving_v1_DeploymentRegion__Input, DeploymentRegion as _reticle_serving_v1_DeploymentRegion } from '../../../reticle/serving/v1/DeploymentRegion.ts';
import type { DeploymentTier__Input as _reticle_serving_v1_DeploymentTier__Input, DeploymentTier as _reticle_serving_v1_DeploymentTier } from '../../../reticle/serving/v1/DeploymentTier.ts';
import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';

export interface Deployment__Input {
  'uid'?: (string);
  'namespace'?: (string);
  'name'?: (string);
  'servedName'?: (string);
  'residency'?: (string)[];
  'regions'?: (_reticle_serving_v1_DeploymentRegion__Input)[];
  'tiers'?: (_reticle_serving_v1_DeploymentTier__Input)[];
  'spillTo'?: (string)[];
  'spillAccepts'?: (_reticle_session_v1_ServiceTier__Input)[];
}

export interface Deployment {
  'uid': (string);
  'namespace': (string);
  'name': (string);
  'servedName': (string);
  'residency': (string)[];
  'regions': (_reticle_serving_v1_DeploymentRegion)[];
  'tiers': (_reticle_serving_v1_DeploymentTier)[];
  'spillTo': (string)[];
  'spillAccepts': (_reticle_session_v1_ServiceTier)[];
}
