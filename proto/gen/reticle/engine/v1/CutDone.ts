// Original file: proto/reticle/engine/v1/engine.proto

import type { ControlOutcome__Input as _reticle_session_v1_ControlOutcome__Input, ControlOutcome as _reticle_session_v1_ControlOutcome } from '../../../reticle/session/v1/ControlOutcome.ts';
import type { KvAction__Input as _reticle_session_v1_KvAction__Input, KvAction as _reticle_session_v1_KvAction } from '../../../reticle/session/v1/KvAction.ts';

export interface CutDone__Input {
  'lane'?: (number);
  'signalId'?: (string);
  'outcome'?: (_reticle_session_v1_ControlOutcome__Input);
  'effectiveOffset'?: (number);
  'generatedOffset'?: (number);
  'kvAction'?: (_reticle_session_v1_KvAction__Input);
  'kvKeptTokens'?: (number);
  'micros'?: (number);
}

export interface CutDone {
  'lane': (number);
  'signalId': (string);
  'outcome': (_reticle_session_v1_ControlOutcome);
  'effectiveOffset': (number);
  'generatedOffset': (number);
  'kvAction': (_reticle_session_v1_KvAction);
  'kvKeptTokens': (number);
  'micros': (number);
}
