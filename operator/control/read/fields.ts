/** Reading of objects that other programs write: whatever is not of the expected shape counts as absent. */
type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A whole number, also one that is written as text (quantities, labels). */
export function wholeOf(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : textOf(value);
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Milliseconds of an RFC 3339 text; undefined for none. */
export function timeOf(value: unknown): number | undefined {
  const ms = Date.parse(textOf(value) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

export type ReadCondition = { readonly isTrue: boolean; readonly sinceMs: number | undefined };

/** What a condition that nobody has written comes to. */
export const NO_CONDITION: ReadCondition = { isTrue: false, sinceMs: undefined };

/** One condition of a status. */
export function conditionIn(status: unknown, type: string): ReadCondition | undefined {
  const found = listOf(fieldsOf(status)['conditions']).find((condition) => condition['type'] === type);
  if (found === undefined) return undefined;
  return { isTrue: found['status'] === 'True', sinceMs: timeOf(found['lastTransitionTime']) };
}

/** The fields that have a value. */
export function known<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  // Sound because exactly the undefined values are left out.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
