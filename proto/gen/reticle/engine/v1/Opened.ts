// Original file: proto/reticle/engine/v1/engine.proto

import type { AdoptedTurn__Input as _reticle_engine_v1_AdoptedTurn__Input, AdoptedTurn as _reticle_engine_v1_AdoptedTurn } from '../../../reticle/engine/v1/AdoptedTurn.ts';
import type { Duration__Input as _google_protobuf_Duration__Input, Duration as _google_protobuf_Duration } from '../../../google/protobuf/Duration.ts';
import type { Long } from '@grpc/proto-loader';

export interface Opened__Input {
  'sid'?: (number);
  'epoch'?: (number | string | Long);
  'kvTokens'?: (number);
  'turns'?: (_reticle_engine_v1_AdoptedTurn__Input)[];
  'lastClientSeq'?: (number);
  'previousGateway'?: (string);
  'idleTtl'?: (_google_protobuf_Duration__Input | null);
}

export interface Opened {
  'sid': (number);
  'epoch': (number);
  'kvTokens': (number);
  'turns': (_reticle_engine_v1_AdoptedTurn)[];
  'lastClientSeq': (number);
  'previousGateway': (string);
  'idleTtl': (_google_protobuf_Duration | null);
}
