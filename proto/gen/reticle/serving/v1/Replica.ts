// Original file: proto/reticle/serving/v1/serving.proto

import type { ReplicaState__Input as _reticle_serving_v1_ReplicaState__Input, ReplicaState as _reticle_serving_v1_ReplicaState } from '../../../reticle/serving/v1/ReplicaState.ts';
import type { Long } from '@grpc/proto-loader';

export interface Replica__Input {
  'uid'?: (string);
  'namespace'?: (string);
  'name'?: (string);
  'deploymentUid'?: (string);
  'engineId'?: (string);
  'region'?: (string);
  'pool'?: (string);
  'epoch'?: (number | string | Long);
  'planDigest'?: (string);
  'modelDigest'?: (string);
  'headAddress'?: (string);
  'state'?: (_reticle_serving_v1_ReplicaState__Input);
  'weightPercent'?: (number);
  'slots'?: (number);
  'kvTokens'?: (number | string | Long);
  'tokensPerSecond'?: (number);
  'contextTokens'?: (number);
}

export interface Replica {
  'uid': (string);
  'namespace': (string);
  'name': (string);
  'deploymentUid': (string);
  'engineId': (string);
  'region': (string);
  'pool': (string);
  'epoch': (number);
  'planDigest': (string);
  'modelDigest': (string);
  'headAddress': (string);
  'state': (_reticle_serving_v1_ReplicaState);
  'weightPercent': (number);
  'slots': (number);
  'kvTokens': (number);
  'tokensPerSecond': (number);
  'contextTokens': (number);
}
