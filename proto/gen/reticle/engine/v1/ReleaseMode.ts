// Original file: proto/reticle/engine/v1/engine.proto

export const ReleaseMode = {
  RELEASE_MODE_UNSPECIFIED: 0,
  RELEASE_MODE_DETACH: 1,
  RELEASE_MODE_PARK: 2,
  RELEASE_MODE_DROP: 3,
} as const;

export type ReleaseMode__Input =
  | 'RELEASE_MODE_UNSPECIFIED'
  | 0
  | 'RELEASE_MODE_DETACH'
  | 1
  | 'RELEASE_MODE_PARK'
  | 2
  | 'RELEASE_MODE_DROP'
  | 3

export type ReleaseMode = typeof ReleaseMode[keyof typeof ReleaseMode]
