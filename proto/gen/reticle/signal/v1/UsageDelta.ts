// Original file: proto/reticle/signal/v1/signal.proto

import type { UsageRow__Input as _reticle_signal_v1_UsageRow__Input, UsageRow as _reticle_signal_v1_UsageRow } from '../../../reticle/signal/v1/UsageRow.ts';
import type { LaneHead__Input as _reticle_signal_v1_LaneHead__Input, LaneHead as _reticle_signal_v1_LaneHead } from '../../../reticle/signal/v1/LaneHead.ts';
import type { Long } from '@grpc/proto-loader';

export interface UsageDelta__Input {
  'gateway'?: (string);
  'incarnation'?: (number | string | Long);
  'seq'?: (number | string | Long);
  'full'?: (boolean);
  'rows'?: (_reticle_signal_v1_UsageRow__Input)[];
  'lanes'?: (_reticle_signal_v1_LaneHead__Input)[];
}

export interface UsageDelta {
  'gateway': (string);
  'incarnation': (number);
  'seq': (number);
  'full': (boolean);
  'rows': (_reticle_signal_v1_UsageRow)[];
  'lanes': (_reticle_signal_v1_LaneHead)[];
}
