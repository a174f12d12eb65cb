// Original file: proto/reticle/session/v1/session.proto

import type { TurnStarted__Input as _reticle_session_v1_TurnStarted__Input, TurnStarted as _reticle_session_v1_TurnStarted } from '../../../reticle/session/v1/TurnStarted.ts';
import type { TokenFrame__Input as _reticle_session_v1_TokenFrame__Input, TokenFrame as _reticle_session_v1_TokenFrame } from '../../../reticle/session/v1/TokenFrame.ts';
import type { ItemMark__Input as _reticle_session_v1_ItemMark__Input, ItemMark as _reticle_session_v1_ItemMark } from '../../../reticle/session/v1/ItemMark.ts';
import type { TurnEnded__Input as _reticle_session_v1_TurnEnded__Input, TurnEnded as _reticle_session_v1_TurnEnded } from '../../../reticle/session/v1/TurnEnded.ts';

export interface ReplayTurnResponse__Input {
  'turnStarted'?: (_reticle_session_v1_TurnStarted__Input | null);
  'tokenFrame'?: (_reticle_session_v1_TokenFrame__Input | null);
  'itemMark'?: (_reticle_session_v1_ItemMark__Input | null);
  'turnEnded'?: (_reticle_session_v1_TurnEnded__Input | null);
  'message'?: "turnStarted"|"tokenFrame"|"itemMark"|"turnEnded";
}

export interface ReplayTurnResponse {
  'turnStarted'?: (_reticle_session_v1_TurnStarted | null);
  'tokenFrame'?: (_reticle_session_v1_TokenFrame | null);
  'itemMark'?: (_reticle_session_v1_ItemMark | null);
  'turnEnded'?: (_reticle_session_v1_TurnEnded | null);
  'message'?: "turnStarted"|"tokenFrame"|"itemMark"|"turnEnded";
}
