/** Tools on the Chat surface: every mapping of them, both ways. Chat nests what Responses has flat. */
import { ReticleError } from '@reticle/core/domain';
import { decodeTools, type RequestTools } from './decode-tools.ts';
import { invalid, isFields, list, type Fields } from './json-fields.ts';
import type { OutputItem } from './response-record.ts';

/** The form before `tools`. */
const OLD_FIELDS = ['functions', 'function_call'] as const;

/**
 * `tools`, `tool_choice` and `parallel_tool_calls` of a Chat body.
 *
 * @throws ReticleError as `decodeTools`, in Chat's notation; `unknown_parameter` for the form before `tools`
 */
export function decodeChatTools(fields: Fields): RequestTools {
  const old = OLD_FIELDS.find((name) => !isNothing(fields[name]) && fields[name] !== 'none');
  if (old !== undefined) throw new ReticleError('unknown_parameter', 'the newer form is tools', { param: old });
  const tools = (list(fields, 'tools') ?? []).map((tool, index) => flat(tool, `tools[${index}]`));
  const { tool_choice: choice } = fields;
  const toolChoice = isFields(choice) ? flat(choice, 'tool_choice') : choice;
  return decodeTools({ tools, tool_choice: toolChoice, parallel_tool_calls: fields['parallel_tool_calls'] });
}

/** `{type, function: {…}}` → `{type, …}`; what has no such part is left for the decoder to judge. */
function flat(tool: unknown, param: string): unknown {
  if (!isFields(tool)) throw invalid('the value is an object', param);
  const { type } = tool;
  const nested = typeof type === 'string' ? tool[type] : undefined;
  return isFields(nested) ? { ...nested, type } : tool;
}

export type CallItem = { readonly type: string; readonly call_id: string };

/** Items of an assistant's calls, one each. */
export function callItems(message: Fields, param: string): readonly CallItem[] {
  if (!isNothing(message['function_call'])) {
    throw new ReticleError('unknown_parameter', 'the newer form is tool_calls', { param: `${param}.function_call` });
  }
  const calls = message['tool_calls'] ?? [];
  if (!Array.isArray(calls)) throw invalid('the value is a list', `${param}.tool_calls`);
  return calls.map((call: unknown, index) => callItem(call, `${param}.tool_calls[${index}]`));
}

function callItem(call: unknown, param: string): CallItem {
  if (!isFields(call)) throw invalid('a call is an object', param);
  const { id, type = 'function' } = call;
  const part = type === 'function' || type === 'custom' ? call[type] : undefined;
  if (!isFields(part)) throw invalid('the call is not known', `${param}.type`);
  if (typeof id !== 'string' || id === '') throw invalid('a call has an id', `${param}.id`);
  const { name, arguments: given, input } = part;
  const text = type === 'custom' ? { type: 'custom_tool_call', input } : { type: 'function_call', arguments: given };
  const named = { name, call_id: id };
  return { ...text, ...named };
}

type Output = {
  readonly param: string;
  /** Types of the call items before it, by id. */
  readonly calls: ReadonlyMap<string, string>;
  readonly output: string;
};

/** The item of a message with role `tool`; the call that it names says of which kind it is. */
export function outputItem(message: Fields, { param, calls, output }: Output): object {
  const { tool_call_id: callId } = message;
  const called = typeof callId === 'string' ? calls.get(callId) : undefined;
  if (called === undefined) throw invalid('no call before it has this id', `${param}.tool_call_id`);
  return { type: `${called}_output`, call_id: callId, output };
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** The first delta of a call: its name, and no arguments yet. */
export function callStart({ callId, toolName, kind }: OutputItem, index: number): object {
  if (kind === 'custom-tool-call')
    return { tool_calls: [{ index, id: callId, type: 'custom', custom: { name: toolName, input: '' } }] };
  return { tool_calls: [{ index, id: callId, type: 'function', function: { name: toolName, arguments: '' } }] };
}

/** A delta with more of a call's text. */
export function callText({ kind }: OutputItem, index: number, text: string): object {
  const more = kind === 'custom-tool-call' ? { custom: { input: text } } : { function: { arguments: text } };
  return { tool_calls: [{ index, ...more }] };
}

/** A whole call, as a message has it. */
export function callObject({ callId, toolName, kind }: OutputItem, text: string): object {
  if (kind === 'custom-tool-call') return { id: callId, type: 'custom', custom: { name: toolName, input: text } };
  return { id: callId, type: 'function', function: { name: toolName, arguments: text } };
}
