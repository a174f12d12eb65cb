// Original file: proto/reticle/engine/v1/engine.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface Drain__Input {
  'timeLeft'?: (_google_protobuf_Duration__Input | null);
  'reason'?: (string);
}

export interface Drain {
  'timeLeft': (_google_protobuf_Duration | null);
  'reason': (string);
}
