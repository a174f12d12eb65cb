// Original file: proto/reticle/engine/v1/engine.proto

export const CutGranularity = {
  CUT_GRANULARITY_UNSPECIFIED: 0,
  CUT_GRANULARITY_TOKEN: 1,
  CUT_GRANULARITY_BLOCK: 2,
  CUT_GRANULARITY_CHECKPOINT: 3,
  CUT_GRANULARITY_NONE: 4,
} as const;

export type CutGranularity__Input =
  | 'CUT_GRANULARITY_UNSPECIFIED'
  | 0
  | 'CUT_GRANULARITY_TOKEN'
  | 1
  | 'CUT_GRANULARITY_BLOCK'
  | 2
  | 'CUT_GRANULARITY_CHECKPOINT'
  | 3
  | 'CUT_GRANULARITY_NONE'
  | 4

export type CutGranularity = typeof CutGranularity[keyof typeof CutGranularity]
