import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Sample } from './percentile.ts';

function sampleOf(values: readonly (readonly [value: number, weight: number])[]): Sample {
  const sample = new Sample();
  for (const [value, weight] of values) sample.add(value, weight);
  return sample;
}

describe('Sample', () => {
  test('has no percentile without values', () => {
    expect(new Sample().percentiles([0.5, 1])).toEqual([undefined, undefined]);
  });

  test.each([
    { fraction: 0.5, want: 50 },
    { fraction: 0.9, want: 90 },
    { fraction: 0.99, want: 99 },
    { fraction: 0.05, want: 5 },
    { fraction: 1, want: 100 },
    { fraction: 0.001, want: 1 },
  ])('takes the nearest rank of 1 to 100 at $fraction', ({ fraction, want }) => {
    const shuffled = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1);
    expect(sampleOf(shuffled.map((value) => [value, 1] as const)).percentiles([fraction])).toEqual([want]);
  });

  test('is the definition, by brute force, whatever the weights', () => {
    const entry = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 100 }),
        (all, percent) => {
          const flat = all.flatMap(([value, weight]) => Array.from({ length: weight }, () => value));
          const sorted = flat.toSorted((a, b) => a - b);
          const rank = Math.ceil((percent * sorted.length) / 100);
          expect(sampleOf(all).percentiles([percent / 100])).toEqual([sorted[rank - 1]]);
        },
      ),
    );
  });
});
