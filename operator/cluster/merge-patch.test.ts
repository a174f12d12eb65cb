import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { applyMerge, mergeDiff, sameJson } from './merge-patch.ts';

/** Values that a spec may hold: JSON without null, which a merge patch cannot say. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom('a', 'b', true),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('fields'),
  ),
  fields: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
})).fields as fc.Arbitrary<Record<string, unknown>>;

describe('mergeDiff', () => {
  test('makes of any object exactly the wanted one', () => {
    fc.assert(
      fc.property(json, json, (before, next) => {
        const patch = mergeDiff(before, next);
        expect(patch === undefined ? before : applyMerge(before, patch)).toEqual(next);
      }),
    );
  });

  test('is nothing exactly for equal values', () => {
    fc.assert(fc.property(json, json, (a, b) => expect(mergeDiff(a, b) === undefined).toBe(sameJson(a, b))));
  });

  test('takes away what the next plan lacks, so that nothing of the old one stays inside it', () => {
    const before = { plan: { digest: 'a', objective: { hopNanos: 5, stranded: 1 } }, epoch: 1 };
    const next = { plan: { digest: 'b', objective: { hopNanos: 6 } }, epoch: 2 };
    expect(mergeDiff(before, next)).toEqual({
      plan: { digest: 'b', objective: { hopNanos: 6, stranded: null } },
      epoch: 2,
    });
  });

  test('takes a field that is undefined for an absent one', () => {
    expect(mergeDiff({ claim: { uid: 'a' }, epoch: 1 }, { claim: undefined, epoch: 1 })).toEqual({ claim: null });
    expect(mergeDiff({ epoch: 1 }, { claim: undefined, epoch: 1 })).toBeUndefined();
    expect(mergeDiff(undefined, { epoch: 1 })).toEqual({ epoch: 1 });
  });
});

describe('sameJson', () => {
  test.each([
    { name: 'another order of fields', a: { a: 1, b: 2 }, b: { b: 2, a: 1 }, want: true },
    { name: 'another order of a list', a: [1, 2], b: [2, 1], want: false },
    { name: 'a shorter list', a: [1], b: [1, 2], want: false },
    { name: 'null and absent', a: { a: null }, b: {}, want: false },
    { name: 'a list and an object', a: [], b: {}, want: false },
    { name: 'a number and its text', a: 1, b: '1', want: false },
  ])('$name: $want', ({ a, b, want }) => expect(sameJson(a, b)).toBe(want));
});
