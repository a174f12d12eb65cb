import type { TurnParams } from '@reticle/services/session';
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import type { Params } from './messages.ts';

/**
 * Parameters of the contract that no engine takes. To ignore one would serve another turn than the one that
 * was asked for, so a value other than the default is refused by name.
 */
const unsupported = [
  ['reasoningEffort', 'reasoning_effort'],
  ['verbosity', 'verbosity'],
  ['topLogprobs', 'top_logprobs'],
] as const satisfies readonly (readonly [keyof Params, string])[];

const NONE: readonly (string | number | undefined)[] = [undefined, '', 0];

/** Sampling parameters; their ranges, the text format's schema, and whether an unsupported one ends the turn, are the session layer's to judge. */
export function decodeParams(params: Params | null, param: string): TurnParams {
  if (params === null) return { stop: [] };
  return {
    stop: params.stop,
    ...(params.temperature === undefined ? {} : { temperature: params.temperature }),
    ...(params.topP === undefined ? {} : { topP: params.topP }),
    ...(params.seed === undefined ? {} : { seed: params.seed }),
    ...outputLength(params.outputLength),
    ...(params.choice === 0 ? {} : { choice: params.choice }),
    ...(params.textFormatJson === '' ? {} : { textFormat: params.textFormatJson }),
    ...toolParams(params),
    ...firstUnsupported(params, param),
  };
}

function toolParams({ toolsJson, toolChoiceJson, parallelToolCalls }: Params): Partial<TurnParams> {
  return {
    ...(toolsJson === '' ? {} : { tools: toolsJson }),
    ...(toolChoiceJson === '' ? {} : { toolChoice: toolChoiceJson }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  };
}

function firstUnsupported(params: Params, param: string): Pick<TurnParams, 'unsupported'> {
  const found = unsupported.find(([field]) => !NONE.includes(params[field]));
  return found === undefined ? {} : { unsupported: `${param}.${found[1]}` };
}

function outputLength(value: Params['outputLength']): Pick<TurnParams, 'outputLength'> {
  if (value === OutputLength.OUTPUT_LENGTH_NATURAL) return { outputLength: 'natural' };
  return value === OutputLength.OUTPUT_LENGTH_EXACT ? { outputLength: 'exact' } : {};
}
