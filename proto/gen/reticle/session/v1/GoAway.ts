// Original file: proto/reticle/session/v1/session.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface GoAway__Input {
  'timeLeft'?: (_google_protobuf_Duration__Input | null);
  'resumeToken'?: (string);
  'reason'?: (string);
}

export interface GoAway {
  'timeLeft': (_google_protobuf_Duration | null);
  'resumeToken': (string);
  'reason': (string);
}
