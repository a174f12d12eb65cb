import { limits } from '@reticle/proto/contract';

import { ReticleError } from '../reticle-error.ts';
import { hasUnsafeKeys, nestsDeeperThan } from './json-scan.ts';

export const roles = ['user', 'assistant', 'system', 'developer'] as const;
export type Role = (typeof roles)[number];

/** A message of the conversation: its role and the text of its parts, joined without a separator. */
export type MessageItem = { readonly role: Role; readonly text: string };

/** Types of items and parts that carry something other than text. */
const modalities: ReadonlySet<string> = new Set(
  'input_image input_audio input_file input_video output_image output_audio image image_url audio file video'.split(
    ' ',
  ),
);

/** Fields of a message; `id` and `status` come with a resent answer and mean nothing here. */
const itemFields: ReadonlySet<string> = new Set(['type', 'role', 'content', 'id', 'status']);
/** Fields of a text part; `annotations` and `logprobs` come with a resent answer and mean nothing here. */
const partFields: ReadonlySet<string> = new Set(['type', 'text', 'annotations', 'logprobs']);

type Fields = Readonly<Record<string, unknown>>;

/**
 * The message in one `item_json` (PROTOCOL E2): a Responses input item of type `message` with a string,
 * `input_text` or `output_text` parts.
 *
 * @param param the field that holds it in the request's notation (`input[2].item_json`); it leads every error's `param`
 * @throws ReticleError `json_too_deep`, `invalid_json`, `unsupported_modality`, or `invalid_request` for anything else
 */
export function parseItem(itemJson: string, param: string): MessageItem {
  const fields = parseObject(itemJson, param);
  const type = fields['type'] ?? 'message';
  refuseModality(type, `${param}.type`);
  if (type !== 'message') throw invalid('only message items are supported', `${param}.type`);
  refuseUnknown(fields, itemFields, param);
  for (const name of ['id', 'status']) {
    if (fields[name] !== undefined && typeof fields[name] !== 'string') {
      throw invalid(`${name} must be a string`, `${param}.${name}`);
    }
  }
  const role = roles.find((known) => known === fields['role']);
  if (role === undefined) throw invalid(`role must be one of ${roles.join(', ')}`, `${param}.role`);
  return { role, text: contentText(fields['content'], `${param}.content`) };
}

function parseObject(itemJson: string, param: string): Fields {
  if (nestsDeeperThan(itemJson, limits.nestingDepthMax)) {
    const details = { limit: String(limits.nestingDepthMax) };
    throw new ReticleError('json_too_deep', 'the JSON text nests too deeply', { param, details });
  }
  const value = parseJson(itemJson, param);
  if (!isFields(value)) throw invalid('an item is a JSON object', param);
  if (hasUnsafeKeys(itemJson)) throw invalid('a key is repeated or not allowed', param);
  return value;
}

function parseJson(itemJson: string, param: string): unknown {
  try {
    return JSON.parse(itemJson);
  } catch (cause) {
    throw new ReticleError('invalid_json', 'the item is not valid JSON', { param, cause });
  }
}

function contentText(content: unknown, param: string): string {
  if (typeof content === 'string') return wellFormed(content, param);
  if (!Array.isArray(content)) throw invalid('content must be a string or a list of text parts', param);
  return content.map((part: unknown, index) => partText(part, `${param}[${index}]`)).join('');
}

function partText(part: unknown, param: string): string {
  if (!isFields(part)) throw invalid('a part is a JSON object', param);
  refuseModality(part['type'], `${param}.type`);
  if (part['type'] !== 'input_text' && part['type'] !== 'output_text') {
    throw invalid('a part is input_text or output_text', `${param}.type`);
  }
  refuseUnknown(part, partFields, param);
  for (const name of ['annotations', 'logprobs']) {
    if (part[name] !== undefined && !Array.isArray(part[name])) {
      throw invalid(`${name} must be a list`, `${param}.${name}`);
    }
  }
  if (typeof part['text'] !== 'string') throw invalid('text must be a string', `${param}.text`);
  return wellFormed(part['text'], `${param}.text`);
}

/** An escape (`\ud800`) can bring half a surrogate pair into a string that arrived as valid UTF-8. */
function wellFormed(text: string, param: string): string {
  if (!text.isWellFormed()) throw invalid('the text holds a lone surrogate', param);
  return text;
}

function refuseModality(type: unknown, param: string): void {
  if (typeof type === 'string' && modalities.has(type)) {
    throw new ReticleError('unsupported_modality', 'only text is supported', { param });
  }
}

/** The field's name comes from the client, so it is not repeated in the error. */
function refuseUnknown(fields: Fields, known: ReadonlySet<string>, param: string): void {
  if (Object.keys(fields).some((name) => !known.has(name))) throw invalid('a field is not known', param);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string, param: string): ReticleError {
  return new ReticleError('invalid_request', message, { param });
}
