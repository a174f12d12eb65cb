// Original file: proto/reticle/session/v1/session.proto

import type { TurnCursor__Input as _reticle_session_v1_TurnCursor__Input, TurnCursor as _reticle_session_v1_TurnCursor } from '../../../reticle/session/v1/TurnCursor.ts';
import type { FramePolicy__Input as _reticle_session_v1_FramePolicy__Input, FramePolicy as _reticle_session_v1_FramePolicy } from '../../../reticle/session/v1/FramePolicy.ts';

export interface Attach__Input {
  'sessionId'?: (string);
  'resumeToken'?: (string);
  'cursors'?: (_reticle_session_v1_TurnCursor__Input)[];
  'defaultCreditTokens'?: (number);
  'framePolicy'?: (_reticle_session_v1_FramePolicy__Input | null);
}

export interface Attach {
  'sessionId': (string);
  'resumeToken': (string);
  'cursors': (_reticle_session_v1_TurnCursor)[];
  'defaultCreditTokens': (number);
  'framePolicy': (_reticle_session_v1_FramePolicy | null);
}
