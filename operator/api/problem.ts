/** Steps from the root of an object to a field: names of fields, keys of maps, indexes of lists. */
export type Segments = readonly (string | number)[];

/** What is wrong with a field. `reference` and `conflict` need several objects and come from `validateScene`. */
export type ProblemCode =
  | 'required'
  | 'type'
  | 'range'
  | 'pattern'
  | 'enum'
  | 'unknown_field'
  | 'duplicate'
  | 'rule'
  | 'reference'
  | 'conflict';

/** One refusal of one field. The message says why and, in parentheses, what to do. */
export type Problem = {
  /** `spec.regions[0].replicas`; empty for the object itself. */
  readonly path: string;
  /** The same path in steps, for tools that look the field up in its source text. */
  readonly segments: Segments;
  readonly code: ProblemCode;
  readonly message: string;
  /** Id of the rule that refused, when `code` is `rule`. */
  readonly rule?: string;
};

const FIELD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `['spec', 'regions', 0, 'region']` → `spec.regions[0].region`; other map keys stand in brackets. */
export function formatPath(segments: Segments): string {
  let path = '';
  for (const segment of segments) {
    if (typeof segment === 'string' && FIELD.test(segment)) path += path === '' ? segment : `.${segment}`;
    else path += `[${segment}]`;
  }
  return path;
}

/** A problem at a path. */
export function problemAt(segments: Segments, code: ProblemCode, message: string): Problem {
  return { path: formatPath(segments), segments, code, message };
}

const QUOTED_MAX = 40;

/** A value of an author's manifest as it is shown back: quoted, cut to 40 characters, never a whole structure. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.length > QUOTED_MAX ? `${value.slice(0, QUOTED_MAX)}…` : value;
    return JSON.stringify(text);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : nameOfType(value);
}

/** The type of a decoded YAML or JSON value in the words of a person. */
export function nameOfType(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a string';
    case 'boolean':
      return 'a boolean';
    case 'number':
    case 'bigint':
      return 'a number';
    default:
      return 'an object';
  }
}
