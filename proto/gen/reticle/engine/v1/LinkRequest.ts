// Original file: proto/reticle/engine/v1/engine.proto

import type { Hello__Input as _reticle_engine_v1_Hello__Input, Hello as _reticle_engine_v1_Hello } from '../../../reticle/engine/v1/Hello.ts';
import type { Open__Input as _reticle_engine_v1_Open__Input, Open as _reticle_engine_v1_Open } from '../../../reticle/engine/v1/Open.ts';
import type { Prefill__Input as _reticle_engine_v1_Prefill__Input, Prefill as _reticle_engine_v1_Prefill } from '../../../reticle/engine/v1/Prefill.ts';
import type { Start__Input as _reticle_engine_v1_Start__Input, Start as _reticle_engine_v1_Start } from '../../../reticle/engine/v1/Start.ts';
import type { Cut__Input as _reticle_engine_v1_Cut__Input, Cut as _reticle_engine_v1_Cut } from '../../../reticle/engine/v1/Cut.ts';
import type { Credit__Input as _reticle_engine_v1_Credit__Input, Credit as _reticle_engine_v1_Credit } from '../../../reticle/engine/v1/Credit.ts';
import type { Release__Input as _reticle_engine_v1_Release__Input, Release as _reticle_engine_v1_Release } from '../../../reticle/engine/v1/Release.ts';
import type { Ping__Input as _reticle_engine_v1_Ping__Input, Ping as _reticle_engine_v1_Ping } from '../../../reticle/engine/v1/Ping.ts';
import type { Transcript__Input as _reticle_engine_v1_Transcript__Input, Transcript as _reticle_engine_v1_Transcript } from '../../../reticle/engine/v1/Transcript.ts';

export interface LinkRequest__Input {
  'hello'?: (_reticle_engine_v1_Hello__Input | null);
  'open'?: (_reticle_engine_v1_Open__Input | null);
  'prefill'?: (_reticle_engine_v1_Prefill__Input | null);
  'start'?: (_reticle_engine_v1_Start__Input | null);
  'cut'?: (_reticle_engine_v1_Cut__Input | null);
  'credit'?: (_reticle_engine_v1_Credit__Input | null);
  'release'?: (_reticle_engine_v1_Release__Input | null);
  'ping'?: (_reticle_engine_v1_Ping__Input | null);
  'record'?: (_reticle_engine_v1_Transcript__Input | null);
  'message'?: "hello"|"open"|"prefill"|"start"|"cut"|"credit"|"release"|"ping"|"record";
}

export interface LinkRequest {
  'hello'?: (_reticle_engine_v1_Hello | null);
  'open'?: (_reticle_engine_v1_Open | null);
  'prefill'?: (_reticle_engine_v1_Prefill | null);
  'start'?: (_reticle_engine_v1_Start | null);
  'cut'?: (_reticle_engine_v1_Cut | null);
  'credit'?: (_reticle_engine_v1_Credit | null);
  'release'?: (_reticle_engine_v1_Release | null);
  'ping'?: (_reticle_engine_v1_Ping | null);
  'record'?: (_reticle_engine_v1_Transcript | null);
  'message'?: "hello"|"open"|"prefill"|"start"|"cut"|"credit"|"release"|"ping"|"record";
}
