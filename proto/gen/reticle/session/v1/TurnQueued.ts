// Original file: proto/reticle/session/v1/session.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';

export interface TurnQueued__Input {
  'turnId'?: (string);
  'position'?: (number);
  'estimatedWait'?: (_google_protobuf_Duration__Input | null);
  'estimatedWaitP90'?: (_google_protobuf_Duration__Input | null);
  'reason'?: (string);
  'fallbackTier'?: (_reticle_session_v1_ServiceTier__Input);
}

export interface TurnQueued {
  'turnId': (string);
  'position': (number);
  'estimatedWait': (_google_protobuf_Duration | null);
  'estimatedWaitP90': (_google_protobuf_Duration | null);
  'reason': (string);
  'fallbackTier': (_reticle_session_v1_ServiceTier);
}
