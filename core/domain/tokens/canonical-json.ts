/** JSON text with sorted keys and no white space: equal values have equal texts, whoever wrote them (PROTOCOL §4.1a "Rendering"). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  // Digits as keys keep JavaScript's own order, which depends on the keys alone.
  const keys = Object.keys(fields).toSorted();
  return Object.fromEntries(keys.map((key) => [key, sorted(fields[key])]));
}
