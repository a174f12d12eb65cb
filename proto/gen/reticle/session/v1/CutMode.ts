// Original file: proto/reticle/session/v1/session.proto

export const CutMode = {
  CUT_MODE_UNSPECIFIED: 0,
  CUT_MODE_DISCARD_PARTIAL_ITEMS: 1,
  CUT_MODE_KEEP_THROUGH_OFFSET: 2,
  CUT_MODE_KEEP_GENERATED: 3,
  CUT_MODE_AT_ITEM_BOUNDARY: 4,
} as const;

export type CutMode__Input =
  | 'CUT_MODE_UNSPECIFIED'
  | 0
  | 'CUT_MODE_DISCARD_PARTIAL_ITEMS'
  | 1
  | 'CUT_MODE_KEEP_THROUGH_OFFSET'
  | 2
  | 'CUT_MODE_KEEP_GENERATED'
  | 3
  | 'CUT_MODE_AT_ITEM_BOUNDARY'
  | 4

export type CutMode = typeof CutMode[keyof typeof CutMode]
