import { nameOfType, problemAt, quote, formatPath, type Problem, type Segments } from './problem.ts';
import { suggest } from './suggest.ts';
import { utcMs } from './utc-time.ts';
import { rangeWords, typeHint, wanted } from './node-words.ts';
import type {
  BooleanNode,
  EnumNode,
  IntegerNode,
  ListNode,
  MapNode,
  NodeRule,
  ObjectNode,
  Schema,
  SchemaNode,
  StringNode,
  Verdict,
} from './schema.ts';

/** Every problem found so far; a decode collects and never stops at the first. */
type Sink = { readonly problems: Problem[]; readonly at: Segments };

const below = (sink: Sink, segment: string | number): Sink => ({
  problems: sink.problems,
  at: [...sink.at, segment],
});

function refuse(sink: Sink, code: Problem['code'], message: string): undefined {
  sink.problems.push(problemAt(sink.at, code, message));
  return undefined;
}

/** The decoded value with every default applied, or all problems at once. Decoding its result again changes nothing. */
export function decodeValue<T>(
  schema: Schema<T>,
  raw: unknown,
  at: Segments = [],
):
  | { readonly ok: T; readonly problems?: undefined }
  | { readonly ok?: undefined; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const value = decodeNode(schema.node, raw, { problems, at });
  // Sound because the node was built together with T and nothing was refused.
  return problems.length === 0 ? { ok: value as T } : { problems };
}

function decodeNode(node: SchemaNode, raw: unknown, sink: Sink): unknown {
  const before = sink.problems.length;
  const value = decodeByKind(node, raw, sink);
  if (sink.problems.length === before) runStateRules(node.rules, value, sink);
  return value;
}

function decodeByKind(node: SchemaNode, raw: unknown, sink: Sink): unknown {
  switch (node.kind) {
    case 'string':
      return decodeString(node, raw, sink);
    case 'integer':
      return decodeInteger(node, raw, sink);
    case 'boolean':
      return decodeBoolean(node, raw, sink);
    case 'enum':
      return decodeEnum(node, raw, sink);
    case 'object':
      return decodeFields(node, raw, sink);
    case 'list':
      return decodeList(node, raw, sink);
    case 'map':
      return decodeMap(node, raw, sink);
  }
}

function runStateRules(rules: readonly NodeRule[], value: unknown, sink: Sink): void {
  for (const rule of rules) {
    if (rule.on === 'state') sink.problems.push(...refusals(rule, sink.at, rule.twin(value, undefined)));
  }
}

/** What a rule on the node at `at` found there. */
export function refusals(rule: NodeRule, at: Segments, verdict: Verdict): readonly Problem[] {
  if (verdict === true) return [];
  const findings = verdict === false ? [{ at: [], message: rule.message }] : verdict;
  return findings.map((finding) => ({
    ...problemAt([...at, ...finding.at], 'rule', finding.message),
    rule: rule.id,
  }));
}

/** A plain object of YAML or JSON; lists and null are not. */
export function isRecord(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

function refuseType(node: SchemaNode, raw: unknown, sink: Sink): undefined {
  return refuse(sink, 'type', `must be ${wanted(node)}, not ${nameOfType(raw)}${typeHint(node, raw)}`);
}

function decodeBoolean(node: BooleanNode, raw: unknown, sink: Sink): unknown {
  return typeof raw === 'boolean' ? raw : refuseType(node, raw, sink);
}

function decodeString(node: StringNode, raw: unknown, sink: Sink): unknown {
  if (typeof raw !== 'string') return refuseType(node, raw, sink);
  // The API server counts code points; a text has at most as many as it has units.
  const length = raw.length > node.maxLength ? codePoints(raw) : raw.length;
  if (length < node.minLength || length > node.maxLength) {
    return refuse(sink, 'range', `has ${length} characters (use ${node.minLength} to ${node.maxLength})`);
  }
  if (node.pattern !== undefined && !new RegExp(node.pattern, 'u').test(raw)) {
    return refuse(sink, 'pattern', `${quote(raw)} is malformed (use ${node.hint ?? node.pattern})`);
  }
  if (node.format !== undefined && utcMs(raw) === undefined) {
    return refuse(sink, 'pattern', `${quote(raw)} is no day of its month (use one)`);
  }
  return raw;
}

function codePoints(text: string): number {
  let units = 0;
  let points = 0;
  for (; units < text.length; points++) units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
  return points;
}

function decodeInteger(node: IntegerNode, raw: unknown, sink: Sink): unknown {
  if (typeof raw !== 'number') return refuseType(node, raw, sink);
  if (!Number.isSafeInteger(raw)) {
    return refuse(sink, 'type', `must be ${wanted(node)}, not ${String(raw)}`);
  }
  const inside = node.oneOf === undefined ? raw >= node.min && raw <= node.max : node.oneOf.includes(raw);
  return inside ? raw : refuse(sink, 'range', `${raw} is out of range (use a whole number ${rangeWords(node)})`);
}

function decodeEnum(node: EnumNode, raw: unknown, sink: Sink): unknown {
  if (typeof raw !== 'string') return refuseType(node, raw, sink);
  if (node.values.includes(raw)) return raw;
  return refuse(sink, 'enum', `${quote(raw)} is not a value here (${suggest(raw, node.values, 'use one of')})`);
}

function decodeFields(node: ObjectNode, raw: unknown, sink: Sink): unknown {
  if (!isRecord(raw)) return refuseType(node, raw, sink);
  const decoded: [string, unknown][] = [];
  for (const [name, schema] of Object.entries(node.fields)) {
    // Null counts as absent, as the API server prunes it before it applies defaults.
    const given = Object.hasOwn(raw, name) ? (raw[name] ?? undefined) : undefined;
    const value = given ?? schema.default;
    if (value !== undefined) decoded.push([name, decodeNode(schema.node, value, below(sink, name))]);
    else if (schema.presence === 'required') {
      refuse(below(sink, name), 'required', `is missing (add ${wanted(schema.node)})`);
    }
  }
  refuseUnknown(node, raw, sink);
  return Object.fromEntries(decoded);
}

function refuseUnknown(node: ObjectNode, raw: Readonly<Record<string, unknown>>, sink: Sink): void {
  const known = Object.keys(node.fields);
  for (const name of Object.keys(raw)) {
    if (Object.hasOwn(node.fields, name)) continue;
    const owner = sink.at.length === 0 ? 'the object' : formatPath(sink.at);
    refuse(below(sink, name), 'unknown_field', `is not a field of ${owner} (${suggest(name, known, 'it has')})`);
  }
}

function decodeList(node: ListNode, raw: unknown, sink: Sink): unknown {
  if (!Array.isArray(raw)) return refuseType(node, raw, sink);
  if (raw.length < node.minItems || raw.length > node.maxItems) {
    return refuse(sink, 'range', `has ${raw.length} items (use ${node.minItems} to ${node.maxItems})`);
  }
  const values = raw.map((item: unknown, index) => decodeNode(node.item.node, item, below(sink, index)));
  if (node.listType !== 'atomic') refuseDuplicates(node, values, sink);
  return values;
}

function refuseDuplicates(node: ListNode, values: readonly unknown[], sink: Sink): void {
  const first = new Map<unknown, number>();
  for (const [index, value] of values.entries()) {
    const identity = node.key === undefined ? value : isRecord(value) ? value[node.key] : undefined;
    if (identity === undefined) continue;
    const earlier = first.get(identity);
    if (earlier === undefined) first.set(identity, index);
    else refuse(below(sink, index), 'duplicate', `${quote(identity)} is already item ${earlier} (remove one)`);
  }
}

function decodeMap(node: MapNode, raw: unknown, sink: Sink): unknown {
  if (!isRecord(raw)) return refuseType(node, raw, sink);
  const entries = Object.entries(raw);
  if (entries.length > node.maxItems) {
    return refuse(sink, 'range', `has ${entries.length} entries (use at most ${node.maxItems})`);
  }
  return Object.fromEntries(
    entries.map(([key, value]) => [key, decodeNode(node.value.node, value, below(sink, key))] as const),
  );
}
