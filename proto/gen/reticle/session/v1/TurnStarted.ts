// Original file: proto/reticle/session/v1/session.proto

import type { ServiceTier__Input as _reticle_session_v1_ServiceTier__Input, ServiceTier as _reticle_session_v1_ServiceTier } from '../../../reticle/session/v1/ServiceTier.ts';
import type { ServeReason__Input as _reticle_session_v1_ServeReason__Input, ServeReason as _reticle_session_v1_ServeReason } from '../../../reticle/session/v1/ServeReason.ts';
import type { Continuation__Input as _reticle_session_v1_Continuation__Input, Continuation as _reticle_session_v1_Continuation } from '../../../reticle/session/v1/Continuation.ts';
import type { Long } from '@grpc/proto-loader';

export interface TurnStarted__Input {
  'turnId'?: (string);
  'epoch'?: (number | string | Long);
  'startOffset'?: (number);
  'promptTokens'?: (number);
  'cachedTokens'?: (number);
  'model'?: (string);
  'modelDigest'?: (string);
  'region'?: (string);
  'requestedTier'?: (_reticle_session_v1_ServiceTier__Input);
  'servedTier'?: (_reticle_session_v1_ServiceTier__Input);
  'reason'?: (_reticle_session_v1_ServeReason__Input);
  'reasonDetail'?: (string);
  'replica'?: (string);
  'resumeToken'?: (string);
  'continuation'?: (_reticle_session_v1_Continuation__Input);
}

export interface TurnStarted {
  'turnId': (string);
  'epoch': (number);
  'startOffset': (number);
  'promptTokens': (number);
  'cachedTokens': (number);
  'model': (string);
  'modelDigest': (string);
  'region': (string);
  'requestedTier': (_reticle_session_v1_ServiceTier);
  'servedTier': (_reticle_session_v1_ServiceTier);
  'reason': (_reticle_session_v1_ServeReason);
  'reasonDetail': (string);
  'replica': (string);
  'resumeToken': (string);
  'continuation': (_reticle_session_v1_Continuation);
}
