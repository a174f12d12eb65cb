import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Cache, type CacheChange } from './cache.ts';
import { compareVersions } from './object.ts';
import type { KubeObject } from './port.ts';
import { resources } from './resources.ts';

type Wafer = { readonly name: string; readonly pool: string };

function cacheOf(): { cache: Cache<Wafer, 'pool'>; changes: string[] } {
  const cache = new Cache<Wafer, 'pool'>({
    resource: resources.wafer,
    read: ({ metadata, spec }) => ({ name: metadata.name, pool: (spec as { pool: string }).pool }),
    indexes: { pool: ({ pool }) => [pool] },
  });
  const changes: string[] = [];
  cache.onChange(({ kind, key, value, before }: CacheChange<Wafer>) =>
    changes.push(`${kind} ${key} ${before === undefined ? '' : `${before.pool}→`}${value.pool}`),
  );
  return { cache, changes };
}

function wafer(name: string, version: number, { pool = 'p', uid = 'u' } = {}): KubeObject {
  return {
    apiVersion: 'reticle.dev/v1alpha1',
    kind: 'Wafer',
    metadata: { name, uid, resourceVersion: String(version), creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { pool },
  };
}

function replica(namespace: string, name: string, version: number): KubeObject {
  const { metadata, ...rest } = wafer(name, version);
  return { ...rest, kind: 'ModelReplica', metadata: { ...metadata, namespace } };
}

const key = (name: string): string => `Wafer//${name}`;

describe('a cache', () => {
  test('tells the differences of a list, after it holds them', () => {
    const { cache, changes } = cacheOf();
    cache.replace([wafer('a', 1), wafer('b', 2)], '2');
    cache.replace([wafer('b', 5, { pool: 'q' }), wafer('c', 4), wafer('a', 1)].slice(0, 2), '6');
    expect(changes).toEqual([
      'added Wafer//a p',
      'added Wafer//b p',
      'changed Wafer//b p→q',
      'added Wafer//c p',
      'removed Wafer//a p',
    ]);
    expect(cache.byIndex('pool', 'p').map(({ name }) => name)).toEqual(['c']);
    expect(cache.byIndex('pool', 'none')).toEqual([]);
    expect(cache.revisionAt({ name: 'a' })).toBe('6');
  });

  test('goes back to no older version, by event, list or live read', () => {
    const { cache, changes } = cacheOf();
    cache.take('added', wafer('a', 10));
    cache.take('modified', wafer('a', 9, { pool: 'old' }));
    cache.takeLive(wafer('a', 8, { pool: 'old' }));
    cache.replace([wafer('a', 7, { pool: 'old' })], '7');
    cache.take('deleted', wafer('a', 6));
    expect(cache.get(key('a'))).toEqual({ name: 'a', pool: 'p' });
    expect(changes).toEqual(['added Wafer//a p']);
  });

  test('a live read is taken ahead of the watch, and brings back nothing whose removal was seen', () => {
    const { cache } = cacheOf();
    cache.replace([wafer('a', 3)], '3');
    cache.takeLive(wafer('a', 5, { pool: 'q' }));
    expect(cache.get(key('a'))?.pool).toBe('q');
    cache.takeLive(wafer('b', 6));
    expect(cache.get(key('b'))).toBeDefined();
    cache.take('deleted', wafer('a', 9));
    cache.takeLive(wafer('a', 8));
    expect(cache.get(key('a'))).toBeUndefined();
    cache.takeLive(wafer('a', 10, { uid: 'next' }));
    expect(cache.versionOf(key('a'))).toMatchObject({ uid: 'next', resourceVersion: '10' });
  });

  test('a list of one namespace leaves the others alone, and one that is dropped goes whole', () => {
    const cache = new Cache({ resource: resources.modelReplica, read: ({ metadata }) => metadata.name });
    cache.replace([replica('x', 'a', 1), replica('x', 'b', 2)], '2', 'x');
    cache.replace([replica('y', 'c', 3)], '9', 'y');
    cache.replace([replica('x', 'b', 2)], '4', 'x');
    expect(cache.values().toSorted()).toEqual(['b', 'c']);
    expect(cache.revisionAt({ namespace: 'x', name: 'b' })).toBe('4');
    cache.dropScope('y');
    expect(cache.values()).toEqual(['b']);
    expect(cache.revisionAt({ namespace: 'y', name: 'c' })).toBe('0');
  });

  test('equals what the last events say, and its index what a search would find', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      pool: fc.constantFrom('p', 'q'),
      kind: fc.constantFrom('modified' as const, 'deleted' as const),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { cache } = cacheOf();
        const want = new Map<string, Wafer>();
        steps.forEach(({ name, pool, kind }, index) => {
          cache.take(kind, wafer(name, index + 1, { pool }));
          if (kind === 'deleted') want.delete(name);
          else want.set(name, { name, pool });
        });
        const byName = (a: Wafer, b: Wafer): number => (a.name < b.name ? -1 : 1);
        expect(cache.values().toSorted(byName)).toEqual([...want.values()].toSorted(byName));
        for (const pool of ['p', 'q']) {
          const found = [...want.values()].filter((each) => each.pool === pool);
          expect(cache.byIndex('pool', pool).toSorted(byName)).toEqual(found.toSorted(byName));
        }
      }),
    );
  });
});

describe('compareVersions', () => {
  test.each([
    { a: '9', b: '10', want: -1 },
    { a: '18446744073709551615', b: '18446744073709551614', want: 1 },
    { a: '7', b: '7', want: 0 },
    { a: '07', b: '7', want: undefined },
    { a: 'abc', b: '7', want: undefined },
    { a: '', b: '7', want: undefined },
    { a: 'abc', b: 'abc', want: 0 },
  ])('$a to $b is $want', ({ a, b, want }) => {
    const order = compareVersions(a, b);
    expect(order === undefined ? undefined : Math.sign(order)).toBe(want);
  });
});
