// Original file: proto/reticle/engine/v1/engine.proto

import type { Start__Input as _reticle_engine_v1_Start__Input, Start as _reticle_engine_v1_Start } from '../../../reticle/engine/v1/Start.ts';
import type { Prefill__Input as _reticle_engine_v1_Prefill__Input, Prefill as _reticle_engine_v1_Prefill } from '../../../reticle/engine/v1/Prefill.ts';
import type { Prefilled__Input as _reticle_engine_v1_Prefilled__Input, Prefilled as _reticle_engine_v1_Prefilled } from '../../../reticle/engine/v1/Prefilled.ts';
import type { Started__Input as _reticle_engine_v1_Started__Input, Started as _reticle_engine_v1_Started } from '../../../reticle/engine/v1/Started.ts';
import type { Ended__Input as _reticle_engine_v1_Ended__Input, Ended as _reticle_engine_v1_Ended } from '../../../reticle/engine/v1/Ended.ts';
import type { ItemMark__Input as _reticle_session_v1_ItemMark__Input, ItemMark as _reticle_session_v1_ItemMark } from '../../../reticle/session/v1/ItemMark.ts';
import type { CutDone__Input as _reticle_engine_v1_CutDone__Input, CutDone as _reticle_engine_v1_CutDone } from '../../../reticle/engine/v1/CutDone.ts';

export interface Transcript__Input {
  'sid'?: (number);
  'firstPosition'?: (number);
  'tokenIds'?: (number)[];
  'last'?: (boolean);
  'turnId'?: (string);
  'start'?: (_reticle_engine_v1_Start__Input | null);
  'prefill'?: (_reticle_engine_v1_Prefill__Input | null);
  'prefilled'?: (_reticle_engine_v1_Prefilled__Input | null);
  'started'?: (_reticle_engine_v1_Started__Input | null);
  'ended'?: (_reticle_engine_v1_Ended__Input | null);
  'generatedOffset'?: (number);
  'items'?: (_reticle_session_v1_ItemMark__Input)[];
  'cuts'?: (_reticle_engine_v1_CutDone__Input)[];
  'cold'?: (boolean);
}

export interface Transcript {
  'sid': (number);
  'firstPosition': (number);
  'tokenIds': (number)[];
  'last': (boolean);
  'turnId': (string);
  'start': (_reticle_engine_v1_Start | null);
  'prefill': (_reticle_engine_v1_Prefill | null);
  'prefilled': (_reticle_engine_v1_Prefilled | null);
  'started': (_reticle_engine_v1_Started | null);
  'ended': (_reticle_engine_v1_Ended | null);
  'generatedOffset': (number);
  'items': (_reticle_session_v1_ItemMark)[];
  'cuts': (_reticle_engine_v1_CutDone)[];
  'cold': (boolean);
}
