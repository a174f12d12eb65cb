// Original file: proto/reticle/engine/v1/engine.proto

import type { Capabilities__Input as _reticle_engine_v1_Capabilities__Input, Capabilities as _reticle_engine_v1_Capabilities } from '../../../reticle/engine/v1/Capabilities.ts';
import type { Load__Input as _reticle_engine_v1_Load__Input, Load as _reticle_engine_v1_Load } from '../../../reticle/engine/v1/Load.ts';
import type { Long } from '@grpc/proto-loader';

export interface Welcome__Input {
  'protocol'?: (number);
  'engineId'?: (string);
  'replicaEpoch'?: (number | string | Long);
  'modelDigest'?: (string);
  'region'?: (string);
  'capabilities'?: (_reticle_engine_v1_Capabilities__Input | null);
  'load'?: (_reticle_engine_v1_Load__Input | null);
}

export interface Welcome {
  'protocol': (number);
  'engineId': (string);
  'replicaEpoch': (number);
  'modelDigest': (string);
  'region': (string);
  'capabilities': (_reticle_engine_v1_Capabilities | null);
  'load': (_reticle_engine_v1_Load | null);
}
