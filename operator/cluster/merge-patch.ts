/** JSON merge patches (RFC 7386): how to write one, and what a server makes of it. */

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON: the order of an object's fields and fields that are undefined mean nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, index) => sameJson(each, b[index]));
  }
  if (!isFields(a) || !isFields(b)) return false;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => sameJson(a[name], b[name]));
}

/**
 * The patch that makes `next` of `before`; undefined when they are the same. A field that `next` lacks is set to null,
 * so that nothing of the old value stays inside the new one.
 */
export function mergeDiff(before: unknown, next: Fields): Fields | undefined {
  const known = isFields(before) ? before : {};
  const patch: Record<string, unknown> = {};
  for (const name of new Set([...Object.keys(known), ...Object.keys(next)])) {
    const [from, to] = [known[name], next[name]];
    if (sameJson(from, to)) continue;
    if (to === undefined) patch[name] = null;
    else patch[name] = isFields(to) && isFields(from) ? mergeDiff(from, to) : to;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** What a merge patch makes of a value; neither is changed. */
export function applyMerge(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const result: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = applyMerge(result[name], value);
  }
  return result;
}
