import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeyedDedup } from './keyed-dedup.ts';

describe('KeyedDedup', () => {
  test('remembers, replaces and forgets on request', () => {
    const dedup = new KeyedDedup<string, number>(4);
    dedup.set('a', 0);
    expect([dedup.has('a'), dedup.get('a'), dedup.get('b')]).toEqual([true, 0, undefined]);
    dedup.set('a', 2);
    expect([dedup.get('a'), dedup.size]).toEqual([2, 1]);
    expect([dedup.delete('a'), dedup.delete('a'), dedup.has('a')]).toEqual([true, false, false]);
  });

  test.each([
    { name: 'the oldest goes first', used: [], wantKept: ['b', 'c', 'd'] },
    { name: 'asking counts as use', used: ['a'], wantKept: ['a', 'c', 'd'] },
    { name: 'each use counts', used: ['a', 'b'], wantKept: ['a', 'b', 'd'] },
  ])('past the capacity: $name', ({ used, wantKept }) => {
    const dedup = new KeyedDedup<string, string>(3);
    for (const key of ['a', 'b', 'c']) dedup.set(key, key);
    for (const key of used) dedup.get(key);
    dedup.set('d', 'd');
    expect(['a', 'b', 'c', 'd'].filter((key) => dedup.has(key))).toEqual(wantKept);
  });

  test('property: holds exactly the most recently used keys', () => {
    const use = fc.record({ key: fc.integer({ min: 0, max: 9 }), write: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(use, { maxLength: 60 }), (capacity, uses) => {
        const dedup = new KeyedDedup<number, number>(capacity);
        let recent: number[] = [];
        for (const { key, write } of uses) {
          const known = recent.includes(key);
          if (write) dedup.set(key, key);
          else expect(dedup.get(key)).toBe(known ? key : undefined);
          if (write || known) recent = [key, ...recent.filter((other) => other !== key)].slice(0, capacity);
          expect(dedup.size).toBe(recent.length);
        }
        for (let key = 0; key < 10; key++) expect(dedup.has(key)).toBe(recent.includes(key));
      }),
    );
  });

  test.each([0, -1, 0.5])('refuses a capacity of %d', (capacity) => {
    expect(() => new KeyedDedup(capacity)).toThrow('invariant');
  });
});
