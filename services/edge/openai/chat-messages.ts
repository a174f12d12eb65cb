/** Messages of a Chat body → Responses input items, one for one (PROTOCOL E2). */
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { refuseToolMessage } from './chat-tools.ts';
import { invalid, isFields, list, text, type Fields } from './json-fields.ts';

const ROLES: ReadonlySet<unknown> = new Set(['system', 'developer', 'user', 'assistant']);
/** Parts that carry something other than text. */
const MODALITIES: ReadonlySet<unknown> = new Set(['image_url', 'input_audio', 'file', 'video_url', 'image', 'audio']);

/**
 * Item JSON of every message. Other fields of a message (`name`, `annotations`, …) come with a message that is sent
 * back, and mean nothing here.
 *
 * @throws ReticleError naming the first field that is wrong
 */
export function messageItems(fields: Fields): readonly string[] {
  const messages = list(fields, 'messages');
  if (messages === undefined) {
    throw new ReticleError('missing_required_parameter', 'a required field is missing', { param: 'messages' });
  }
  if (messages.length === 0) throw invalid('there is no message', 'messages');
  if (messages.length > limits.inputItemsMax) {
    const details = { limit: String(limits.inputItemsMax), requested: String(messages.length) };
    throw new ReticleError('invalid_request', 'too many messages', { param: 'messages', details });
  }
  return messages.map((message, index) => JSON.stringify(itemOf(message, `messages[${index}]`)));
}

function itemOf(message: unknown, param: string): object {
  if (!isFields(message)) throw invalid('a message is an object', param);
  refuseToolMessage(message, param);
  const { role, audio, content } = message;
  if (!ROLES.has(role)) throw invalid('the role is not known', `${param}.role`);
  if (audio !== undefined && audio !== null) throw onlyText(`${param}.audio`);
  return { type: 'message', role, content: contentOf(content, role, `${param}.content`) };
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
