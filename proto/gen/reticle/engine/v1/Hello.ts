// Original file: proto/reticle/engine/v1/engine.proto

import type { Long } from '@grpc/proto-loader';

export interface Hello__Input {
  'protocol'?: (number);
  'gatewayId'?: (string);
  'incarnation'?: (string);
  'region'?: (string);
  'linkIndex'?: (number);
  'linkCount'?: (number);
  'minReplicaEpoch'?: (number | string | Long);
  'wantModelDigest'?: (string);
}

export interface Hello {
  'protocol': (number);
  'gatewayId': (string);
  'incarnation': (string);
  'region': (string);
  'linkIndex': (number);
  'linkCount': (number);
  'minReplicaEpoch': (number);
  'wantModelDigest': (string);
}
