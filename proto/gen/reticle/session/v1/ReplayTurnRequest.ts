// Original file: proto/reticle/session/v1/session.proto

import type { FramePolicy__Input as _reticle_session_v1_FramePolicy__Input, FramePolicy as _reticle_session_v1_FramePolicy } from '../../../reticle/session/v1/FramePolicy.ts';

export interface ReplayTurnRequest__Input {
  'sessionId'?: (string);
  'resumeToken'?: (string);
  'turnId'?: (string);
  'nextOffset'?: (number);
  'framePolicy'?: (_reticle_session_v1_FramePolicy__Input | null);
}

export interface ReplayTurnRequest {
  'sessionId': (string);
  'resumeToken': (string);
  'turnId': (string);
  'nextOffset': (number);
  'framePolicy': (_reticle_session_v1_FramePolicy | null);
}
