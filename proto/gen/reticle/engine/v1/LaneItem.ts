// Original file: proto/reticle/engine/v1/engine.proto

import type { ItemMark__Input as _reticle_session_v1_ItemMark__Input, ItemMark as _reticle_session_v1_ItemMark } from '../../../reticle/session/v1/ItemMark.ts';

export interface LaneItem__Input {
  'lane'?: (number);
  'mark'?: (_reticle_session_v1_ItemMark__Input | null);
}

export interface LaneItem {
  'lane': (number);
  'mark': (_reticle_session_v1_ItemMark | null);
}
