/**
 * Combinators that build a kind's schema as plain data (OPERATOR §6). The decoder interprets that data; a
 * CRD emitter can walk the same nodes, since they hold only what a structural schema allows: bounds,
 * patterns, defaults and CEL rules. The TypeScript type of a kind is inferred from them (`Infer`).
 */
import { assert } from '@reticle/core/domain';
import type { Segments } from './problem.ts';
import { UTC_TIME } from './utc-time.ts';

/** A place below the object a rule is written on, and why it is refused there. */
export type Finding = { readonly at: Segments; readonly message: string };

/** True, or false, or the exact places at fault; no place means accepted. */
export type Verdict = boolean | readonly Finding[];

/**
 * A condition over several fields, twice: `cel` for the API server (`self` is the node that carries the
 * rule) and a pure `twin` for everything that runs without one. The twin sees decoded values only.
 */
export type Rule<T> = {
  readonly id: string;
  readonly cel: string;
  readonly message: string;
  /**
   * `state`: reads `self` alone and holds for every object. `update`: compares with `oldSelf` where the node was there
   * before and still is. `write`: compares where there is an `oldSelf`, and also judges what is written first
   * (`optionalOldSelf`).
   */
  readonly on: 'state' | 'update' | 'write';
  /** `oldSelf` is undefined for `state` rules, and for what a `write` rule judges when nothing was there. */
  readonly twin: (self: T, oldSelf: T | undefined) => Verdict;
};

/** A rule with its inferred type erased; the decoder calls it only with values of its own node. */
export type NodeRule = Rule<unknown>;

export type StringNode = {
  readonly kind: 'string';
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern?: string;
  /** What the pattern means, for people. */
  readonly hint?: string;
  /** A moment; the API server's rules see a timestamp. */
  readonly format?: 'date-time';
  readonly rules: readonly NodeRule[];
};
export type IntegerNode = {
  readonly kind: 'integer';
  readonly min: number;
  readonly max: number;
  /** The only values allowed, when the range alone does not say it. */
  readonly oneOf?: readonly number[];
  readonly rules: readonly NodeRule[];
};
export type BooleanNode = { readonly kind: 'boolean'; readonly rules: readonly NodeRule[] };
export type EnumNode = {
  readonly kind: 'enum';
  readonly values: readonly string[];
  readonly rules: readonly NodeRule[];
};
export type ObjectNode = {
  readonly kind: 'object';
  readonly fields: Readonly<Record<string, Schema<unknown>>>;
  readonly rules: readonly NodeRule[];
};
export type ListNode = {
  readonly kind: 'list';
  /** Kubernetes' list types: `map` has identity by `key`, `set` holds unique scalars. */
  readonly listType: 'atomic' | 'map' | 'set';
  /** Field that identifies an item of a `map` list. */
  readonly key?: string;
  readonly item: Schema<unknown>;
  readonly minItems: number;
  readonly maxItems: number;
  readonly rules: readonly NodeRule[];
};
/** String → string, as labels and engine arguments are. */
export type MapNode = {
  readonly kind: 'map';
  readonly value: Schema<string>;
  readonly maxItems: number;
  readonly rules: readonly NodeRule[];
};
export type SchemaNode = StringNode | IntegerNode | BooleanNode | EnumNode | ObjectNode | ListNode | MapNode;

/** `optional` may be absent after decoding; `defaulted` never is. */
export type Presence = 'required' | 'optional' | 'defaulted';

/** A field's schema: its node, whether it must be given, and the type of its decoded value (`T`, never set). */
export type Schema<T, P extends Presence = Presence> = {
  readonly node: SchemaNode;
  readonly presence: P;
  /** Raw value that stands in for an absent one; it is decoded itself, so nested defaults apply. */
  readonly default?: unknown;
  readonly inferred?: () => T;
};

/** Type of the decoded value. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type Simplify<T> = { readonly [K in keyof T]: T[K] };
type InferFields<F extends Fields> = Simplify<
  { readonly [K in keyof F as F[K]['presence'] extends 'optional' ? never : K]: Infer<F[K]> } & {
    readonly [K in keyof F as F[K]['presence'] extends 'optional' ? K : never]?: Infer<F[K]>;
  }
>;

const required = <T>(node: SchemaNode): Schema<T, 'required'> => ({ node, presence: 'required' });

/** Default `maxLength` of every string (OPERATOR §1 rule 4). */
const STRING_LENGTH_MAX = 253;

/** Text of 1 to 253 characters unless said otherwise; `hint` says in words what `pattern` allows. */
export function str(
  options: { readonly maxLength?: number; readonly pattern?: string; readonly hint?: string } = {},
): Schema<string, 'required'> {
  return required({ kind: 'string', minLength: 1, maxLength: STRING_LENGTH_MAX, ...options, rules: [] });
}

/** A moment in UTC as RFC 3339 writes it; `utcMs` reads it. */
export function time(): Schema<string, 'required'> {
  const hint = 'a moment in UTC such as 2027-06-01T00:00:00Z';
  return required({
    kind: 'string',
    minLength: 1,
    maxLength: 30,
    pattern: UTC_TIME,
    hint,
    format: 'date-time',
    rules: [],
  });
}

/** A whole number from `min` to `max`, both inclusive; `max` is at most the largest exact JSON integer. */
export function int(min: number, max: number = Number.MAX_SAFE_INTEGER): Schema<number, 'required'> {
  return required({ kind: 'integer', min, max, rules: [] });
}

/** One of a few whole numbers, in rising order. */
export function intOf<const V extends readonly number[]>(values: V): Schema<V[number], 'required'> {
  return required({ kind: 'integer', min: values[0] ?? 0, max: values.at(-1) ?? 0, oneOf: values, rules: [] });
}

export function bool(): Schema<boolean, 'required'> {
  return required({ kind: 'boolean', rules: [] });
}

export function enumOf<const V extends readonly string[]>(values: V): Schema<V[number], 'required'> {
  return required({ kind: 'enum', values, rules: [] });
}

export function obj<F extends Fields>(fields: F): Schema<InferFields<F>, 'required'> {
  return required({ kind: 'object', fields, rules: [] });
}

type ListBounds = { readonly minItems?: number; readonly maxItems: number };

/** An atomic list: order counts, the whole list is one value. */
export function list<T>(item: Schema<T>, bounds: ListBounds): Schema<readonly T[], 'required'> {
  return required({ kind: 'list', listType: 'atomic', item, minItems: 0, ...bounds, rules: [] });
}

/** A list whose items are identified by the field `key`. */
export function listMap<T>(
  item: Schema<T>,
  key: keyof T & string,
  bounds: ListBounds,
): Schema<readonly T[], 'required'> {
  return required({ kind: 'list', listType: 'map', key, item, minItems: 0, ...bounds, rules: [] });
}

/** A list of unique strings. */
export function set<T extends string>(item: Schema<T>, bounds: ListBounds): Schema<readonly T[], 'required'> {
  return required({ kind: 'list', listType: 'set', item, minItems: 0, ...bounds, rules: [] });
}

/** String keys to values of one string schema. */
export function map(
  value: Schema<string>,
  bounds: { readonly maxItems: number },
): Schema<Readonly<Record<string, string>>, 'required'> {
  return required({ kind: 'map', value, maxItems: bounds.maxItems, rules: [] });
}

/** The field may be absent. */
export function opt<T>(schema: Schema<T>): Schema<T, 'optional'> {
  return { node: schema.node, presence: 'optional' };
}

/** The field may be absent and then has this raw value; `{}` lets the fields inside supply their own defaults. */
export function withDefault<T>(schema: Schema<T>, value: unknown): Schema<T, 'defaulted'> {
  return { node: schema.node, presence: 'defaulted', default: value };
}

/** Adds rules to a schema; they run after the schema itself holds. */
export function withRules<T, P extends Presence>(
  schema: Schema<T, P>,
  ...rules: readonly Rule<NoInfer<T>>[]
): Schema<T, P> {
  // The erased type is sound: a rule is only called with the decoded value of the node it is stored on.
  const erased = rules as readonly Rule<never>[] as readonly NodeRule[];
  return { ...schema, node: { ...schema.node, rules: [...schema.node.rules, ...erased] } };
}

/** A rule on every object: id, CEL for the API server, message for people (why and what to do), pure twin. */
export function rule<T>(id: string, cel: string, message: string, twin: (self: T) => Verdict): Rule<T> {
  return { id, cel, message, on: 'state', twin };
}

/** A rule on changes; it is silent where the node is added or removed. */
export function updateRule<T>(
  id: string,
  cel: string,
  message: string,
  twin: (self: T, oldSelf: T) => Verdict,
): Rule<T> {
  const both = (self: T, oldSelf: T | undefined) => {
    assert(oldSelf !== undefined, 'an update rule runs only where the node was there before');
    return twin(self, oldSelf);
  };
  return { id, cel, message, on: 'update', twin: both };
}

/** A rule on changes and on what is written first; its CEL sees an optional `oldSelf`. */
export function writeRule<T>(id: string, cel: string, message: string, twin: Rule<T>['twin']): Rule<T> {
  return { id, cel, message, on: 'write', twin };
}
