// Original file: proto/reticle/session/v1/session.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface Timing__Input {
  'queue'?: (_google_protobuf_Duration__Input | null);
  'prefill'?: (_google_protobuf_Duration__Input | null);
  'firstToken'?: (_google_protobuf_Duration__Input | null);
  'decode'?: (_google_protobuf_Duration__Input | null);
  'control'?: (_google_protobuf_Duration__Input | null);
}

export interface Timing {
  'queue': (_google_protobuf_Duration | null);
  'prefill': (_google_protobuf_Duration | null);
  'firstToken': (_google_protobuf_Duration | null);
  'decode': (_google_protobuf_Duration | null);
  'control': (_google_protobuf_Duration | null);
}
