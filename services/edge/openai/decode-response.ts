/** A Responses body, of `POST /v1/responses` or of a `response.create` frame → values (PROTOCOL §4.1, §4.1a). */
import { parseTextFormat, ReticleError, type Tier } from '@reticle/core/domain';
import type { ItemInput, TurnParams } from '@reticle/services/session';
import type { CreateResponse } from './create-response.ts';
import { checkCalls, decodeInput } from './decode-input.ts';
import { decodeTools } from './decode-tools.ts';
import { flag, integerIn, invalid, list, numberIn, object, requiredText, text, type Fields } from './json-fields.ts';
import { instructionItem } from './model-defaults.ts';

/** Fields that are read, or accepted without an effect of their own. Others are named in `response.reticle.ignored`. */
const KNOWN: ReadonlySet<string> = new Set(
  (
    'background client_metadata generate include input instructions max_output_tokens max_tool_calls metadata model ' +
    'parallel_tool_calls previous_response_id prompt_cache_key prompt_cache_options prompt_cache_retention reasoning ' +
    'reticle safety_identifier service_tier store stream stream_id stream_options temperature text tool_choice tools ' +
    'top_logprobs top_p truncation type user'
  ).split(' '),
);

/** Names of engines' own switches, and what would change the meaning of a request if it were dropped (§4.1, §4.1a). */
const REFUSED: ReadonlySet<string> = new Set(
  (
    'cache_prompt chat_template_kwargs context_management conversation grammar id_slot logit_bias n_discard prompt ' +
    'prompt_logprobs vllm_xargs'
  ).split(' '),
);

const INCLUDE_CHARACTERS_MAX = 64;
const METADATA_PAIRS_MAX = 16;
const METADATA_KEY_MAX = 64;
const METADATA_VALUE_MAX = 512;
export const TOKENS_MAX = 2 ** 31 - 1;
export const TEMPERATURE_MAX = 2;

const TIERS: Readonly<Record<string, Tier | undefined>> = {
  auto: undefined,
  default: 'default',
  fast: 'fast',
  flex: 'flex',
  priority: 'fast',
  scale: 'default',
  ultrafast: 'ultrafast',
};

/** @throws ReticleError naming the first field that is wrong */
export function decodeResponse(fields: Fields): CreateResponse {
  refuseUnsupported(fields);
  const { params, ...sampling } = paramsOf(fields);
  const instructions = text(fields, 'instructions');
  const tools = decodeTools(fields);
  const input = decodeInput(fields);
  const previousResponseId = text(fields, 'previous_response_id');
  if (previousResponseId === undefined) checkCalls(input.calls, () => false);
  const ignored = [...unknownFields(fields), ...tools.ignored, ...ignoredIncludes(fields), ...input.ignored];
  return {
    model: requiredText(fields, 'model'),
    items: [...ownInstructions(instructions), ...input.items],
    calls: input.calls,
    previousResponseId,
    cacheKey: text(fields, 'prompt_cache_key') ?? '',
    params: { ...params, ...tools.params },
    maxOutputTokens: sampling.maxOutputTokens,
    tier: tierOf(fields),
    stream: flag(fields, 'stream') ?? false,
    background: flag(fields, 'background') ?? false,
    generate: flag(fields, 'generate') ?? true,
    echo: { ...sampling, ...echoOf(fields), instructions, ignored },
  };
}

/** @throws ReticleError `unknown_parameter` */
export function refuseEngineSwitches(fields: Fields): void {
  const refused = Object.keys(fields).find((name) => REFUSED.has(name) && fields[name] !== null);
  if (refused !== undefined) {
    throw new ReticleError('unknown_parameter', 'the parameter is not supported', { param: refused });
  }
}

function refuseUnsupported(fields: Fields): void {
  refuseEngineSwitches(fields);
  // No engine tells probabilities of tokens.
  integerIn(fields, 'top_logprobs', { min: 0, max: 0 });
  if (fields['truncation'] === 'auto') {
    throw new ReticleError('unknown_parameter', 'contexts are not truncated', { param: 'truncation' });
  }
}

type Sampling = Pick<CreateResponse['echo'], 'maxOutputTokens' | 'temperature' | 'topP'>;

function paramsOf(fields: Fields): Sampling & { readonly params: TurnParams } {
  const temperature = numberIn(fields, 'temperature', { min: 0, max: TEMPERATURE_MAX });
  const topP = numberIn(fields, 'top_p', { min: Number.MIN_VALUE, max: 1 });
  const textFormat = textFormatOf(fields);
  const params: TurnParams = {
    stop: [],
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(textFormat === undefined ? {} : { textFormat }),
  };
  return {
    params,
    temperature,
    topP,
    maxOutputTokens: integerIn(fields, 'max_output_tokens', { min: 1, max: TOKENS_MAX }),
  };
}

/** Read here, so that a schema which cannot be followed is refused before anything is started. */
function textFormatOf(fields: Fields): string | undefined {
  const format = object(object(fields, 'text') ?? {}, 'format');
  if (format === undefined) return undefined;
  const json = JSON.stringify(format);
  parseTextFormat(json, 'text.format');
  return json;
}

function echoOf(fields: Fields): Omit<CreateResponse['echo'], keyof Sampling | 'instructions' | 'ignored'> {
  return {
    parallelToolCalls: flag(fields, 'parallel_tool_calls') ?? true,
    metadata: metadataOf(fields),
    text: fields['text'] ?? undefined,
    reasoning: object(fields, 'reasoning'),
    toolChoice: fields['tool_choice'] ?? undefined,
    tools: list(fields, 'tools') ?? [],
  };
}

function unknownFields(fields: Fields): readonly string[] {
  return Object.keys(fields).filter((name) => !KNOWN.has(name));
}

function ownInstructions(instructions: string | undefined): readonly ItemInput[] {
  if (instructions === undefined || instructions === '') return [];
  return [instructionItem(instructions)];
}

/** Nothing that `include` asks for is held here: encrypted reasoning, log probabilities, results of hosted tools. */
function ignoredIncludes(fields: Fields): readonly string[] {
  return (list(fields, 'include') ?? []).map((value) => {
    if (typeof value !== 'string' || value.length > INCLUDE_CHARACTERS_MAX)
      throw invalid('a value is a text', 'include');
    return `include.${value}`;
  });
}

export function tierOf(fields: Fields): Tier | undefined {
  const word = text(fields, 'service_tier') ?? 'auto';
  if (!Object.hasOwn(TIERS, word)) throw invalid('the tier is not known', 'service_tier');
  return TIERS[word];
}

/** Echoed, never logged (§4.1a). */
export function metadataOf(fields: Fields): Readonly<Record<string, string>> {
  const pairs = Object.entries(object(fields, 'metadata') ?? {});
  if (pairs.length > METADATA_PAIRS_MAX) throw invalid(`at most ${METADATA_PAIRS_MAX} pairs`, 'metadata');
  for (const [key, value] of pairs) {
    const fits = key.length <= METADATA_KEY_MAX && typeof value === 'string' && value.length <= METADATA_VALUE_MAX;
    if (!fits) {
      throw invalid(
        `keys of at most ${METADATA_KEY_MAX} and texts of at most ${METADATA_VALUE_MAX} characters`,
        'metadata',
      );
    }
  }
  return Object.fromEntries(pairs) as Record<string, string>;
}
