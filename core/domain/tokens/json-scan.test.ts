import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonExcess, nestsDeeperThan } from './json-scan.ts';

/** Values of a JSON document, keys and containers included. */
function values(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  if (Array.isArray(value)) return 1 + value.map(values).reduce((sum, count) => sum + count, 0);
  return values(Object.entries(value).flat());
}

describe('jsonExcess', () => {
  test.each([
    { json: '[[]]', bounds: { depth: 2, marks: 2 }, want: undefined },
    { json: '[[]]', bounds: { depth: 1, marks: 9 }, want: 'depth' },
    { json: '[1,2,3]', bounds: { depth: 1, marks: 3 }, want: undefined },
    { json: '[1,2,3]', bounds: { depth: 1, marks: 2 }, want: 'marks' },
    { json: '{"a":1}', bounds: { depth: 1, marks: 1 }, want: 'marks' },
    { json: '"[[,,::{{\\"[["', bounds: { depth: 0, marks: 0 }, want: undefined },
    { json: '["\\\\",[]]', bounds: { depth: 1, marks: 9 }, want: 'depth' },
    { json: '["\\"[","[\\\\\\"["]', bounds: { depth: 1, marks: 9 }, want: undefined },
    { json: '["\\"[', bounds: { depth: 1, marks: 9 }, want: undefined },
    { json: '[[[', bounds: { depth: 2, marks: 9 }, want: 'depth' },
    { json: '', bounds: { depth: 0, marks: 0 }, want: undefined },
  ])('$json within $bounds is $want', ({ json, bounds, want }) => {
    expect(jsonExcess(json, bounds)).toBe(want);
  });

  test('a text within its marks has no more values than one above them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(50), (value, marks) => {
        const json = JSON.stringify(value);
        if (jsonExcess(json, { depth: Infinity, marks }) === undefined)
          expect(values(value)).toBeLessThanOrEqual(marks + 1);
      }),
    );
  });

  test('depth alone is what nestsDeeperThan asks', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', ']', '{', '}', '"', ',', ':', '\\\\') }),
        fc.nat(5),
        (text, depth) => {
          expect(nestsDeeperThan(text, depth)).toBe(jsonExcess(text, { depth, marks: Infinity }) === 'depth');
        },
      ),
    );
  });
});
