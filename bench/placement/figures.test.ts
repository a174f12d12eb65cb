import { describe, expect, test } from '@jest/globals';
import { exponentOf, placementCells, placementGoals, type PlacementResult } from './figures.ts';

const result = (wafers: number, fullMs: number, overrides: Partial<PlacementResult> = {}): PlacementResult => ({
  wafers,
  chains: 471,
  bound: 471,
  fullMs: [fullMs],
  deltaMs: [1],
  writesAtRest: 0,
  rssMiB: 100,
  ...overrides,
});
const verdicts = (results: readonly PlacementResult[]): readonly (boolean | null)[] =>
  placementGoals(results).map(({ met }) => met);

describe('placement figures', () => {
  test('an exponent is the slope between the smallest and the largest cell', () => {
    expect(exponentOf([result(10_000, 100), result(1_000, 20), result(100, 1)])).toBeCloseTo(1, 9);
    expect(exponentOf([result(100, 1)])).toBeNull();
  });

  test('goals are judged at the largest cell', () => {
    expect(verdicts([result(100, 1), result(10_000, 100)])).toEqual([true, true, true, true, true]);
    const worse = result(10_000, 101, { deltaMs: [2.1], chains: 470, writesAtRest: 1 });
    expect(verdicts([result(100, 0.1), worse])).toEqual([false, false, false, false, false]);
  });

  test('without the largest cell nothing of it is judged', () => {
    expect(verdicts([result(100, 1)])).toEqual([null, null, null, null, null]);
    expect(placementCells([result(100, 1)])[0]).toMatchObject({ id: 'wafers-100', figures: { chains: 471 } });
  });
});
