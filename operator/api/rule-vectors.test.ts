import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { decodeObject, kinds } from './kinds.ts';
import type { SchemaNode } from './schema.ts';

/** Accept and refuse cases of every rule: RFC 7386 merge patches on one base object per kind. */
type Vectors = {
  readonly base: Readonly<Record<string, unknown>>;
  readonly rules: readonly {
    readonly rule: string;
    readonly kind: string;
    readonly accept: readonly unknown[];
    readonly refuse: readonly unknown[];
  }[];
};
const vectors = JSON.parse(
  readFileSync(new URL('./fixtures/rule-vectors.json', import.meta.url), 'utf8'),
) as unknown as Vectors;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(Object.hasOwn(result, key) ? result[key] : undefined, value);
  }
  return result;
}

function ruleIds(node: SchemaNode): string[] {
  const own = node.rules.map((rule) => rule.id);
  if (node.kind === 'object') return [...own, ...Object.values(node.fields).flatMap((field) => ruleIds(field.node))];
  return node.kind === 'list' ? [...own, ...ruleIds(node.item.node)] : own;
}

describe('rules', () => {
  const declared = Object.values(kinds).flatMap((kind) =>
    ruleIds(kind.schema.node).map((rule) => `${kind.kind} ${rule}`),
  );

  test('have ids of their own and vectors that accept and refuse', () => {
    const covered = vectors.rules
      .filter((row) => row.accept.length > 0 && row.refuse.length > 0)
      .map((row) => `${row.kind} ${row.rule}`);
    expect(new Set(declared).size).toBe(declared.length);
    expect(covered.toSorted()).toEqual(declared.toSorted());
  });

  const cases = vectors.rules.flatMap(({ rule, kind, accept, refuse }) => [
    ...accept.map((patch, index) => ({ name: `${rule} accepts ${index}`, kind, patch, wantRules: [] as string[] })),
    ...refuse.map((patch, index) => ({ name: `${rule} refuses ${index}`, kind, patch, wantRules: [rule] })),
  ]);

  test.each(cases)('$name', ({ kind, patch, wantRules }) => {
    const decoded = decodeObject(kinds, merge(vectors.base[kind], patch));
    const refusedBy = (decoded.problems ?? []).map((problem) => problem.rule ?? problem.message);
    expect([...new Set(refusedBy)]).toEqual(wantRules);
  });

  test.each(Object.keys(vectors.base))('have a base object of %s that decodes', (kind) => {
    expect(decodeObject(kinds, vectors.base[kind]).problems).toBeUndefined();
  });
});
