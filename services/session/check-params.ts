import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnParams } from './commands.ts';

const TEMPERATURE_MAX = 2;
const STOP_CHARACTERS_MAX = 256;

/** @throws ReticleError naming the first parameter that no engine takes or that is outside its range */
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
  if (stop.length > limits.stopStringsMax) throw outOfRange('params.stop', `at most ${limits.stopStringsMax} strings`);
  if (stop.some((text) => text.length === 0 || text.length > STOP_CHARACTERS_MAX)) {
    throw outOfRange('params.stop', `strings of 1 to ${STOP_CHARACTERS_MAX} characters`);
  }
}

function outOfRange(param: string, range: string): ReticleError {
  return new ReticleError('value_out_of_range', `the parameter is outside its range: ${range}`, { param });
}
