// Original file: proto/reticle/session/v1/session.proto

import type { Attached__Input as _reticle_session_v1_Attached__Input, Attached as _reticle_session_v1_Attached } from '../../../reticle/session/v1/Attached.ts';
import type { TurnQueued__Input as _reticle_session_v1_TurnQueued__Input, TurnQueued as _reticle_session_v1_TurnQueued } from '../../../reticle/session/v1/TurnQueued.ts';
import type { TurnStarted__Input as _reticle_session_v1_TurnStarted__Input, TurnStarted as _reticle_session_v1_TurnStarted } from '../../../reticle/session/v1/TurnStarted.ts';
import type { TokenFrame__Input as _reticle_session_v1_TokenFrame__Input, TokenFrame as _reticle_session_v1_TokenFrame } from '../../../reticle/session/v1/TokenFrame.ts';
import type { ItemMark__Input as _reticle_session_v1_ItemMark__Input, ItemMark as _reticle_session_v1_ItemMark } from '../../../reticle/session/v1/ItemMark.ts';
import type { ControlAck__Input as _reticle_session_v1_ControlAck__Input, ControlAck as _reticle_session_v1_ControlAck } from '../../../reticle/session/v1/ControlAck.ts';
import type { TurnEnded__Input as _reticle_session_v1_TurnEnded__Input, TurnEnded as _reticle_session_v1_TurnEnded } from '../../../reticle/session/v1/TurnEnded.ts';
import type { DraftState__Input as _reticle_session_v1_DraftState__Input, DraftState as _reticle_session_v1_DraftState } from '../../../reticle/session/v1/DraftState.ts';
import type { LimitsUpdate__Input as _reticle_session_v1_LimitsUpdate__Input, LimitsUpdate as _reticle_session_v1_LimitsUpdate } from '../../../reticle/session/v1/LimitsUpdate.ts';
import type { GoAway__Input as _reticle_session_v1_GoAway__Input, GoAway as _reticle_session_v1_GoAway } from '../../../reticle/session/v1/GoAway.ts';

export interface ConverseResponse__Input {
  'attached'?: (_reticle_session_v1_Attached__Input | null);
  'turnQueued'?: (_reticle_session_v1_TurnQueued__Input | null);
  'turnStarted'?: (_reticle_session_v1_TurnStarted__Input | null);
  'tokenFrame'?: (_reticle_session_v1_TokenFrame__Input | null);
  'itemMark'?: (_reticle_session_v1_ItemMark__Input | null);
  'controlAck'?: (_reticle_session_v1_ControlAck__Input | null);
  'turnEnded'?: (_reticle_session_v1_TurnEnded__Input | null);
  'draftState'?: (_reticle_session_v1_DraftState__Input | null);
  'limits'?: (_reticle_session_v1_LimitsUpdate__Input | null);
  'goAway'?: (_reticle_session_v1_GoAway__Input | null);
  'message'?: "attached"|"turnQueued"|"turnStarted"|"tokenFrame"|"itemMark"|"controlAck"|"turnEnded"|"draftState"|"limits"|"goAway";
}

export interface ConverseResponse {
  'attached'?: (_reticle_session_v1_Attached | null);
  'turnQueued'?: (_reticle_session_v1_TurnQueued | null);
  'turnStarted'?: (_reticle_session_v1_TurnStarted | null);
  'tokenFrame'?: (_reticle_session_v1_TokenFrame | null);
  'itemMark'?: (_reticle_session_v1_ItemMark | null);
  'controlAck'?: (_reticle_session_v1_ControlAck | null);
  'turnEnded'?: (_reticle_session_v1_TurnEnded | null);
  'draftState'?: (_reticle_session_v1_DraftState | null);
  'limits'?: (_reticle_session_v1_LimitsUpdate | null);
  'goAway'?: (_reticle_session_v1_GoAway | null);
  'message'?: "attached"|"turnQueued"|"turnStarted"|"tokenFrame"|"itemMark"|"controlAck"|"turnEnded"|"draftState"|"limits"|"goAway";
}
