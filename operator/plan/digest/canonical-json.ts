/** JSON with the keys of every object in one order and without absent fields: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return listJson(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  return objectJson(value);
}

function listJson(values: readonly unknown[]): string {
  let text = '[';
  for (const [index, value] of values.entries()) text += (index === 0 ? '' : ',') + canonicalJson(value);
  return `${text}]`;
}

/** Keys are sorted by code unit, the order of `Array.sort` without a comparison. */
function objectJson(value: object): string {
  const fields = value as Readonly<Record<string, unknown>>;
  let text = '{';
  for (const name of Object.keys(fields).toSorted()) {
    if (fields[name] === undefined) continue;
    text += `${text.length === 1 ? '' : ','}${JSON.stringify(name)}:${canonicalJson(fields[name])}`;
  }
  return `${text}}`;
}
