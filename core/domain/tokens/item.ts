import { parseToolList, toolName, type Tool } from '../tools/tool.ts';
import { canonicalJson } from './canonical-json.ts';
import {
  checkOptionalTexts,
  contentText,
  invalid,
  parseObject,
  refuseModality,
  refuseUnknown,
  requiredText,
  type Fields,
} from './item-fields.ts';

export const roles = ['user', 'assistant', 'system', 'developer'] as const;
export type Role = (typeof roles)[number];

/** A message of the conversation: its role and the text of its parts, joined without a separator. */
export type MessageItem = { readonly kind: 'message'; readonly role: Role; readonly text: string };

/** What the model thought before it spoke; empty where its text was kept from the client. */
export type ReasoningItem = { readonly kind: 'reasoning'; readonly text: string };

/** The model calls a tool; `text` is the arguments' JSON, or a custom tool's free input, as it was generated. */
export type CallItem = {
  readonly kind: 'function-call' | 'custom-tool-call';
  readonly name: string;
  readonly callId: string;
  readonly text: string;
};

/** What a called tool gave back. */
export type CallOutputItem = {
  readonly kind: 'function-call-output' | 'custom-tool-call-output';
  readonly callId: string;
  readonly text: string;
};

/** Tools that the model may call from here on. `tools` are those of a request, told by the session layer. */
export type ToolsItem = {
  readonly kind: 'tools' | 'additional-tools';
  /** Canonical JSON of the list. */
  readonly text: string;
  readonly tools: readonly Tool[];
};

/** One item of a conversation, as far as a model sees it: no ids, no status, nothing encrypted (PROTOCOL §4.1a). */
export type Item = MessageItem | ReasoningItem | CallItem | CallOutputItem | ToolsItem;
export type ItemWord = Item['kind'];

type ItemReader = (fields: Fields, param: string) => Item;

const readers: Readonly<Record<string, { readonly fields: ReadonlySet<string>; readonly read: ItemReader }>> = {
  message: { fields: fieldSet('role content'), read: message },
  reasoning: { fields: fieldSet('summary content encrypted_content'), read: reasoning },
  function_call: { fields: fieldSet('call_id name namespace arguments'), read: call('function-call', 'arguments') },
  custom_tool_call: { fields: fieldSet('call_id name namespace input'), read: call('custom-tool-call', 'input') },
  function_call_output: { fields: fieldSet('call_id output'), read: callOutput('function-call-output') },
  custom_tool_call_output: { fields: fieldSet('call_id name output'), read: callOutput('custom-tool-call-output') },
  tools: { fields: fieldSet('tools'), read: tools('tools') },
  additional_tools: { fields: fieldSet('role tools'), read: tools('additional-tools') },
};

/**
 * The item in one `item_json` (PROTOCOL E2): a Responses input item of text. `id` and `status` come with a resent
 * answer and mean nothing here.
 *
 * @param param the field that holds it in the request's notation (`input[2].item_json`); it leads every error's `param`
 * @throws ReticleError `json_too_deep`, `invalid_json`, `unsupported_modality`, or `invalid_request` for anything else
 */
export function parseItem(itemJson: string, param: string): Item {
  return readItem(parseObject(itemJson, param), param);
}

/** {@link parseItem} of a value whose JSON text was checked already. */
export function readItem(fields: Fields, param: string): Item {
  const type = fields['type'] ?? 'message';
  refuseModality(type, `${param}.type`);
  const reader = readerOf(type);
  if (reader === undefined) throw invalid(`an item is one of ${Object.keys(readers).join(', ')}`, `${param}.type`);
  refuseUnknown(fields, reader.fields, param);
  checkOptionalTexts(fields, ['id', 'status'], param);
  return reader.read(fields, param);
}

/** Names of an item's fields that mean nothing to any model here; none for a type that is not known. */
export function foreignFields(fields: Fields): readonly string[] {
  const known = readerOf(fields['type'] ?? 'message')?.fields;
  return known === undefined ? [] : Object.keys(fields).filter((name) => !known.has(name));
}

function readerOf(type: unknown): (typeof readers)[string] | undefined {
  return typeof type === 'string' && Object.hasOwn(readers, type) ? readers[type] : undefined;
}

function fieldSet(own: string): ReadonlySet<string> {
  return new Set(['type', 'id', 'status', ...own.split(' ')]);
}

function message(fields: Fields, param: string): MessageItem {
  const role = roles.find((known) => known === fields['role']);
  if (role === undefined) throw invalid(`role must be one of ${roles.join(', ')}`, `${param}.role`);
  const text = contentText(fields['content'], `${param}.content`, ['input_text', 'output_text']);
  return { kind: 'message', role, text };
}

/** A summary is another text about the same thought, so it is not what the model said. */
function reasoning(fields: Fields, param: string): ReasoningItem {
  checkOptionalTexts(fields, ['encrypted_content'], param);
  if (fields['summary'] !== undefined) contentText(fields['summary'], `${param}.summary`, ['summary_text']);
  const text = contentText(fields['content'] ?? [], `${param}.content`, ['reasoning_text', 'text']);
  return { kind: 'reasoning', text };
}

function call(kind: CallItem['kind'], textField: 'arguments' | 'input'): ItemReader {
  return (fields, param) => {
    checkOptionalTexts(fields, ['namespace'], param);
    const name = toolName(fields['name'], `${param}.name`);
    return { kind, name, callId: callIdOf(fields, param), text: requiredText(fields, textField, param) };
  };
}

function callOutput(kind: CallOutputItem['kind']): ItemReader {
  return (fields, param) => {
    checkOptionalTexts(fields, ['name'], param);
    const text = contentText(fields['output'], `${param}.output`, ['input_text', 'output_text']);
    return { kind, callId: callIdOf(fields, param), text };
  };
}

function callIdOf(fields: Fields, param: string): string {
  const callId = requiredText(fields, 'call_id', param);
  if (callId === '') throw invalid('call_id must not be empty', `${param}.call_id`);
  return callId;
}

function tools(kind: ToolsItem['kind']): ItemReader {
  return (fields, param) => {
    checkOptionalTexts(fields, ['role'], param);
    const known = parseToolList(fields['tools'], `${param}.tools`, { others: 'carry' });
    return { kind, text: canonicalJson(fields['tools']), tools: known };
  };
}
