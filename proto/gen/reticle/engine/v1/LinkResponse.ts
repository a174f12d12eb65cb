// Original file: proto/reticle/engine/v1/engine.proto

import type { Welcome__Input as _reticle_engine_v1_Welcome__Input, Welcome as _reticle_engine_v1_Welcome } from '../../../reticle/engine/v1/Welcome.ts';
import type { Opened__Input as _reticle_engine_v1_Opened__Input, Opened as _reticle_engine_v1_Opened } from '../../../reticle/engine/v1/Opened.ts';
import type { Prefilled__Input as _reticle_engine_v1_Prefilled__Input, Prefilled as _reticle_engine_v1_Prefilled } from '../../../reticle/engine/v1/Prefilled.ts';
import type { Started__Input as _reticle_engine_v1_Started__Input, Started as _reticle_engine_v1_Started } from '../../../reticle/engine/v1/Started.ts';
import type { StepFrame__Input as _reticle_engine_v1_StepFrame__Input, StepFrame as _reticle_engine_v1_StepFrame } from '../../../reticle/engine/v1/StepFrame.ts';
import type { CutDone__Input as _reticle_engine_v1_CutDone__Input, CutDone as _reticle_engine_v1_CutDone } from '../../../reticle/engine/v1/CutDone.ts';
import type { Ended__Input as _reticle_engine_v1_Ended__Input, Ended as _reticle_engine_v1_Ended } from '../../../reticle/engine/v1/Ended.ts';
import type { Load__Input as _reticle_engine_v1_Load__Input, Load as _reticle_engine_v1_Load } from '../../../reticle/engine/v1/Load.ts';
import type { Fault__Input as _reticle_engine_v1_Fault__Input, Fault as _reticle_engine_v1_Fault } from '../../../reticle/engine/v1/Fault.ts';
import type { Transcript__Input as _reticle_engine_v1_Transcript__Input, Transcript as _reticle_engine_v1_Transcript } from '../../../reticle/engine/v1/Transcript.ts';
import type { Drain__Input as _reticle_engine_v1_Drain__Input, Drain as _reticle_engine_v1_Drain } from '../../../reticle/engine/v1/Drain.ts';
import type { Pong__Input as _reticle_engine_v1_Pong__Input, Pong as _reticle_engine_v1_Pong } from '../../../reticle/engine/v1/Pong.ts';
import type { KvEvents__Input as _reticle_engine_v1_KvEvents__Input, KvEvents as _reticle_engine_v1_KvEvents } from '../../../reticle/engine/v1/KvEvents.ts';

export interface LinkResponse__Input {
  'welcome'?: (_reticle_engine_v1_Welcome__Input | null);
  'opened'?: (_reticle_engine_v1_Opened__Input | null);
  'prefilled'?: (_reticle_engine_v1_Prefilled__Input | null);
  'started'?: (_reticle_engine_v1_Started__Input | null);
  'step'?: (_reticle_engine_v1_StepFrame__Input | null);
  'cutDone'?: (_reticle_engine_v1_CutDone__Input | null);
  'ended'?: (_reticle_engine_v1_Ended__Input | null);
  'load'?: (_reticle_engine_v1_Load__Input | null);
  'fault'?: (_reticle_engine_v1_Fault__Input | null);
  'transcript'?: (_reticle_engine_v1_Transcript__Input | null);
  'drain'?: (_reticle_engine_v1_Drain__Input | null);
  'pong'?: (_reticle_engine_v1_Pong__Input | null);
  'kvEvents'?: (_reticle_engine_v1_KvEvents__Input | null);
  'message'?: "welcome"|"opened"|"prefilled"|"started"|"step"|"cutDone"|"ended"|"load"|"fault"|"transcript"|"drain"|"pong"|"kvEvents";
}

export interface LinkResponse {
  'welcome'?: (_reticle_engine_v1_Welcome | null);
  'opened'?: (_reticle_engine_v1_Opened | null);
  'prefilled'?: (_reticle_engine_v1_Prefilled | null);
  'started'?: (_reticle_engine_v1_Started | null);
  'step'?: (_reticle_engine_v1_StepFrame | null);
  'cutDone'?: (_reticle_engine_v1_CutDone | null);
  'ended'?: (_reticle_engine_v1_Ended | null);
  'load'?: (_reticle_engine_v1_Load | null);
  'fault'?: (_reticle_engine_v1_Fault | null);
  'transcript'?: (_reticle_engine_v1_Transcript | null);
  'drain'?: (_reticle_engine_v1_Drain | null);
  'pong'?: (_reticle_engine_v1_Pong | null);
  'kvEvents'?: (_reticle_engine_v1_KvEvents | null);
  'message'?: "welcome"|"opened"|"prefilled"|"started"|"step"|"cutDone"|"ended"|"load"|"fault"|"transcript"|"drain"|"pong"|"kvEvents";
}
