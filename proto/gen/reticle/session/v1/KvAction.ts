// Original file: proto/reticle/session/v1/session.proto

export const KvAction = {
  KV_ACTION_UNSPECIFIED: 0,
  KV_ACTION_CUT_IN_PLACE: 1,
  KV_ACTION_BLOCK_ALIGNED_CUT: 2,
  KV_ACTION_CHECKPOINT_REPLAY: 3,
  KV_ACTION_REPREFILL: 4,
  KV_ACTION_NONE: 5,
} as const;

export type KvAction__Input =
  | 'KV_ACTION_UNSPECIFIED'
  | 0
  | 'KV_ACTION_CUT_IN_PLACE'
  | 1
  | 'KV_ACTION_BLOCK_ALIGNED_CUT'
  | 2
  | 'KV_ACTION_CHECKPOINT_REPLAY'
  | 3
  | 'KV_ACTION_REPREFILL'
  | 4
  | 'KV_ACTION_NONE'
  | 5

export type KvAction = typeof KvAction[keyof typeof KvAction]
