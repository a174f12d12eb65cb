/** What a patch makes of an object in the fake API server; inputs are never changed. */
import { applyMerge, sameJson, type JsonPatchStep } from '@reticle/operator/cluster';

type Fields = Record<string, unknown>;

/** A JSON patch that cannot be done: the server answers 422. */
export class UnpatchableError extends Error {}

export function applyJsonPatch(object: object, steps: readonly JsonPatchStep[]): Fields {
  const result = structuredClone(object) as Fields;
  for (const step of steps) applyStep(result, step);
  return result;
}

function applyStep(root: Fields, step: JsonPatchStep): void {
  const { op, path, value } = step;
  const { parent, name } = locate(root, path);
  const present = child(parent, name);
  if (op === 'test') {
    if (sameJson(present, value)) return;
    throw new UnpatchableError(`testing path ${path} failed`);
  }
  if (op !== 'add' && present === undefined) throw new UnpatchableError(`path ${path} does not exist`);
  if (Array.isArray(parent)) editList(parent, name, step);
  else if (op === 'remove') delete parent[name];
  else parent[name] = structuredClone(value);
}

/** What holds the value at a path, and its name there. */
function locate(root: Fields, path: string): { parent: Fields | unknown[]; name: string } {
  const names = path.split('/').slice(1).map(unescaped);
  const name = names.pop() ?? '';
  let parent: unknown = root;
  for (const each of names) parent = child(parent, each);
  if (isFields(parent) || Array.isArray(parent)) return { parent, name };
  throw new UnpatchableError(`path ${path} does not exist`);
}

function editList(list: unknown[], name: string, { op, value }: Pick<JsonPatchStep, 'op' | 'value'>): void {
  const index = name === '-' ? list.length : Number(name);
  if (op === 'add') list.splice(index, 0, structuredClone(value));
  else if (op === 'remove') list.splice(index, 1);
  else list[index] = structuredClone(value);
}

function child(parent: unknown, name: string): unknown {
  if (Array.isArray(parent)) return parent[Number(name)];
  return typeof parent === 'object' && parent !== null ? (parent as Fields)[name] : undefined;
}

function unescaped(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * Server-side apply with force, for one manager of a field: what the manager applies is set, what it applied before and
 * leaves out now is removed. Lists are atomic here; the real server merges those that have keys.
 */
export function applyAs(object: object, wanted: object, appliedBefore: object | undefined): Fields {
  const removals = appliedBefore === undefined ? {} : dropped(appliedBefore, wanted);
  return applyMerge(applyMerge(object, removals), wanted) as Fields;
}

/** A merge patch that removes what `before` had and `next` has not. */
function dropped(before: object, next: object): Fields {
  const patch: Fields = {};
  for (const [name, value] of Object.entries(before)) {
    const kept: unknown = (next as Fields)[name];
    if (kept === undefined) patch[name] = null;
    else if (isFields(value) && isFields(kept)) patch[name] = dropped(value, kept);
  }
  return patch;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
