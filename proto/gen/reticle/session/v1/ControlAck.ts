// Original file: proto/reticle/session/v1/session.proto

import type { ControlOutcome__Input as _reticle_session_v1_ControlOutcome__Input, ControlOutcome as _reticle_session_v1_ControlOutcome } from '../../../reticle/session/v1/ControlOutcome.ts';
import type { KvAction__Input as _reticle_session_v1_KvAction__Input, KvAction as _reticle_session_v1_KvAction } from '../../../reticle/session/v1/KvAction.ts';

export interface ControlAck__Input {
  'seq'?: (number);
  'signalId'?: (string);
  'turnId'?: (string);
  'outcome'?: (_reticle_session_v1_ControlOutcome__Input);
  'effectiveOffset'?: (number);
  'generatedOffset'?: (number);
  'deliveredOffset'?: (number);
  'wastedTokens'?: (number);
  'kvAction'?: (_reticle_session_v1_KvAction__Input);
  'kvKeptTokens'?: (number);
  'code'?: (string);
}

export interface ControlAck {
  'seq': (number);
  'signalId': (string);
  'turnId': (string);
  'outcome': (_reticle_session_v1_ControlOutcome);
  'effectiveOffset': (number);
  'generatedOffset': (number);
  'deliveredOffset': (number);
  'wastedTokens': (number);
  'kvAction': (_reticle_session_v1_KvAction);
  'kvKeptTokens': (number);
  'code': (string);
}
