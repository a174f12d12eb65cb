import { describe, expect, test } from '@jest/globals';
import { cell, result } from './result-kit.ts';
import { costAtMost, countAtMost, decided, isValid, parseResult } from './result.ts';
import { cellOf } from './run.ts';

const goal = { id: 'g', limit: '≤ 1', target: 1 };

describe('isValid', () => {
  test.each([
    { name: 'nothing wrong', cells: [cell()], want: true },
    { name: 'a lost token', cells: [cell(), cell({ lost: 1 })], want: false },
    { name: 'a doubled token', cells: [cell({ doubled: 1 })], want: false },
    { name: 'no cell', cells: [], want: false },
  ])('with $name is $want', ({ cells, want }) => {
    expect(isValid(cells)).toBe(want);
  });
});

describe('cellOf', () => {
  test.each([
    { rigCpu: 0.9, want: false },
    { rigCpu: 0.91, want: true },
  ])('is rig-bound above 90 %: $rigCpu', ({ rigCpu, want }) => {
    expect(cell({ rigCpu }).rigBound).toBe(want);
  });

  test('leaves null what was not measured', () => {
    const { ratio, newestMs, heapBytesPerToken } = cellOf({ ...cell(), ratio: null });
    expect([ratio, newestMs, heapBytesPerToken]).toEqual([null, null, null]);
  });
});

describe('goals', () => {
  test.each([
    { measured: 1, want: true },
    { measured: 1.01, want: false },
    { measured: null, want: null },
  ])('$measured of at most 1 is met: $want', ({ measured, want }) => {
    expect(countAtMost({ ...goal, measured }).met).toBe(want);
    expect(costAtMost({ ...goal, measured }, true).met).toBe(want);
    expect(costAtMost({ ...goal, measured }, false).met).toBeNull();
  });

  test.each([
    { name: 'a quiet run', run: { valid: true, spinNoise: 0.2 }, want: [true, false] },
    { name: 'a disturbed machine', run: { valid: true, spinNoise: 0.21 }, want: [null, false] },
    { name: 'a void run', run: { valid: false, spinNoise: 0 }, want: [null, false] },
  ])('of $name', ({ run, want }) => {
    const goals = [costAtMost({ ...goal, measured: 0.5 }, true), countAtMost({ ...goal, measured: 2 })];
    expect(decided(goals, run).map(({ met }) => met)).toEqual(want);
  });
});

describe('parseResult', () => {
  test('reads back what was written', () => {
    const written = result();
    expect(parseResult(JSON.stringify(written))).toEqual(written);
  });

  test.each([
    { name: 'an unknown bench', change: { bench: 'turn' }, want: 'bench' },
    { name: 'a missing commit', change: { commit: undefined }, want: 'commit' },
    { name: 'rounds as text', change: { rounds: '7' }, want: 'rounds' },
    { name: 'no list of cells', change: { cells: {} }, want: 'cells' },
    { name: 'a cell without its id', change: { cells: [{ ...cell(), id: undefined }] }, want: 'id' },
    { name: 'a ratio that is a number', change: { cells: [{ ...cell(), ratio: 1 }] }, want: 'ratio' },
    { name: 'a claim of validity against its cells', change: { cells: [cell({ lost: 3 })] }, want: 'valid' },
    { name: 'no goal', change: { goal: null }, want: 'goal' },
  ])('refuses $name', ({ change, want }) => {
    expect(() => parseResult(JSON.stringify({ ...result(), ...change }))).toThrow(want);
  });

  test('refuses what is no JSON', () => {
    expect(() => parseResult('{')).toThrow(SyntaxError);
  });
});
