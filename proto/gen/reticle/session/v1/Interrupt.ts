// Original file: proto/reticle/session/v1/session.proto

import type { CutMode__Input as _reticle_session_v1_CutMode__Input, CutMode as _reticle_session_v1_CutMode } from '../../../reticle/session/v1/CutMode.ts';

export interface Interrupt__Input {
  'turnId'?: (string);
  'mode'?: (_reticle_session_v1_CutMode__Input);
  'keepThroughOffset'?: (number);
  'reason'?: (string);
  'signalId'?: (string);
  '_keepThroughOffset'?: "keepThroughOffset";
}

export interface Interrupt {
  'turnId': (string);
  'mode': (_reticle_session_v1_CutMode);
  'keepThroughOffset'?: (number);
  'reason': (string);
  'signalId': (string);
  '_keepThroughOffset'?: "keepThroughOffset";
}
