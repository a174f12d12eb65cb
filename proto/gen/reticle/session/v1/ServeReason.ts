// Original file: proto/reticle/session/v1/session.proto

export const ServeReason = {
  SERVE_REASON_UNSPECIFIED: 0,
  SERVE_REASON_AS_REQUESTED: 1,
  SERVE_REASON_TENANT_DEFAULT: 2,
  SERVE_REASON_SPILL_QUEUE: 3,
  SERVE_REASON_SPILL_LOSS: 4,
  SERVE_REASON_REGION_POLICY: 5,
  SERVE_REASON_FAILOVER: 6,
  SERVE_REASON_DRAIN: 7,
} as const;

export type ServeReason__Input =
  | 'SERVE_REASON_UNSPECIFIED'
  | 0
  | 'SERVE_REASON_AS_REQUESTED'
  | 1
  | 'SERVE_REASON_TENANT_DEFAULT'
  | 2
  | 'SERVE_REASON_SPILL_QUEUE'
  | 3
  | 'SERVE_REASON_SPILL_LOSS'
  | 4
  | 'SERVE_REASON_REGION_POLICY'
  | 5
  | 'SERVE_REASON_FAILOVER'
  | 6
  | 'SERVE_REASON_DRAIN'
  | 7

export type ServeReason = typeof ServeReason[keyof typeof ServeReason]
