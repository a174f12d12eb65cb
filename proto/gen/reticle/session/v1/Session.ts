// Original file: proto/reticle/session/v1/session.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface Session__Input {
  'sessionId'?: (string);
  'model'?: (string);
  'modelDigest'?: (string);
  'region'?: (string);
  'allowedRegions'?: (string)[];
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'epoch'?: (number | string | Long);
  'contextTokens'?: (number);
  'contextLimit'?: (number);
  'expireTime'?: (_google_protobuf_Timestamp__Input | null);
}

export interface Session {
  'sessionId': (string);
  'model': (string);
  'modelDigest': (string);
  'region': (string);
  'allowedRegions': (string)[];
  'tier': (_reticle_session_v1_ServiceTier);
  'epoch': (number);
  'contextTokens': (number);
  'contextLimit': (number);
  'expireTime': (_google_protobuf_Timestamp | null);
}
