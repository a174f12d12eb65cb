// Original file: proto/reticle/session/v1/session.proto

import type { OutputLength__Input as _reticle_session_v1_OutputLength__Input, OutputLength as _reticle_session_v1_OutputLength } from '../../../reticle/session/v1/OutputLength.ts';
import type { Long } from '@grpc/proto-loader';

export interface Params__Input {
  'temperature'?: (number | string);
  'topP'?: (number | string);
  'seed'?: (number | string | Long);
  'stop'?: (string)[];
  'toolsJson'?: (string);
  'toolChoiceJson'?: (string);
  'parallelToolCalls'?: (boolean);
  'textFormatJson'?: (string);
  'reasoningEffort'?: (string);
  'verbosity'?: (string);
  'topLogprobs'?: (number);
  'outputLength'?: (_reticle_session_v1_OutputLength__Input);
  'choice'?: (number);
  '_temperature'?: "temperature";
  '_topP'?: "topP";
  '_seed'?: "seed";
  '_parallelToolCalls'?: "parallelToolCalls";
}

export interface Params {
  'temperature'?: (number);
  'topP'?: (number);
  'seed'?: (number);
  'stop': (string)[];
  'toolsJson': (string);
  'toolChoiceJson': (string);
  'parallelToolCalls'?: (boolean);
  'textFormatJson': (string);
  'reasoningEffort': (string);
  'verbosity': (string);
  'topLogprobs': (number);
  'outputLength': (_reticle_session_v1_OutputLength);
  'choice': (number);
  '_temperature'?: "temperature";
  '_topP'?: "topP";
  '_seed'?: "seed";
  '_parallelToolCalls'?: "parallelToolCalls";
}
