// Original file: proto/reticle/session/v1/session.proto

export const TurnStatus = {
  TURN_STATUS_UNSPECIFIED: 0,
  TURN_STATUS_COMPLETED: 1,
  TURN_STATUS_INTERRUPTED: 2,
  TURN_STATUS_REDIRECTED: 3,
  TURN_STATUS_INCOMPLETE: 4,
  TURN_STATUS_FAILED: 5,
} as const;

export type TurnStatus__Input =
  | 'TURN_STATUS_UNSPECIFIED'
  | 0
  | 'TURN_STATUS_COMPLETED'
  | 1
  | 'TURN_STATUS_INTERRUPTED'
  | 2
  | 'TURN_STATUS_REDIRECTED'
  | 3
  | 'TURN_STATUS_INCOMPLETE'
  | 4
  | 'TURN_STATUS_FAILED'
  | 5

export type TurnStatus = typeof TurnStatus[keyof typeof TurnStatus]
