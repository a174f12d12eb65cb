// Original file: proto/reticle/engine/v1/engine.proto

import type { CutGranularity__Input as _reticle_engine_v1_CutGranularity__Input, CutGranularity as _reticle_engine_v1_CutGranularity } from '../../../reticle/engine/v1/CutGranularity.ts';

export interface Capabilities__Input {
  'cut'?: (_reticle_engine_v1_CutGranularity__Input);
  'cutBlockTokens'?: (number);
  'appendMidRun'?: (boolean);
  'maxStepTokens'?: (number);
  'modalities'?: (string)[];
  'contextTokens'?: (number);
  'maxOutputTokens'?: (number);
  'exactOffsets'?: (boolean);
  'tokenIds'?: (boolean);
  'seededReplay'?: (boolean);
  'grammar'?: (boolean);
  'maxTopLogprobs'?: (number);
  'fork'?: (boolean);
  'park'?: (boolean);
  'maxSessions'?: (number);
}

export interface Capabilities {
  'cut': (_reticle_engine_v1_CutGranularity);
  'cutBlockTokens': (number);
  'appendMidRun': (boolean);
  'maxStepTokens': (number);
  'modalities': (string)[];
  'contextTokens': (number);
  'maxOutputTokens': (number);
  'exactOffsets': (boolean);
  'tokenIds': (boolean);
  'seededReplay': (boolean);
  'grammar': (boolean);
  'maxTopLogprobs': (number);
  'fork': (boolean);
  'park': (boolean);
  'maxSessions': (number);
}
