// Original file: proto/reticle/serving/v1/serving.proto

import type { Long } from '@grpc/proto-loader';

export interface Rates__Input {
  'guaranteedTokensPerMinute'?: (number | string | Long);
  'ceilingTokensPerMinute'?: (number | string | Long);
  'concurrentTurns'?: (number);
}

export interface Rates {
  'guaranteedTokensPerMinute': (number);
  'ceilingTokensPerMinute': (number);
  'concurrentTurns': (number);
}
