import type { KubeObject } from '@reticle/operator/cluster';

export type Selectors = { readonly labelSelector?: string; readonly fieldSelector?: string };

/** Whether an object is of a selection. Fields are any path; the real server knows a few per kind only. */
export function isSelected(object: KubeObject, { labelSelector, fieldSelector }: Selectors): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    terms(labelSelector).every((term) => holds(term, (name) => labels[name])) &&
    terms(fieldSelector).every((term) => holds(term, (path) => fieldOf(object, path)))
  );
}

/** Splits at commas outside parentheses. */
function terms(selector = ''): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function holds(term: string, valueOf: (name: string) => string | undefined): boolean {
  const set = /^(\S+) (in|notin) \((.*)\)$/.exec(term);
  if (set !== null) {
    const [, name = '', word, list = ''] = set;
    const value = valueOf(name);
    const inside = value !== undefined && list.split(',').some((each) => each.trim() === value);
    return inside === (word === 'in');
  }
  const [, name = '', sign, wanted] = /^(!?[^=!]+)(==|=|!=)?(.*)$/.exec(term) ?? [];
  if (sign === undefined)
    return name.startsWith('!') ? valueOf(name.slice(1)) === undefined : valueOf(name) !== undefined;
  return (valueOf(name) === wanted) === (sign !== '!=');
}

function fieldOf(object: KubeObject, path: string): string | undefined {
  let value: unknown = object;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[name];
  return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
}
