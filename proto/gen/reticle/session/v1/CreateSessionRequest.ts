// Original file: proto/reticle/session/v1/session.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface CreateSessionRequest__Input {
  'requestId'?: (string);
  'model'?: (string);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'allowedRegions'?: (string)[];
  'cacheKey'?: (string);
  'prefix'?: (_reticle_session_v1_InputItem__Input)[];
  'idleTtl'?: (_google_protobuf_Duration__Input | null);
}

export interface CreateSessionRequest {
  'requestId': (string);
  'model': (string);
  'tier': (_reticle_session_v1_ServiceTier);
  'allowedRegions': (string)[];
  'cacheKey': (string);
  'prefix': (_reticle_session_v1_InputItem)[];
  'idleTtl': (_google_protobuf_Duration | null);
}
