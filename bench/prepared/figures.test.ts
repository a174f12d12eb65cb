import { describe, expect, test } from '@jest/globals';
import { preparedCells, preparedGoals, type PreparedResult } from './figures.ts';

function result(preparedMicros: number, coldMicros: number): PreparedResult {
  const reports = [{ preparedMicros: [preparedMicros], coldMicros: [coldMicros] }];
  return { wire: 'loopback', reports, rigCore: 0.2, rssMiB: 100 };
}

describe('preparedGoals', () => {
  test.each([
    { name: 'a quarter', given: result(1_000, 4_000), want: true },
    { name: 'more than a quarter', given: result(1_010, 4_000), want: false },
  ])('of $name: $want', ({ given, want }) => {
    expect(preparedGoals([given]).map(({ met }) => met)).toEqual([want]);
  });

  test('compare the kinds of one round', () => {
    const reports = [
      { preparedMicros: [1_000], coldMicros: [4_000] },
      { preparedMicros: [20_000], coldMicros: [100_000] },
      { preparedMicros: [2_000], coldMicros: [8_000] },
    ];
    expect(preparedGoals([{ ...result(1, 1), reports }])[0]?.measured).toBe(0.25);
  });
});

test('cells say what the ratio divides by', () => {
  const [prepared, cold] = preparedCells([result(1_000, 4_000)]);
  expect([prepared?.referent, prepared?.ratio?.median]).toEqual(['loopback-cold', 0.25]);
  expect(cold?.figures['firstEventMsP50']).toBe(4);
});
