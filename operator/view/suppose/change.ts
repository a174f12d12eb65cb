import { decodeObject, formatPath, kinds, phaseStates, type PhaseState } from '@reticle/operator/api';
import type { StoredObject } from '@reticle/operator/plan';
import { namedObject, type NamedObject } from '../kind-word.ts';

/** Conditions of hosts that can be supposed. */
const nodeStates = ['gone', 'notready', 'cordoned', 'ready'] as const;
const waferStates = ['unhealthy', 'healthy'] as const;
export type NodeState = (typeof nodeStates)[number];
export type WaferHealth = (typeof waferStates)[number];

/** One supposition. */
export type WhatIf =
  | { readonly kind: 'field'; readonly of: NamedObject; readonly path: readonly string[]; readonly value: unknown }
  | { readonly kind: 'phase'; readonly of: NamedObject; readonly state: PhaseState }
  | { readonly kind: 'node'; readonly of: NamedObject; readonly state: NodeState }
  | { readonly kind: 'wafer'; readonly of: NamedObject; readonly state: WaferHealth };

/** What is wrong with a supposition, and what would do. */
export type Wrong = { readonly wrong: string };

const FORM = 'KIND/NAME.FIELD=VALUE, such as md/agent-1t.shape.wafers=24';

/**
 * Reads `KIND/NAME.FIELD=VALUE` (a field of the spec; `null` takes it away), `cph/NAME=STATE`, `node/NAME=gone` or
 * `wf/NAME=unhealthy`.
 */
export function parseWhatIf(text: string): WhatIf | Wrong {
  const equals = text.indexOf('=');
  if (equals <= 0) return { wrong: `"${text}" is not ${FORM}` };
  const [left, value] = [text.slice(0, equals), text.slice(equals + 1)];
  const whole = namedObject(left);
  if (!('wrong' in whole) && whole.kind === 'Node') return stateOf('node', whole, value, nodeStates);
  // Names of our kinds hold no dots.
  const dot = left.indexOf('.');
  const of = dot < 0 ? whole : namedObject(left.slice(0, dot));
  if ('wrong' in of) return of;
  if (dot >= 0) return { kind: 'field', of, path: pathOf(left.slice(dot + 1)), value: valueOf(value) };
  if (of.kind === 'CapacityPhase') return stateOf('phase', of, value, phaseStates);
  if (of.kind === 'Wafer') return stateOf('wafer', of, value, waferStates);
  return { wrong: `"${text}" names no field; it is ${FORM}` };
}

function stateOf(kind: WhatIf['kind'], of: NamedObject, value: string, states: readonly string[]): WhatIf | Wrong {
  // The states of the list are the ones of this kind of supposition.
  if (states.includes(value)) return { kind, of, state: value } as WhatIf;
  return { wrong: `"${value}" is not a state of ${of.kind}/${of.name} here; it is one of ${states.join(', ')}` };
}

/** `spec.` may be left out; `a[0].b` and `a.0.b` say the same. */
function pathOf(text: string): readonly string[] {
  const segments = text
    .replaceAll(/\[([^\]]*)\]/g, '.$1')
    .split('.')
    .filter((segment) => segment !== '');
  return segments[0] === 'spec' ? segments.slice(1) : segments;
}

/** JSON where it is JSON, else the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

type FieldChange = Extract<WhatIf, { kind: 'field' }>;

/** The object with these fields changed, judged by the rules of its kind like one that somebody wrote. */
export function withFields(object: StoredObject, changes: readonly FieldChange[]): StoredObject | Wrong {
  let spec: unknown = object.spec;
  for (const { path, value } of changes) {
    const next = withField(spec, path, value);
    if (next === undefined) return { wrong: `${object.kind}/${object.meta.name} has no place for ${path.join('.')}` };
    spec = next.value;
  }
  const { name, namespace } = object.meta;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  const raw = { apiVersion: 'reticle.dev/v1alpha1', kind: object.kind, metadata, spec };
  const decoded = decodeObject(kinds, raw);
  if (decoded.problems !== undefined) {
    const said = decoded.problems.map(({ segments, message }) => `${formatPath(segments)} ${message}`);
    return { wrong: `${object.kind}/${name}: ${said.join('; ')}` };
  }
  const meta = { ...object.meta, generation: object.meta.generation + 1 };
  // `decodeObject` has decoded the spec by the kind that the object is of.
  return { ...object, meta, spec: decoded.ok.spec } as StoredObject;
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined: the path leads through something that has no fields. */
function withField(base: unknown, path: readonly string[], value: unknown): { readonly value: unknown } | undefined {
  const [first, ...rest] = path;
  if (first === undefined) return { value };
  if (Array.isArray(base)) return withItem(base, { first, rest, value });
  if (base !== undefined && (typeof base !== 'object' || base === null)) return undefined;
  const fields = (base ?? {}) as Fields;
  const next = withField(Object.hasOwn(fields, first) ? fields[first] : undefined, rest, value);
  if (next === undefined) return undefined;
  const { [first]: _before, ...others } = fields;
  return { value: next.value === null ? others : { ...others, [first]: next.value } };
}

type Item = { readonly first: string; readonly rest: readonly string[]; readonly value: unknown };

/** An item by its position, or by the name that it goes by (`regions.us-east`). */
function withItem(base: readonly unknown[], { first, rest, value }: Item): { readonly value: unknown } | undefined {
  const index = /^[0-9]{1,3}$/.test(first) ? Number(first) : base.findIndex((item) => goesBy(item, first));
  if (index < 0 || index > base.length) return undefined;
  const next = withField(base[index], rest, value);
  if (next === undefined) return undefined;
  const after = base.slice(index + 1);
  return { value: [...base.slice(0, index), ...(next.value === null ? [] : [next.value]), ...after] };
}

function goesBy(item: unknown, name: string): boolean {
  if (typeof item !== 'object' || item === null) return item === name;
  const { region, name: own, tier } = item as Fields;
  return [region, own, tier].includes(name);
}
