// Original file: proto/reticle/session/v1/session.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface FramePolicy__Input {
  'maxTokens'?: (number);
  'maxDelay'?: (_google_protobuf_Duration__Input | null);
  'includeTokenIds'?: (boolean);
  'omitText'?: (boolean);
}

export interface FramePolicy {
  'maxTokens': (number);
  'maxDelay': (_google_protobuf_Duration | null);
  'includeTokenIds': (boolean);
  'omitText': (boolean);
}
