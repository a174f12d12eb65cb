import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Histogram, millisecondsOf, percentile, ratioSpread, spread } from './statistics.ts';

describe('spread', () => {
  test.each([
    { name: 'one value', values: [3], want: { median: 3, iqr: [3, 3] } },
    { name: 'an odd number of values, unsorted', values: [5, 1, 3], want: { median: 3, iqr: [2, 4] } },
    { name: 'an even number of values', values: [1, 2, 3, 10], want: { median: 2.5, iqr: [1.75, 4.75] } },
    { name: 'values whose text order differs', values: [10, 9, 100], want: { median: 10, iqr: [9.5, 55] } },
  ])('of $name', ({ values, want }) => {
    expect(spread(values)).toEqual(want);
  });

  test('refuses an empty list', () => {
    expect(() => spread([])).toThrow(RangeError);
  });

  test('does not reorder what it is given', () => {
    const values = [3, 1, 2];
    spread(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('ratioSpread', () => {
  test('divides within a round, never the medians', () => {
    expect(ratioSpread([1, 10, 3], [1, 5, 1]).median).toBe(2);
  });

  test('refuses rounds without a partner', () => {
    expect(() => ratioSpread([1, 2], [1])).toThrow(RangeError);
  });
});

describe('percentile', () => {
  test.each([
    { fraction: 0.5, want: 2 },
    { fraction: 0.75, want: 3 },
    { fraction: 0.76, want: 4 },
    { fraction: 0.99, want: 4 },
    { fraction: 0, want: 1 },
  ])('$fraction of 1 to 4 is $want by nearest rank', ({ fraction, want }) => {
    expect(percentile([4, 2, 1, 3], fraction)).toBe(want);
  });

  test('refuses an empty list', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

describe('Histogram', () => {
  test('is exact for small values', () => {
    const histogram = new Histogram();
    for (const value of [0, 1, 1, 127]) histogram.record(value);
    expect([0.25, 0.5, 0.75, 1].map((fraction) => histogram.percentile(fraction))).toEqual([0, 1, 1, 127]);
  });

  test('is at most 1.6 % above the exact percentile', () => {
    const values = fc.array(fc.nat({ max: 0xffff_ffff }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (recorded, fraction) => {
        const histogram = new Histogram();
        for (const value of recorded) histogram.record(value);
        const exact = percentile(recorded, fraction);
        const found = histogram.percentile(fraction);
        expect(found).toBeGreaterThanOrEqual(exact);
        expect(found).toBeLessThanOrEqual(exact * 1.016);
      }),
    );
  });

  test('adds what two processes counted', () => {
    const [left, right] = [new Histogram(), new Histogram()];
    left.record(5, 3);
    right.record(7);
    left.add(new Histogram(right.counts));
    expect([left.total, left.percentile(0.75), left.percentile(0.76)]).toEqual([4, 5, 7]);
  });

  test('takes a negative delay as none and a huge one as the largest', () => {
    const histogram = new Histogram();
    histogram.record(-3);
    histogram.record(1e12);
    expect([histogram.percentile(0.5), histogram.percentile(1)]).toEqual([0, 0xffff_ffff]);
  });

  test('is 0 while empty', () => {
    expect(millisecondsOf(new Histogram())).toEqual({ p50: 0, p99: 0 });
  });
});
