// Original file: proto/reticle/signal/v1/signal.proto

import type { CellLoadRow__Input as _reticle_signal_v1_CellLoadRow__Input, CellLoadRow as _reticle_signal_v1_CellLoadRow } from '../../../reticle/signal/v1/CellLoadRow.ts';

export interface CellLoad__Input {
  'cell'?: (string);
  'rows'?: (_reticle_signal_v1_CellLoadRow__Input)[];
}

export interface CellLoad {
  'cell': (string);
  'rows': (_reticle_signal_v1_CellLoadRow)[];
}
