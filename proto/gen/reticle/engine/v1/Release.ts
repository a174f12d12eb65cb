// Original file: proto/reticle/engine/v1/engine.proto

import type { ReleaseMode__Input as _reticle_engine_v1_ReleaseMode__Input, ReleaseMode as _reticle_engine_v1_ReleaseMode } from '../../../reticle/engine/v1/ReleaseMode.ts';

export interface Release__Input {
  'sid'?: (number);
  'mode'?: (_reticle_engine_v1_ReleaseMode__Input);
}

export interface Release {
  'sid': (number);
  'mode': (_reticle_engine_v1_ReleaseMode);
}
