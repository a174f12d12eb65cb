import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StopMatcher } from './stop-matcher.ts';

describe('StopMatcher', () => {
  test.each([
    { name: 'inside one text', stops: ['END'], texts: ['say END now'], want: [7] },
    { name: 'at its very end', stops: ['END'], texts: ['say END'], want: [7] },
    { name: 'across texts', stops: ['END'], texts: ['say E', 'N', 'D.'], want: [-1, -1, 1] },
    { name: 'the one that ends first', stops: ['a long one', 'ong'], texts: ['a long one'], want: [6] },
    { name: 'a prefix that comes to nothing', stops: ['END'], texts: ['EN', 'ENE', 'NX'], want: [-1, -1, -1] },
    { name: 'in bytes, not characters', stops: ['é'], texts: ['é'], want: [2] },
  ])('$name', ({ stops, texts, want }) => {
    const matcher = new StopMatcher(stops);
    expect(texts.map((text) => matcher.feed(Buffer.from(text)))).toEqual(want);
  });

  test('any partition of a text finds the same place', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 60 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(
        letters,
        fc.array(stop, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 9 }),
        (text, stops, size) => {
          const ends = stops
            .map((one) => text.indexOf(one) + one.length)
            .filter((_, index) => text.includes(stops[index] ?? ''));
          const want = ends.length === 0 ? -1 : Math.min(...ends);
          const matcher = new StopMatcher(stops);
          let got = -1;
          for (let at = 0; at < text.length && got < 0; at += size) {
            const found = matcher.feed(Buffer.from(text.slice(at, at + size)));
            if (found >= 0) got = at + found;
          }
          expect(got).toBe(want);
        },
      ),
    );
  });
});
