import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Random } from './clock.ts';
import { seededRandom } from './seeded-random.ts';

const units = (random: Random, count: number) => Array.from({ length: count }, () => random.unit());

describe('seededRandom', () => {
  test('a seed keeps its values across versions', () => {
    expect(Array.from(seededRandom(1).bytes(8))).toEqual([71, 26, 22, 106, 206, 170, 200, 120]);
    expect(units(seededRandom(1), 2)).toEqual([0.4143997614965732, 0.3868573653355908]);
  });

  test('property: one seed gives one stream, another seed another', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (a, b) => {
        expect(units(seededRandom(a), 4)).toEqual(units(seededRandom(a), 4));
        if (a !== b) expect(units(seededRandom(a), 4)).not.toEqual(units(seededRandom(b), 4));
      }),
    );
  });

  test.each([0, 1, 3, 4, 5, 16, 33])('gives %i bytes when asked for them', (count) => {
    expect(seededRandom(7).bytes(count)).toHaveLength(count);
  });

  test('every bit of a byte varies', () => {
    const bytes = seededRandom(3).bytes(256);
    let ones = 0;
    let all = 0xff;
    for (const byte of bytes) {
      ones |= byte;
      all &= byte;
    }
    expect([ones, all]).toEqual([0xff, 0]);
  });

  test('units fill [0, 1) evenly', () => {
    const buckets = Array.from({ length: 10 }, () => 0);
    for (const unit of units(seededRandom(42), 10_000)) {
      expect(unit >= 0 && unit < 1).toBe(true);
      const bucket = Math.floor(unit * 10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  test.each([0.5, Number.NaN, 2 ** 53])('refuses %d as a seed', (seed) => {
    expect(() => seededRandom(seed)).toThrow('invariant');
  });
});
