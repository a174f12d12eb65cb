/** Typed reading of item JSON: one refusal per field, by name, never with its value. */
import { limits } from '@reticle/proto/contract';

import { ReticleError } from '../reticle-error.ts';
import { hasUnsafeKeys, nestsDeeperThan } from './json-scan.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Types of items and parts that carry something other than text. */
const modalities: ReadonlySet<string> = new Set(
  'input_image input_audio input_file input_video output_image output_audio image image_url audio file video'.split(
    ' ',
  ),
);

/** Fields of a text part; `annotations` and `logprobs` come with a resent answer and mean nothing here. */
const partFields: ReadonlySet<string> = new Set(['type', 'text', 'annotations', 'logprobs']);

/**
 * The value of a JSON text from outside.
 *
 * @throws ReticleError `json_too_deep`, `invalid_json`, or `invalid_request` for doubled and dangerous keys
 */
export function parseJson(json: string, param: string): unknown {
  if (nestsDeeperThan(json, limits.nestingDepthMax)) {
    const details = { limit: String(limits.nestingDepthMax) };
    throw new ReticleError('json_too_deep', 'the JSON text nests too deeply', { param, details });
  }
  const value = parsed(json, param);
  if (hasUnsafeKeys(json)) throw invalid('a key is repeated or not allowed', param);
  return value;
}

function parsed(json: string, param: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new ReticleError('invalid_json', 'the text is not valid JSON', { param, cause });
  }
}

/** @throws ReticleError of {@link parseJson}; `invalid_request` for another value than an object */
export function parseObject(json: string, param: string): Fields {
  const value = parseJson(json, param);
  if (!isFields(value)) throw invalid('the value is a JSON object', param);
  return value;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text, or the texts of parts of one of these types, joined without a separator. */
export function contentText(content: unknown, param: string, partTypes: readonly string[]): string {
  if (typeof content === 'string') return wellFormed(content, param);
  if (!Array.isArray(content)) throw invalid('the value is a string or a list of text parts', param);
  return content
    .map((part: unknown, index) => plainText(part, partTypes) ?? partText(part, `${param}[${index}]`, partTypes))
    .join('');
}

/** The text of a part that has a type and a text alone, as nearly all of many have: no name is made for its errors. */
function plainText(part: unknown, partTypes: readonly string[]): string | undefined {
  if (!isFields(part)) return undefined;
  const { type, text } = part;
  if (typeof text !== 'string' || typeof type !== 'string' || !partTypes.includes(type)) return undefined;
  return Object.keys(part).length === 2 && text.isWellFormed() ? text : undefined;
}

function partText(part: unknown, param: string, partTypes: readonly string[]): string {
  if (!isFields(part)) throw invalid('a part is a JSON object', param);
  refuseModality(part['type'], `${param}.type`);
  if (!partTypes.some((type) => type === part['type'])) {
    throw invalid(`a part is ${partTypes.join(' or ')}`, `${param}.type`);
  }
  refuseUnknown(part, partFields, param);
  for (const name of ['annotations', 'logprobs']) {
    if (part[name] !== undefined && !Array.isArray(part[name])) {
      throw invalid(`${name} must be a list`, `${param}.${name}`);
    }
  }
  return requiredText(part, 'text', param);
}

export function requiredText(fields: Fields, name: string, param: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw invalid(`${name} must be a string`, `${param}.${name}`);
  return wellFormed(value, `${param}.${name}`);
}

/** Texts that mean nothing here; null is none. */
export function checkOptionalTexts(fields: Fields, names: readonly string[], param: string): void {
  for (const name of names) {
    const value = fields[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw invalid(`${name} must be a string`, `${param}.${name}`);
  }
}

/** An escape (`\ud800`) can bring half a surrogate pair into a string that arrived as valid UTF-8. */
function wellFormed(text: string, param: string): string {
  if (!text.isWellFormed()) throw invalid('the text holds a lone surrogate', param);
  return text;
}

export function refuseModality(type: unknown, param: string): void {
  if (typeof type === 'string' && modalities.has(type)) {
    throw new ReticleError('unsupported_modality', 'only text is supported', { param });
  }
}

/** The field's name comes from the client, so it is not repeated in the error. */
export function refuseUnknown(fields: Fields, known: ReadonlySet<string>, param: string): void {
  if (Object.keys(fields).some((name) => !known.has(name))) throw invalid('a field is not known', param);
}

export function invalid(message: string, param: string): ReticleError {
  return new ReticleError('invalid_request', message, { param });
}
