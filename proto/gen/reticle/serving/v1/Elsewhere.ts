// Original file: proto/reticle/serving/v1/serving.proto

export const Elsewhere = {
  ELSEWHERE_UNSPECIFIED: 0,
  ELSEWHERE_REGION: 1,
  ELSEWHERE_RESIDENCY: 2,
} as const;

export type Elsewhere__Input =
  | 'ELSEWHERE_UNSPECIFIED'
  | 0
  | 'ELSEWHERE_REGION'
  | 1
  | 'ELSEWHERE_RESIDENCY'
  | 2

export type Elsewhere = typeof Elsewhere[keyof typeof Elsewhere]
