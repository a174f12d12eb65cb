// Original file: proto/reticle/signal/v1/signal.proto

import type { LimitRow__Input as _reticle_signal_v1_LimitRow__Input, LimitRow as _reticle_signal_v1_LimitRow } from '../../../reticle/signal/v1/LimitRow.ts';
import type { Long } from '@grpc/proto-loader';

export interface LimitTable__Input {
  'epoch'?: (number | string | Long);
  'version'?: (number | string | Long);
  'validUntilMs'?: (number | string | Long);
  'rows'?: (_reticle_signal_v1_LimitRow__Input)[];
}

export interface LimitTable {
  'epoch': (number);
  'version': (number);
  'validUntilMs': (number);
  'rows': (_reticle_signal_v1_LimitRow)[];
}
