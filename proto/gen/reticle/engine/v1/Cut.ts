// Original file: proto/reticle/engine/v1/engine.proto

import type { CutMode__Input as _reticle_session_v1_CutMode__Input, CutMode as _reticle_session_v1_CutMode } from '../../../reticle/session/v1/CutMode.ts';
import type { Start__Input as _reticle_engine_v1_Start__Input, Start as _reticle_engine_v1_Start } from '../../../reticle/engine/v1/Start.ts';

export interface Cut__Input {
  'lane'?: (number);
  'clientSeq'?: (number);
  'signalId'?: (string);
  'mode'?: (_reticle_session_v1_CutMode__Input);
  'keepThroughOffset'?: (number);
  'reason'?: (string);
  'successor'?: (_reticle_engine_v1_Start__Input | null);
  '_keepThroughOffset'?: "keepThroughOffset";
}

export interface Cut {
  'lane': (number);
  'clientSeq': (number);
  'signalId': (string);
  'mode': (_reticle_session_v1_CutMode);
  'keepThroughOffset'?: (number);
  'reason': (string);
  'successor': (_reticle_engine_v1_Start | null);
  '_keepThroughOffset'?: "keepThroughOffset";
}
