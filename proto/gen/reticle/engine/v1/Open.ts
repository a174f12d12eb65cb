// Original file: proto/reticle/engine/v1/engine.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { Adopt__Input as _reticle_engine_v1_Adopt__Input, Adopt as _reticle_engine_v1_Adopt } from '../../../reticle/engine/v1/Adopt.ts';
import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';
import type { Long } from '@grpc/proto-loader';

export interface Open__Input {
  'sid'?: (number);
  'sessionId'?: (string);
  'tenant'?: (string);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'minEpoch'?: (number | string | Long);
  'holder'?: (Buffer | Uint8Array | string);
  'kvScope'?: (Buffer | Uint8Array | string);
  'signalKey'?: (Buffer | Uint8Array | string);
  'idleTtl'?: (_google_protobuf_Duration__Input | null);
  'detachGrace'?: (_google_protobuf_Duration__Input | null);
  'adopt'?: (_reticle_engine_v1_Adopt__Input)[];
  'wantTranscript'?: (boolean);
  'defaultCreditTokens'?: (number);
  'root'?: (_reticle_session_v1_InputItem__Input)[];
  'records'?: (number);
  'lastClientSeq'?: (number);
}

export interface Open {
  'sid': (number);
  'sessionId': (string);
  'tenant': (string);
  'tier': (_reticle_session_v1_ServiceTier);
  'minEpoch': (number);
  'holder': (Buffer);
  'kvScope': (Buffer);
  'signalKey': (Buffer);
  'idleTtl': (_google_protobuf_Duration | null);
  'detachGrace': (_google_protobuf_Duration | null);
  'adopt': (_reticle_engine_v1_Adopt)[];
  'wantTranscript': (boolean);
  'defaultCreditTokens': (number);
  'root': (_reticle_session_v1_InputItem)[];
  'records': (number);
  'lastClientSeq': (number);
}
