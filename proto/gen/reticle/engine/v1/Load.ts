// Original file: proto/reticle/engine/v1/engine.proto

import type { EngineState__Input as _reticle_engine_v1_EngineState__Input, EngineState as _reticle_engine_v1_EngineState } from '../../../reticle/engine/v1/EngineState.ts';

export interface Load__Input {
  'state'?: (_reticle_engine_v1_EngineState__Input);
  'slotsTotal'?: (number);
  'slotsFree'?: (number);
  'kvTokensTotal'?: (number);
  'kvTokensFree'?: (number);
  'sessionsLive'?: (number);
  'sessionsParked'?: (number);
  'prefillBacklogTokens'?: (number);
  'tokensPerSecond'?: (number);
  'streamTpsP50'?: (number);
  'streamTpsP5'?: (number);
  'stepMicrosP50'?: (number);
  'acceptedPerStepMilli'?: (number);
}

export interface Load {
  'state': (_reticle_engine_v1_EngineState);
  'slotsTotal': (number);
  'slotsFree': (number);
  'kvTokensTotal': (number);
  'kvTokensFree': (number);
  'sessionsLive': (number);
  'sessionsParked': (number);
  'prefillBacklogTokens': (number);
  'tokensPerSecond': (number);
  'streamTpsP50': (number);
  'streamTpsP5': (number);
  'stepMicrosP50': (number);
  'acceptedPerStepMilli': (number);
}
