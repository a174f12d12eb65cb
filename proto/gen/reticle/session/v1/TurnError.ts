// Original file: proto/reticle/session/v1/session.proto

import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface TurnError__Input {
  'grpcCode'?: (number);
  'code'?: (string);
  'message'?: (string);
  'param'?: (string);
  'retryable'?: (boolean);
  'retryDelay'?: (_google_protobuf_Duration__Input | null);
}

export interface TurnError {
  'grpcCode': (number);
  'code': (string);
  'message': (string);
  'param': (string);
  'retryable': (boolean);
  'retryDelay': (_google_protobuf_Duration | null);
}
