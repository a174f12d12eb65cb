// Original file: proto/reticle/session/v1/session.proto

export const ServiceTier = {
  SERVICE_TIER_UNSPECIFIED: 0,
  SERVICE_TIER_ULTRAFAST: 1,
  SERVICE_TIER_FAST: 2,
  SERVICE_TIER_DEFAULT: 3,
  SERVICE_TIER_FLEX: 4,
} as const;

export type ServiceTier__Input =
  | 'SERVICE_TIER_UNSPECIFIED'
  | 0
  | 'SERVICE_TIER_ULTRAFAST'
  | 1
  | 'SERVICE_TIER_FAST'
  | 2
  | 'SERVICE_TIER_DEFAULT'
  | 3
  | 'SERVICE_TIER_FLEX'
  | 4

export type ServiceTier = typeof ServiceTier[keyof typeof ServiceTier]
