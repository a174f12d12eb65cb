/** Messages of a Chat body → Responses input items (PROTOCOL E2). */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { ItemInput } from '@reticle/services/session';
import { callItems, outputItem } from './chat-tools.ts';
import { itemInput } from './decode-input.ts';
import { invalid, isFields, list, text, type Fields } from './json-fields.ts';

const ROLES: ReadonlySet<unknown> = new Set(['system', 'developer', 'user']);
/** Parts that carry something other than text. */
const MODALITIES: ReadonlySet<unknown> = new Set(['image_url', 'input_audio', 'file', 'video_url', 'image', 'audio']);

export type MessageItems = {
  readonly items: readonly ItemInput[];
  /** The message that each item is of: one with calls is several items. */
  readonly origins: readonly number[];
};

/**
 * Items of every message. Other fields of a message (`name`, `annotations`, …) come with a message that is sent back, and
 * mean nothing here.
 *
 * @throws ReticleError naming the first field that is wrong
 */
export function messageItems(fields: Fields): MessageItems {
  const messages = list(fields, 'messages');
  if (messages === undefined) {
    throw new ReticleError('missing_required_parameter', 'a required field is missing', { param: 'messages' });
  }
  if (messages.length === 0) throw invalid('there is no message', 'messages');
  if (messages.length > limits.inputItemsMax) {
    const details = { limit: String(limits.inputItemsMax), requested: String(messages.length) };
    throw new ReticleError('invalid_request', 'too many messages', { param: 'messages', details });
  }
  const calls: Calls = new Map();
  const items: ItemInput[] = [];
  const origins: number[] = [];
  for (const [index, message] of messages.entries()) {
    for (const item of itemsOf(message, `messages[${index}]`, calls)) {
      items.push(itemInput(item));
      origins.push(index);
    }
  }
  return { items, origins };
}

/** Types of the call items so far, by id. */
type Calls = Map<string, string>;

function itemsOf(message: unknown, param: string, calls: Calls): readonly object[] {
  if (!isFields(message)) throw invalid('a message is an object', param);
  const { role, content } = message;
  if (!isNothing(message['audio'])) throw onlyText(`${param}.audio`);
  if (role === 'assistant') return assistantItems(message, param, calls);
  if (role === 'tool') return [outputItem(message, { param, calls, output: plainText(content, `${param}.content`) })];
  if (!ROLES.has(role)) throw invalid('the role is not known', `${param}.role`);
  return [{ type: 'message', role, content: contentOf(content, role, `${param}.content`) }];
}

/** One that only called has said nothing. */
function assistantItems(message: Fields, param: string, known: Calls): readonly object[] {
  const { role, content } = message;
  const calls = callItems(message, param);
  for (const { call_id: callId, type } of calls) known.set(callId, type);
  if (calls.length > 0 && (isNothing(content) || content === '')) return calls;
  return [{ type: 'message', role, content: contentOf(content, role, `${param}.content`) }, ...calls];
}

function isNothing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** A tool's output as one text. */
function plainText(content: unknown, param: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid('content is a text or a list of parts', param);
  return content.map((part: unknown, index) => partText(part, `${param}[${index}]`)).join('');
}

function contentOf(content: unknown, role: unknown, param: string): string | readonly object[] {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw invalid('content is a text or a list of parts', param);
  const type = role === 'assistant' ? 'output_text' : 'input_text';
  return content.map((part: unknown, index) => ({ type, text: partText(part, `${param}[${index}]`) }));
}

function partText(part: unknown, param: string): string {
  if (!isFields(part)) throw invalid('a part is an object', param);
  const { type } = part;
  if (MODALITIES.has(type)) throw onlyText(`${param}.type`);
  const name = type === 'refusal' ? 'refusal' : 'text';
  if (type !== name) throw invalid('the type of the part is not known', `${param}.type`);
  const value = text(part, name);
  if (value === undefined) throw invalid('the value is a text', `${param}.${name}`);
  return value;
}

function onlyText(param: string): ReticleError {
  return new ReticleError('unsupported_modality', 'only text is supported', { param });
}
