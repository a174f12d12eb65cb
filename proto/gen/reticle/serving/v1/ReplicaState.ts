// Original file: proto/reticle/serving/v1/serving.proto

export const ReplicaState = {
  REPLICA_STATE_UNSPECIFIED: 0,
  REPLICA_STATE_STARTING: 1,
  REPLICA_STATE_READY: 2,
  REPLICA_STATE_DEGRADED: 3,
  REPLICA_STATE_DRAINING: 4,
} as const;

export type ReplicaState__Input =
  | 'REPLICA_STATE_UNSPECIFIED'
  | 0
  | 'REPLICA_STATE_STARTING'
  | 1
  | 'REPLICA_STATE_READY'
  | 2
  | 'REPLICA_STATE_DEGRADED'
  | 3
  | 'REPLICA_STATE_DRAINING'
  | 4

export type ReplicaState = typeof ReplicaState[keyof typeof ReplicaState]
