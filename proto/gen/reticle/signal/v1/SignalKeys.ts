// Original file: proto/reticle/signal/v1/signal.proto

import type { SignalKey__Input as _reticle_signal_v1_SignalKey__Input, SignalKey as _reticle_signal_v1_SignalKey } from '../../../reticle/signal/v1/SignalKey.ts';

export interface SignalKeys__Input {
  'keys'?: (_reticle_signal_v1_SignalKey__Input)[];
}

export interface SignalKeys {
  'keys': (_reticle_signal_v1_SignalKey)[];
}
