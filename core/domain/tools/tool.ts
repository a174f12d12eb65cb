/** Tools that a request offers to the model: only their shape is checked here, a schema when a call has to follow it. */
import { limits } from '@reticle/proto/contract';

import { canonicalJson } from '../tokens/canonical-json.ts';
import { invalid, isFields, parseJson } from '../tokens/item-fields.ts';
import { ReticleError } from '../reticle-error.ts';

/** `parameters` is a JSON schema as the client gave it. */
export type Tool =
  | { readonly kind: 'function'; readonly name: string; readonly parameters: unknown }
  | { readonly kind: 'custom'; readonly name: string };

/** The tools of a request. */
export type ToolSet = {
  /** Canonical JSON of the list, as the model reads it. */
  readonly json: string;
  readonly tools: readonly Tool[];
};

/** Names that are safe in a heading of the template and that clients use; `.` and `:` come from composed names. */
const PLAIN_NAMESPACE = 'functions';
const NAME = /^[\w.:/-]+$/;

/**
 * The tools of `tools_json`: functions and custom tools.
 *
 * @throws ReticleError as for a JSON text, and of {@link parseToolList}
 */
export function parseTools(json: string, param: string): ToolSet {
  const value = parseJson(json, param);
  return { tools: parseToolList(value, param, { others: 'refuse' }), json: canonicalJson(value) };
}

/**
 * Functions and custom tools of a list (PROMISES §7.2 H16). Tools of other types need a model's host to run them: they
 * are refused, or carried along unread, since a client's conversation may name them; of a namespace `functions` the tools
 * count as well.
 *
 * @throws ReticleError `invalid_request`, `value_out_of_range` for too many or too long a name
 */
export function parseToolList(
  list: unknown,
  param: string,
  { others }: { readonly others: 'refuse' | 'carry' },
): readonly Tool[] {
  if (!Array.isArray(list)) throw invalid('tools are a list', param);
  checkCount(list, param);
  const tools = list.map((each: unknown, index) => toolOf(each, `${param}[${index}]`));
  const plain = others === 'carry' ? list.map((each: unknown, index) => plainTools(each, `${param}[${index}]`)) : [];
  const foreign = tools.indexOf(undefined);
  if (foreign >= 0 && others === 'refuse') {
    throw invalid('a tool is of type function or custom', `${param}[${foreign}].type`);
  }
  const known = [...tools, ...plain.flat()].filter((tool) => tool !== undefined);
  checkCount(known, param);
  refuseRepeated(known, param);
  return known;
}

function checkCount({ length }: readonly unknown[], param: string): void {
  if (length <= limits.toolsMax) return;
  const details = { limit: String(limits.toolsMax), requested: String(length) };
  throw new ReticleError('value_out_of_range', `at most ${limits.toolsMax} tools`, { param, details });
}

/** Codex groups its own tools so; they are called by their names alone. */
function plainTools(value: unknown, param: string): readonly (Tool | undefined)[] {
  if (!isFields(value) || value['type'] !== 'namespace' || value['name'] !== PLAIN_NAMESPACE) return [];
  const { tools } = value;
  if (!Array.isArray(tools)) throw invalid('tools are a list', `${param}.tools`);
  return tools.map((each: unknown, index) => toolOf(each, `${param}.tools[${index}]`));
}

function toolOf(value: unknown, param: string): Tool | undefined {
  if (!isFields(value)) throw invalid('a tool is a JSON object', param);
  const { type } = value;
  if (typeof type !== 'string') throw invalid('type must be a string', `${param}.type`);
  if (type !== 'function' && type !== 'custom') return undefined;
  const name = toolName(value['name'], `${param}.name`);
  if (type === 'custom') return { kind: 'custom', name };
  const parameters = value['parameters'] ?? {};
  if (!isFields(parameters)) throw invalid('parameters are a JSON schema', `${param}.parameters`);
  return { kind: 'function', name, parameters };
}

/** @throws ReticleError `invalid_request`, or `value_out_of_range` for one that is too long */
export function toolName(value: unknown, param: string): string {
  if (typeof value !== 'string' || value === '') throw invalid('a tool has a name', param);
  if (value.length > limits.toolNameCharactersMax) {
    const details = { limit: String(limits.toolNameCharactersMax), requested: String(value.length) };
    throw new ReticleError('value_out_of_range', 'the name is too long', { param, details });
  }
  if (!NAME.test(value)) throw invalid('a name is letters, digits and _ - . : /', param);
  return value;
}

/** Two tools of one name cannot be told apart in a call. */
function refuseRepeated(tools: readonly Tool[], param: string): void {
  const names = new Set<string>();
  for (const { name } of tools) {
    if (names.has(name)) throw invalid('two tools have the same name', param);
    names.add(name);
  }
}
