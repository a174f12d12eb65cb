import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';
import type { Random } from './clock.ts';
import { seededRandom } from './seeded-random.ts';

const fixedUnit = (unit: number): Random => ({ bytes: (count) => new Uint8Array(count), unit: () => unit });

describe('Backoff', () => {
  test('ceilings double up to the cap and start over after a reset', () => {
    const backoff = new Backoff({ random: fixedUnit(0.5), baseMs: 100, capMs: 1_000 });
    const delays = Array.from({ length: 6 }, () => backoff.nextMs());
    expect(delays).toEqual([50, 100, 200, 400, 500, 500]);
    expect(backoff.attempts).toBe(6);
    backoff.reset();
    expect([backoff.attempts, backoff.nextMs()]).toEqual([0, 50]);
  });

  test('jitter is full: the lowest draw does not wait', () => {
    expect(new Backoff({ random: fixedUnit(0), baseMs: 100, capMs: 1_000 }).nextMs()).toBe(0);
  });

  test('stays at the cap after thousands of failures', () => {
    const backoff = new Backoff({ random: fixedUnit(0.5), baseMs: 100, capMs: 1_000 });
    for (let attempt = 0; attempt < 5_000; attempt++) backoff.nextMs();
    expect(backoff.nextMs()).toBe(500);
  });

  test('property: every delay lies below its ceiling', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 0, max: 5_000 }),
        (seed, baseMs, more) => {
          const capMs = baseMs + more;
          const backoff = new Backoff({ random: seededRandom(seed), baseMs, capMs });
          for (let attempt = 0; attempt < 12; attempt++) {
            const delayMs = backoff.nextMs();
            expect(delayMs).toBeGreaterThanOrEqual(0);
            expect(delayMs).toBeLessThan(Math.min(capMs, baseMs * 2 ** attempt));
          }
        },
      ),
    );
  });

  test.each([
    { name: 'no base', baseMs: 0, capMs: 10 },
    { name: 'a cap below the base', baseMs: 10, capMs: 9 },
    { name: 'no cap', baseMs: 10, capMs: Infinity },
  ])('refuses $name', ({ baseMs, capMs }) => {
    expect(() => new Backoff({ random: fixedUnit(0), baseMs, capMs })).toThrow('invariant');
  });
});
