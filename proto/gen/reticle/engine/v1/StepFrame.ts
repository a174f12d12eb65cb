// Original file: proto/reticle/engine/v1/engine.proto

import type { LaneItem__Input as _reticle_engine_v1_LaneItem__Input, LaneItem as _reticle_engine_v1_LaneItem } from '../../../reticle/engine/v1/LaneItem.ts';
import type { LaneLogprobs__Input as _reticle_engine_v1_LaneLogprobs__Input, LaneLogprobs as _reticle_engine_v1_LaneLogprobs } from '../../../reticle/engine/v1/LaneLogprobs.ts';
import type { Long } from '@grpc/proto-loader';

export interface StepFrame__Input {
  'step'?: (number | string | Long);
  'micros'?: (number);
  'lane'?: (number)[];
  'firstOffset'?: (number)[];
  'tokenCount'?: (number)[];
  'tokenId'?: (number)[];
  'textLength'?: (number)[];
  'text'?: (Buffer | Uint8Array | string);
  'items'?: (_reticle_engine_v1_LaneItem__Input)[];
  'logprobs'?: (_reticle_engine_v1_LaneLogprobs__Input)[];
}

export interface StepFrame {
  'step': (number);
  'micros': (number);
  'lane': (number)[];
  'firstOffset': (number)[];
  'tokenCount': (number)[];
  'tokenId': (number)[];
  'textLength': (number)[];
  'text': (Buffer);
  'items': (_reticle_engine_v1_LaneItem)[];
  'logprobs': (_reticle_engine_v1_LaneLogprobs)[];
}
