/** Typed reading of a request's JSON: one refusal per field, by name, never with its value. */
import { ReticleError } from '@reticle/core/domain';
import { hasUnsafeKeys, jsonExcess } from '@reticle/core/domain/tokens';
import { limits } from '@reticle/proto/contract';
import { loopTurn, STEP_CHARACTERS } from '../loop-turns.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * The object of a request body or frame.
 *
 * @throws ReticleError `json_too_deep`, `request_too_large` for too many values, `invalid_json`, or `invalid_request` for
 *   doubled and dangerous keys
 */
export function parseBody(text: string): Fields {
  checkShape(text);
  return checkKeys(text, parseJson(text));
}

/** As {@link parseBody}; a large body holds up other connections for no longer than its longest step. */
export async function parseLargeBody(text: string): Promise<Fields> {
  if (text.length <= STEP_CHARACTERS) return parseBody(text);
  checkShape(text);
  await loopTurn();
  const value = parseJson(text);
  await loopTurn();
  const fields = checkKeys(text, value);
  await loopTurn();
  return fields;
}

function checkShape(text: string): void {
  const { nestingDepthMax: depth, jsonMarksMax: marks } = limits;
  const excess = jsonExcess(text, { depth, marks });
  if (excess === 'depth') {
    throw new ReticleError('json_too_deep', 'the JSON text nests too deeply', { details: { limit: String(depth) } });
  }
  if (excess === 'marks') {
    const details = { limit: String(marks) };
    throw new ReticleError('request_too_large', 'the JSON text has too many values, in marks', { details });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ReticleError('invalid_json', 'the body is not valid JSON', { cause });
  }
}

function checkKeys(text: string, value: unknown): Fields {
  if (!isFields(value)) throw new ReticleError('invalid_request', 'the body is a JSON object');
  if (hasUnsafeKeys(text)) throw new ReticleError('invalid_request', 'a key is repeated or not allowed');
  return value;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function invalid(message: string, param: string): ReticleError {
  return new ReticleError('invalid_request', message, { param });
}

export function outOfRange(range: string, param: string): ReticleError {
  return new ReticleError('value_out_of_range', `the parameter is outside its range: ${range}`, { param });
}

/** A field's name in the notation of these surfaces, where a turn's refusal has it in that of the session layer. */
export function requestParam(param: string): string {
  return param.replace(/\.item_json/, '').replace(/^params\.(\w+?)(_json)?(?=$|[.[])/, '$1');
}

/** Absent and null are one, as the SDKs send them. */
function present(fields: Fields, name: string): unknown {
  return fields[name] ?? undefined;
}

export function text(fields: Fields, name: string): string | undefined {
  const value = present(fields, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalid('the value is a text', name);
  if (!value.isWellFormed()) throw invalid('the text holds a lone surrogate', name);
  return value;
}

export function requiredText(fields: Fields, name: string): string {
  const value = text(fields, name);
  if (value === undefined || value === '') {
    throw new ReticleError('missing_required_parameter', 'a required field is missing', { param: name });
  }
  return value;
}

export function flag(fields: Fields, name: string): boolean | undefined {
  const value = present(fields, name);
  if (value !== undefined && typeof value !== 'boolean') throw invalid('the value is true or false', name);
  return value;
}

export type Range = { readonly min: number; readonly max: number };

export function numberIn(fields: Fields, name: string, { min, max }: Range): number | undefined {
  const value = present(fields, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw invalid('the value is a number', name);
  // 1e400 parses as Infinity, which no range holds.
  if (!(value >= min && value <= max)) throw outOfRange(`${min} to ${max}`, name);
  return value;
}

export function integerIn(fields: Fields, name: string, range: Range): number | undefined {
  const value = numberIn(fields, name, range);
  if (value !== undefined && !Number.isSafeInteger(value)) throw invalid('the value is a whole number', name);
  return value;
}

export function object(fields: Fields, name: string): Fields | undefined {
  const value = present(fields, name);
  if (value !== undefined && !isFields(value)) throw invalid('the value is an object', name);
  return value;
}

export function list(fields: Fields, name: string): readonly unknown[] | undefined {
  const value = present(fields, name);
  if (value !== undefined && !Array.isArray(value)) throw invalid('the value is a list', name);
  return value;
}
