// Original file: proto/reticle/session/v1/session.proto

import type { Timestamp__Input as _google_protobuf_Timestamp__Input, Timestamp as _google_protobuf_Timestamp } from '../../../google/protobuf/Timestamp.ts';
import type { Long } from '@grpc/proto-loader';

export interface LimitWindow__Input {
  'limitId'?: (string);
  'unit'?: (string);
  'limit'?: (number | string | Long);
  'remaining'?: (number | string | Long);
  'resetTime'?: (_google_protobuf_Timestamp__Input | null);
  'validUntil'?: (_google_protobuf_Timestamp__Input | null);
}

export interface LimitWindow {
  'limitId': (string);
  'unit': (string);
  'limit': (number);
  'remaining': (number);
  'resetTime': (_google_protobuf_Timestamp | null);
  'validUntil': (_google_protobuf_Timestamp | null);
}
