// Original file: proto/reticle/session/v1/session.proto

import type { InputItem__Input as _reticle_session_v1_InputItem__Input, InputItem as _reticle_session_v1_InputItem } from '../../../reticle/session/v1/InputItem.ts';
import type { DraftRef__Input as _reticle_session_v1_DraftRef__Input, DraftRef as _reticle_session_v1_DraftRef } from '../../../reticle/session/v1/DraftRef.ts';
import type { Params__Input as _reticle_session_v1_Params__Input, Params as _reticle_session_v1_Params } from '../../../reticle/session/v1/Params.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { SpillChoice__Input as _reticle_session_v1_SpillChoice__Input, SpillChoice as _reticle_session_v1_SpillChoice } from '../../../reticle/session/v1/SpillChoice.ts';

export interface StartTurn__Input {
  'turnId'?: (string);
  'parentTurnId'?: (string);
  'input'?: (_reticle_session_v1_InputItem__Input)[];
  'draft'?: (_reticle_session_v1_DraftRef__Input | null);
  'params'?: (_reticle_session_v1_Params__Input | null);
  'maxOutputTokens'?: (number);
  'maxQueueWait'?: (_google_protobuf_Duration__Input | null);
  'maxDuration'?: (_google_protobuf_Duration__Input | null);
  'tier'?: (_reticle_session_v1_ServiceTier__Input);
  'spill'?: (_reticle_session_v1_SpillChoice__Input);
  'prefillOnly'?: (boolean);
  '_maxOutputTokens'?: "maxOutputTokens";
}

export interface StartTurn {
  'turnId': (string);
  'parentTurnId': (string);
  'input': (_reticle_session_v1_InputItem)[];
  'draft': (_reticle_session_v1_DraftRef | null);
  'params': (_reticle_session_v1_Params | null);
  'maxOutputTokens'?: (number);
  'maxQueueWait': (_google_protobuf_Duration | null);
  'maxDuration': (_google_protobuf_Duration | null);
  'tier': (_reticle_session_v1_ServiceTier);
  'spill': (_reticle_session_v1_SpillChoice);
  'prefillOnly': (boolean);
  '_maxOutputTokens'?: "maxOutputTokens";
}
