// Original file: proto/reticle/session/v1/session.proto

export const Continuation = {
  CONTINUATION_UNSPECIFIED: 0,
  CONTINUATION_EXACT: 1,
  CONTINUATION_RESAMPLED: 2,
} as const;

export type Continuation__Input =
  | 'CONTINUATION_UNSPECIFIED'
  | 0
  | 'CONTINUATION_EXACT'
  | 1
  | 'CONTINUATION_RESAMPLED'
  | 2

export type Continuation = typeof Continuation[keyof typeof Continuation]
