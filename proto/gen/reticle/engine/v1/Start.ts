// Original file: proto/reticle/engine/v1/engine.proto

import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';
import type { DraftRef__Input as _reticle_session_v1_DraftRef__Input, DraftRef as _reticle_session_v1_DraftRef } from '../../../reticle/session/v1/DraftRef.ts';
import type { Params__Input as _reticle_session_v1_Params__Input, Params as _reticle_session_v1_Params } from '../../../reticle/session/v1/Params.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';

export interface Start__Input {
  'lane'?: (number);
  'sid'?: (number);
  'clientSeq'?: (number);
  'turnId'?: (string);
  'parentTurnId'?: (string);
  'input'?: (_reticle_session_v1_InputItem__Input)[];
  'draft'?: (_reticle_session_v1_DraftRef__Input | null);
  'params'?: (_reticle_session_v1_Params__Input | null);
  'maxOutputTokens'?: (number);
  'creditTokens'?: (number);
  'forcedTokenIds'?: (number)[];
  'maxDuration'?: (_google_protobuf_Duration__Input | null);
  'priority'?: (number);
  'traceparent'?: (string);
  'hold'?: (boolean);
  'twinEngineId'?: (string);
  'bodyDigest'?: (string);
  'outputUnlimited'?: (boolean);
}

export interface Start {
  'lane': (number);
  'sid': (number);
  'clientSeq': (number);
  'turnId': (string);
  'parentTurnId': (string);
  'input': (_reticle_session_v1_InputItem)[];
  'draft': (_reticle_session_v1_DraftRef | null);
  'params': (_reticle_session_v1_Params | null);
  'maxOutputTokens': (number);
  'creditTokens': (number);
  'forcedTokenIds': (number)[];
  'maxDuration': (_google_protobuf_Duration | null);
  'priority': (number);
  'traceparent': (string);
  'hold': (boolean);
  'twinEngineId': (string);
  'bodyDigest': (string);
  'outputUnlimited': (boolean);
}
