/**
 * What a simulated model answers where a test or a demonstration wants more than prose (PROTOCOL §4.1a "Simulator
 * script"): ordered rules over the item that stands last in the context.
 *
 *     [{"lastItem": "message", "role": "user", "text": "list files",
 *       "items": [{"reasoning": 24}, {"call": {"name": "exec_command", "arguments": {"cmd": "ls"}}}]},
 *      {"lastItem": "function_call_output", "items": [{"message": {}}]}]
 */
import { invalid, isFields, parseJson, refuseUnknown, type Fields } from './tokens/item-fields.ts';
import { roles, type Item, type ItemWord, type Role } from './tokens/item.ts';
import { toolName } from './tools/tool.ts';

const RULES_MAX = 64;
const ITEMS_MAX = 16;
const REASONING_TOKENS_MAX = 4_096;
const TEXT_CHARACTERS_MAX = 8_192;

/** One output item. `text` absent: generated, by a tool's schema or as the model's prose. */
export type ScriptedItem =
  | { readonly kind: 'reasoning'; readonly tokens: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      /** The kind of tool that the rule speaks of; absent: either. */
      readonly tool?: 'function' | 'custom';
      readonly text?: string;
    }
  | { readonly kind: 'message'; readonly text?: string };

export type ScriptRule = {
  readonly lastItem?: ItemWord;
  readonly role?: Role;
  /** Part of the item's text, in any case. */
  readonly text?: string;
  readonly items: readonly ScriptedItem[];
};

export type SimScript = readonly ScriptRule[];

const itemTypes: Readonly<Record<string, ItemWord>> = {
  message: 'message',
  reasoning: 'reasoning',
  function_call: 'function-call',
  custom_tool_call: 'custom-tool-call',
  function_call_output: 'function-call-output',
  custom_tool_call_output: 'custom-tool-call-output',
};

/** @throws ReticleError `invalid_request` and those of a JSON text, naming what is wrong in the script */
export function parseSimScript(json: string, param: string): SimScript {
  return listOf(parseJson(json, param), RULES_MAX, param).map((rule, index) => ruleOf(rule, `${param}[${index}]`));
}

/** Whether a rule speaks of a context that ends in this item; undefined: in nothing that the engine can read. */
export function ruleMatches({ lastItem, role, text }: ScriptRule, item: Item | undefined): boolean {
  return (
    (lastItem === undefined || lastItem === item?.kind) &&
    (role === undefined || role === roleOf(item)) &&
    (text === undefined || holds(item?.text ?? '', text))
  );
}

function roleOf(item: Item | undefined): Role | undefined {
  return item?.kind === 'message' ? item.role : undefined;
}

function holds(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

function ruleOf(value: unknown, param: string): ScriptRule {
  const fields = fieldsOf(value, ['lastItem', 'role', 'text', 'items'], param);
  const role = fields['role'] === undefined ? undefined : roles.find((known) => known === fields['role']);
  if (fields['role'] !== undefined && role === undefined) throw invalid('the role is not known', `${param}.role`);
  const lastItem = lastItemOf(fields['lastItem'], `${param}.lastItem`);
  const text = optionalText(fields, 'text', param);
  return {
    ...(lastItem === undefined ? {} : { lastItem }),
    ...(role === undefined ? {} : { role }),
    ...(text === undefined ? {} : { text }),
    items: itemsOf(fields['items'], `${param}.items`),
  };
}

function lastItemOf(value: unknown, param: string): ItemWord | undefined {
  if (value === undefined) return undefined;
  const known = typeof value === 'string' && Object.hasOwn(itemTypes, value) ? itemTypes[value] : undefined;
  if (known === undefined) throw invalid(`an item is one of ${Object.keys(itemTypes).join(', ')}`, param);
  return known;
}

function itemsOf(value: unknown, param: string): readonly ScriptedItem[] {
  const items = listOf(value, ITEMS_MAX, param).map((item, index) => itemOf(item, `${param}[${index}]`));
  if (items.length === 0) throw invalid('a rule has an item', param);
  const endless = items.findIndex((item) => item.kind === 'message' && item.text === undefined);
  if (endless >= 0 && endless < items.length - 1) {
    throw invalid('a message without a text stands last', `${param}[${endless}]`);
  }
  return items;
}

function itemOf(value: unknown, param: string): ScriptedItem {
  const fields = fieldsOf(value, ['reasoning', 'call', 'message'], param);
  const [word, ...more] = Object.keys(fields);
  if (word === undefined || more.length > 0) throw invalid('an item is a reasoning, a call or a message', param);
  const at = `${param}.${word}`;
  if (word === 'call') return callOf(fields[word], at);
  if (word === 'message') {
    const text = optionalText(fieldsOf(fields[word], ['text'], at), 'text', at);
    return { kind: 'message', ...(text === undefined ? {} : { text }) };
  }
  const tokens = fields[word];
  const fits = typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 1 && tokens <= REASONING_TOKENS_MAX;
  if (!fits) throw invalid(`reasoning has 1 to ${REASONING_TOKENS_MAX} tokens`, at);
  return { kind: 'reasoning', tokens };
}

/** `arguments` of a function, `input` of a custom tool, or neither. */
function callOf(value: unknown, param: string): ScriptedItem {
  const fields = fieldsOf(value, ['name', 'arguments', 'input'], param);
  const name = toolName(fields['name'], `${param}.name`);
  const input = optionalText(fields, 'input', param);
  if (fields['arguments'] === undefined) {
    return { kind: 'call', name, ...(input === undefined ? {} : { tool: 'custom', text: input }) };
  }
  if (input !== undefined) throw invalid('a call has arguments or an input', param);
  if (!isFields(fields['arguments'])) throw invalid('arguments are a JSON object', `${param}.arguments`);
  return { kind: 'call', name, tool: 'function', text: JSON.stringify(fields['arguments']) };
}

function optionalText(fields: Fields, name: string, param: string): string | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  const fits = typeof value === 'string' && value.length > 0 && value.length <= TEXT_CHARACTERS_MAX;
  if (!fits || !value.isWellFormed()) {
    throw invalid(`${name} is a text of 1 to ${TEXT_CHARACTERS_MAX} characters`, `${param}.${name}`);
  }
  return value;
}

function listOf(value: unknown, max: number, param: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) throw invalid(`a list of at most ${max}`, param);
  return value;
}

function fieldsOf(value: unknown, known: readonly string[], param: string): Fields {
  if (!isFields(value)) throw invalid('the value is an object', param);
  refuseUnknown(value, new Set(known), param);
  return value;
}
