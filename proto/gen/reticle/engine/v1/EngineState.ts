// Original file: proto/reticle/engine/v1/engine.proto

export const EngineState = {
  ENGINE_STATE_UNSPECIFIED: 0,
  ENGINE_STATE_STARTING: 1,
  ENGINE_STATE_READY: 2,
  ENGINE_STATE_DRAINING: 3,
  ENGINE_STATE_FENCED: 4,
} as const;

export type EngineState__Input =
  | 'ENGINE_STATE_UNSPECIFIED'
  | 0
  | 'ENGINE_STATE_STARTING'
  | 1
  | 'ENGINE_STATE_READY'
  | 2
  | 'ENGINE_STATE_DRAINING'
  | 3
  | 'ENGINE_STATE_FENCED'
  | 4

export type EngineState = typeof EngineState[keyof typeof EngineState]
