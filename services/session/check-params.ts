import { checkToolChoice, parseTextFormat, parseToolChoice, parseTools, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnParams } from './commands.ts';

const TEMPERATURE_MAX = 2;
const STOP_CHARACTERS_MAX = 256;
const CHOICE_PARAM = 'params.tool_choice_json';
/** Siblings of one request run at once in one session. */
const CHOICE_MAX = limits.liveTurnsMax - 1;

/** @throws ReticleError naming the first parameter that no engine takes, is outside its range or is no output format */
export function checkParams(params: TurnParams): void {
  const { unsupported, temperature, topP, stop } = params;
  if (unsupported !== undefined) {
    throw new ReticleError('unknown_parameter', 'no engine takes this parameter', { param: unsupported });
  }
  // NaN compares false both ways, so each range is stated as what holds.
  if (temperature !== undefined && !(temperature >= 0 && temperature <= TEMPERATURE_MAX)) {
    throw outOfRange('params.temperature', `0 to ${TEMPERATURE_MAX}`);
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) throw outOfRange('params.top_p', 'above 0, at most 1');
  checkStops(stop);
  checkOutput(params);
}

function checkOutput({ choice = 0, textFormat }: TurnParams): void {
  if (choice > CHOICE_MAX) throw outOfRange('params.choice', `0 to ${CHOICE_MAX}`);
  if (textFormat !== undefined) parseTextFormat(textFormat, 'params.text_format_json');
}

/**
 * The parameters with their tools in canonical form; without any, where the list is empty.
 *
 * @throws ReticleError for tools or a choice that are malformed, or a choice that the tools do not have
 */
export function withCanonicalTools(params: TurnParams): TurnParams {
  if (params.toolsTokens !== undefined) return params;
  const { tools: given, ...rest } = params;
  const set = given === undefined ? undefined : parseTools(given, 'params.tools_json');
  const tools = set?.tools ?? [];
  if (rest.toolChoice !== undefined) {
    checkToolChoice(parseToolChoice(rest.toolChoice, CHOICE_PARAM), tools, CHOICE_PARAM);
  }
  return set === undefined || tools.length === 0 ? rest : { ...rest, tools: set.json };
}

function checkStops(stop: readonly string[]): void {
  if (stop.length > limits.stopStringsMax) throw outOfRange('params.stop', `at most ${limits.stopStringsMax} strings`);
  if (stop.some((text) => text.length === 0 || text.length > STOP_CHARACTERS_MAX)) {
    throw outOfRange('params.stop', `strings of 1 to ${STOP_CHARACTERS_MAX} characters`);
  }
}

function outOfRange(param: string, range: string): ReticleError {
  return new ReticleError('value_out_of_range', `the parameter is outside its range: ${range}`, { param });
}
