import { describe, expect, test } from '@jest/globals';

import { acceptance, stepWidth, stepWidthBounds } from './step-width.ts';

const A = 597_279_219;
const dense = { stepTokensMax: 5, meanTokens: 2.5 };
const moe = { stepTokensMax: 4, meanTokens: 1.7 };
const none = { stepTokensMax: 1, meanTokens: 1 };

/** Widths of successive steps of a turn from offset 0. */
function widths(bounds: Float64Array, a: number, steps: number): readonly number[] {
  const made: number[] = [];
  for (let offset = 0; made.length < steps; offset += made.at(-1) ?? 0) made.push(stepWidth(bounds, a, offset));
  return made;
}

describe('acceptance', () => {
  test.each([
    { name: 'moe', law: moe, want: 0.4323112 },
    { name: 'dense', law: dense, want: 0.644471 },
    { name: 'no drafter', law: none, want: 0 },
    { name: 'a drafter that never hits', law: { stepTokensMax: 5, meanTokens: 1 }, want: 0 },
    { name: 'a drafter that always hits', law: { stepTokensMax: 5, meanTokens: 5 }, want: 1 },
  ])('of $name', ({ law, want }) => {
    expect(acceptance(law.stepTokensMax, law.meanTokens)).toBeCloseTo(want, 7);
  });
});

describe('stepWidth', () => {
  test.each([
    { name: 'dense', law: dense, want: [5, 1, 5, 1, 4, 1, 1, 4] },
    { name: 'moe', law: moe, want: [3, 4, 2, 1, 1, 1, 2, 2] },
    { name: 'no drafter', law: none, want: [1, 1, 1, 1, 1, 1, 1, 1] },
    { name: 'a drafter that never hits', law: { stepTokensMax: 5, meanTokens: 1 }, want: [1, 1, 1, 1, 1, 1, 1, 1] },
    { name: 'a drafter that always hits', law: { stepTokensMax: 3, meanTokens: 3 }, want: [3, 3, 3, 3, 3, 3, 3, 3] },
  ])('is golden for $name', ({ law, want }) => {
    expect(widths(stepWidthBounds(law), A, 8)).toEqual(want);
  });

  test.each([
    { name: 'dense', law: dense },
    { name: 'moe', law: moe },
  ])('has its mean within 0.3 % over 200,000 steps of $name', ({ law }) => {
    const made = widths(stepWidthBounds(law), A, 200_000);
    const mean = made.reduce((sum, width) => sum + width, 0) / made.length;
    expect(Math.abs(mean / law.meanTokens - 1)).toBeLessThan(0.003);
    expect(Math.max(...new Set(made))).toBe(law.stepTokensMax);
    expect(Math.min(...new Set(made))).toBe(1);
  });

  test('depends on the offset where a step starts and on nothing before it', () => {
    const bounds = stepWidthBounds(dense);
    const steps = widths(bounds, A, 1000);
    let offset = 0;
    for (const width of steps) {
      expect(stepWidth(bounds, A, offset)).toBe(width);
      offset += width;
    }
  });

  test.each([
    { name: 'no token a step', law: { stepTokensMax: 0, meanTokens: 1 } },
    { name: 'a mean below one', law: { stepTokensMax: 5, meanTokens: 0.9 } },
    { name: 'a mean above the widest step', law: { stepTokensMax: 4, meanTokens: 4.1 } },
  ])('refuses $name as a defect', ({ law }) => {
    expect(() => stepWidthBounds(law)).toThrow('invariant');
  });
});
