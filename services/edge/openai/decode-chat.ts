/** A Chat Completions body → values (PROTOCOL §4.4). */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnParams } from '@reticle/services/session';
import { messageItems } from './chat-messages.ts';
import { decodeChatTools } from './chat-tools.ts';
import type { CreateResponse } from './create-response.ts';
import { refuseEngineSwitches, tierOf, metadataOf, TEMPERATURE_MAX, TOKENS_MAX } from './decode-response.ts';
import { flag, integerIn, invalid, numberIn, object, requiredText, text, type Fields } from './json-fields.ts';

/** What a Chat request asks for, beside its turns. */
export type CreateChat = {
  readonly create: CreateResponse;
  /** Sibling turns. */
  readonly choices: number;
  /** A last chunk tells the usage. */
  readonly includeUsage: boolean;
  /** The field that bounds the output, as the request calls it. */
  readonly outputField: string;
  /** The message that each item is of. */
  readonly origins: readonly number[];
};

/** Fields that are read, or accepted without an effect of their own. Others are named in `reticle.ignored`. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    'function_call functions logprobs max_completion_tokens max_tokens messages metadata modalities model n ' +
    'parallel_tool_calls prompt_cache_key prompt_cache_retention reasoning_effort response_format safety_identifier ' +
    'seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity'
  ).split(' '),
);

/** Siblings run at once in one session. */
const CHOICES_MAX = limits.liveTurnsMax;

/** @throws ReticleError naming the first field that is wrong */
export function decodeChat(fields: Fields): CreateChat {
  refuseEngineSwitches(fields);
  refuseOtherOutput(fields);
  const { name: outputField, value: maxOutputTokens } = outputBound(fields);
  const tools = decodeChatTools(fields);
  const { items, origins } = messageItems(fields);
  const params = { ...paramsOf(fields), ...tools.params };
  const { temperature, topP } = params;
  const stream = flag(fields, 'stream') ?? false;
  return {
    create: {
      model: requiredText(fields, 'model'),
      items,
      previousResponseId: undefined,
      cacheKey: text(fields, 'prompt_cache_key') ?? '',
      params,
      maxOutputTokens,
      tier: tierOf(fields),
      stream,
      background: false,
      generate: true,
      echo: {
        maxOutputTokens,
        temperature,
        topP,
        parallelToolCalls: tools.params.parallelToolCalls ?? true,
        metadata: metadataOf(fields),
        text: undefined,
        reasoning: undefined,
        toolChoice: undefined,
        tools: [],
        instructions: undefined,
        ignored: [...Object.keys(fields).filter((name) => !KNOWN.has(name) && fields[name] !== null), ...tools.ignored],
      },
    },
    choices: integerIn(fields, 'n', { min: 1, max: CHOICES_MAX }) ?? 1,
    includeUsage: includesUsage(fields) && stream,
    outputField,
    origins,
  };
}

/** Output that no engine makes: sound, and probabilities of tokens. */
function refuseOtherOutput(fields: Fields): void {
  const { modalities } = fields;
  if (Array.isArray(modalities) && modalities.some((each) => each !== 'text')) {
    throw new ReticleError('unsupported_modality', 'only text is supported', { param: 'modalities' });
  }
  const top = integerIn(fields, 'top_logprobs', { min: 0, max: 0 }) ?? 0;
  if (flag(fields, 'logprobs') === true || top > 0) {
    throw new ReticleError('unknown_parameter', 'the parameter is not supported', { param: 'logprobs' });
  }
}

/** `max_tokens` is the older name; the newer one wins. */
function outputBound(fields: Fields): { readonly name: string; readonly value: number | undefined } {
  const range = { min: 1, max: TOKENS_MAX };
  const older = integerIn(fields, 'max_tokens', range);
  const value = integerIn(fields, 'max_completion_tokens', range);
  return value === undefined ? { name: 'max_tokens', value: older } : { name: 'max_completion_tokens', value };
}

function paramsOf(fields: Fields): TurnParams {
  const temperature = numberIn(fields, 'temperature', { min: 0, max: TEMPERATURE_MAX });
  const topP = numberIn(fields, 'top_p', { min: Number.MIN_VALUE, max: 1 });
  const seed = integerIn(fields, 'seed', { min: 0, max: Number.MAX_SAFE_INTEGER });
  const textFormat = textFormatOf(fields);
  return {
    stop: stopsOf(fields),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(textFormat === undefined ? {} : { textFormat }),
  };
}

/** Their number and length are the session layer's to judge. */
function stopsOf(fields: Fields): readonly string[] {
  const stop = fields['stop'] ?? [];
  if (typeof stop === 'string') return [stop];
  if (!Array.isArray(stop) || !stop.every((each) => typeof each === 'string')) {
    throw invalid('the value is a text or a list of texts', 'stop');
  }
  return stop;
}

/** `response_format` → what Responses calls `text.format`. */
function textFormatOf(fields: Fields): string | undefined {
  const format = object(fields, 'response_format');
  if (format === undefined) return undefined;
  if (format['type'] !== 'json_schema') return JSON.stringify(format);
  const schema = object(format, 'json_schema');
  if (schema === undefined) throw invalid('the value is an object', 'response_format.json_schema');
  return JSON.stringify({ ...schema, type: 'json_schema' });
}

function includesUsage(fields: Fields): boolean {
  const options = object(fields, 'stream_options');
  return options !== undefined && flag(options, 'include_usage') === true;
}
