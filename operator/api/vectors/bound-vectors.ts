import { decodeObject, kinds } from '../kinds.ts';
import { isRecord } from '../decode.ts';
import { formatPath, type Segments } from '../problem.ts';
import type { ListNode, ObjectNode, Schema, SchemaNode } from '../schema.ts';
import { baseOf, type Json, type JsonObject, type RuleVectors } from './rule-vectors.ts';

/** One object that breaks one bound of its schema. */
export type BoundVector = {
  /** `spec.slot: above the range`. */
  readonly name: string;
  readonly kind: RuleVectors['kind'];
  readonly object: JsonObject;
  /** Where the object is broken. */
  readonly segments: Segments;
};

/** A value in place of the sound one, or nothing in its place. */
type Fault = { readonly why: string; readonly below?: Segments; readonly value: Json | undefined };

/** Every bound of every field that the base object of the kind has, broken once. Decoders and servers refuse them all. */
export function boundVectors(kind: RuleVectors['kind']): readonly BoundVector[] {
  const { schema } = kinds[kind];
  const root: Schema<unknown> = schema;
  const whole = decodeObject(kinds, baseOf(kind)).ok as unknown as JsonObject;
  const specNode = root.node.kind === 'object' ? root.node.fields['spec']?.node : undefined;
  if (specNode === undefined) return [];
  return faultsBelow(specNode, whole['spec'], ['spec']).map(({ why, at, value }) => ({
    name: `${kind} ${formatPath(at)}: ${why}`,
    kind,
    object: changed(whole, at, value) as JsonObject,
    segments: at,
  }));
}

type Found = { readonly why: string; readonly at: Segments; readonly value: Json | undefined };

function faultsBelow(node: SchemaNode, value: Json | undefined, at: Segments): readonly Found[] {
  if (value === undefined) return [];
  const own = faultsOf(node, value).map(({ why, below = [], value: wrong }) => ({
    why,
    at: [...at, ...below],
    value: wrong,
  }));
  return [...own, ...childFaults(node, value, at)];
}

function childFaults(node: SchemaNode, value: Json, at: Segments): readonly Found[] {
  if (node.kind === 'object' && isRecord(value)) {
    return Object.entries(node.fields).flatMap(([name, field]) =>
      faultsBelow(field.node, value[name] as Json | undefined, [...at, name]),
    );
  }
  // One item stands for all.
  return node.kind === 'list' && isList(value) ? faultsBelow(node.item.node, value[0], [...at, 0]) : [];
}

function faultsOf(node: SchemaNode, value: Json): readonly Fault[] {
  switch (node.kind) {
    case 'string':
      return [
        { why: 'empty', value: '' },
        { why: 'too long', value: 'a'.repeat(node.maxLength + 1) },
        { why: 'a number', value: 7 },
        ...(node.pattern === undefined ? [] : [{ why: 'malformed', value: '-\t-' }]),
      ];
    case 'integer':
      return [
        { why: 'below the range', value: node.min - 1 },
        { why: 'above the range', value: node.max + 1 },
        { why: 'a fraction', value: node.min + 0.5 },
        { why: 'a text', value: String(node.min) },
      ];
    case 'boolean':
      return [{ why: 'a text', value: 'yes' }];
    case 'enum':
      return [{ why: 'no value of the list', value: `${node.values[0]}x` }];
    case 'object':
      return objectFaults(node);
    case 'list':
      return isList(value) ? listFaults(node, value) : [];
    case 'map':
      return [
        { why: 'a list', value: [] },
        { why: 'a number inside', value: { a: 7 } },
        { why: 'too many entries', value: Object.fromEntries(times(node.maxItems + 1, (index) => [`k${index}`, 'x'])) },
      ];
  }
}

function objectFaults(node: ObjectNode): readonly Fault[] {
  const required = Object.entries(node.fields).filter(([, { presence }]) => presence === 'required');
  return [
    { why: 'a list', value: [] },
    { why: 'an unknown field', below: ['unheardOf'], value: 1 },
    ...required.map(([name]) => ({ why: 'missing', below: [name], value: undefined })),
  ];
}

function listFaults(node: ListNode, [first]: readonly Json[]): readonly Fault[] {
  const none = node.minItems === 0 ? [] : [{ why: 'too few items', value: [] }];
  if (first === undefined) return [{ why: 'an object', value: {} }, ...none];
  const twice = node.listType === 'atomic' ? [] : [{ why: 'an item twice', value: [first, first] }];
  const many = { why: 'too many items', value: times(node.maxItems + 1, () => first) };
  return [{ why: 'an object', value: {} }, ...none, ...twice, many];
}

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** The object with another value at a place, or with none. */
function changed(from: Json | undefined, [step, ...rest]: Segments, value: Json | undefined): Json | undefined {
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const items = from !== undefined && isList(from) ? from : [];
    return items.map((item, index) => (index === step ? (changed(item, rest, value) ?? null) : item));
  }
  const fields = new Map<string, Json>(Object.entries(isRecord(from) ? (from as JsonObject) : {}));
  const inner = changed(fields.get(step), rest, value);
  if (inner === undefined) fields.delete(step);
  else fields.set(step, inner);
  return Object.fromEntries(fields);
}
