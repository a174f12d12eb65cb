import { describe, expect, test } from '@jest/globals';
import { Redial } from './redial.ts';

/** An outage in which every attempt fails at once; `unit` is the random number drawn. */
function outage(options: { targets: number; unit?: number; attempts: number; retryAfterMs?: readonly number[] }) {
  const { targets, unit = 0.5, attempts, retryAfterMs = [] } = options;
  const redial = new Redial({ random: { unit: () => unit, bytes: () => new Uint8Array() }, targets, target: 0 });
  const seen: { target: number; delayMs: number; atMs: number }[] = [];
  let nowMs = 1_000;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const next = redial.lost({ nowMs, retryAfterMs: retryAfterMs[attempt] });
    nowMs += next.delayMs;
    seen.push({ ...next, atMs: nowMs - 1_000 });
  }
  return { redial, seen };
}

const targetsOf = (seen: readonly { target: number }[]): number[] => seen.map(({ target }) => target);
const delaysOf = (seen: readonly { delayMs: number }[]): number[] => seen.map(({ delayMs }) => delayMs);

describe('Redial', () => {
  test('tries every other target at once, then goes round with pauses', () => {
    const { seen } = outage({ targets: 3, attempts: 6 });
    expect(targetsOf(seen)).toEqual([1, 2, 0, 1, 2, 0]);
    expect(delaysOf(seen)).toEqual([0, 0, 25, 150, 150, 150]);
  });

  test('returns to the only target fast', () => {
    const { seen } = outage({ targets: 1, attempts: 4 });
    expect(targetsOf(seen)).toEqual([0, 0, 0, 0]);
    expect(delaysOf(seen)).toEqual([25, 150, 150, 150]);
  });

  test.each([{ unit: 0 }, { unit: 0.5 }, { unit: 0.999 }])(
    'leaves no hole of more than 250 ms in the first 3 s, then slows down to 2 s (random $unit)',
    ({ unit }) => {
      const { seen } = outage({ targets: 1, unit, attempts: 100 });
      const early = seen.filter(({ atMs }) => atMs <= 3_000);
      expect(Math.max(...delaysOf(early))).toBeLessThanOrEqual(250);
      expect(early.length).toBeGreaterThanOrEqual(12);
      expect(Math.max(...delaysOf(seen))).toBeLessThanOrEqual(2_000);
      expect(seen.at(-1)?.delayMs).toBeCloseTo(unit * 2_000);
    },
  );

  test('passes over a target that asked for a delay', () => {
    const { seen } = outage({ targets: 3, attempts: 3, retryAfterMs: [5_000] });
    expect(targetsOf(seen)).toEqual([1, 2, 1]);
    expect(seen.at(-1)?.delayMs).toBeLessThan(50);
  });

  test('waits for the target that is due first when all asked for a delay', () => {
    const { seen } = outage({ targets: 2, attempts: 2, retryAfterMs: [900, 400] });
    expect(seen).toMatchObject([
      { target: 1, delayMs: 0 },
      { target: 1, delayMs: 400 },
    ]);
  });

  test('honours the delay of the only target', () => {
    expect(outage({ targets: 1, attempts: 1, retryAfterMs: [700] }).seen).toMatchObject([{ target: 0, delayMs: 700 }]);
  });

  test('begins anew after a steady attachment', () => {
    const { redial } = outage({ targets: 2, attempts: 9 });
    const { target } = redial;
    redial.steady();
    expect(redial.sinceMs).toBeUndefined();
    expect(redial.lost({ nowMs: 90_000 })).toEqual({ target: 1 - target, delayMs: 0 });
    expect(redial.sinceMs).toBe(90_000);
  });

  test('leaves for the next target without an outage', () => {
    const redial = new Redial({ random: { unit: () => 0, bytes: () => new Uint8Array() }, targets: 2, target: 1 });
    expect([redial.leave(), redial.leave(), redial.sinceMs]).toEqual([0, 1, undefined]);
  });
});
