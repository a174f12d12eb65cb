// Original file: proto/reticle/session/v1/session.proto

import type { ItemKind__Input as _reticle_session_v1_ItemKind__Input, ItemKind as _reticle_session_v1_ItemKind } from '../../../reticle/session/v1/ItemKind.ts';

export interface ItemMark__Input {
  'turnId'?: (string);
  'itemIndex'?: (number);
  'kind'?: (_reticle_session_v1_ItemKind__Input);
  'atOffset'?: (number);
  'closed'?: (boolean);
  'itemId'?: (string);
  'callId'?: (string);
  'toolName'?: (string);
}

export interface ItemMark {
  'turnId': (string);
  'itemIndex': (number);
  'kind': (_reticle_session_v1_ItemKind);
  'atOffset': (number);
  'closed': (boolean);
  'itemId': (string);
  'callId': (string);
  'toolName': (string);
}
