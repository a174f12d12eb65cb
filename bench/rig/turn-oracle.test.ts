import { describe, expect, test } from '@jest/globals';
import { TurnOracle } from './turn-oracle.ts';

const golden = { modelDigest: `sha256:${'0'.repeat(64)}`, seed: 7, inputIds: [16_486, 22_558] };
const oracle = new TurnOracle(golden);
const text = (from: number, count: number): string => Buffer.from(oracle.write(from, count)).toString('utf8');

describe('TurnOracle', () => {
  test.each([
    { from: 0, count: 4, want: 'qptaaaa qptaaab qptaaac qptaaad ' },
    { from: 1000, count: 1, want: 'qptaa7i ' },
    { from: 131_071, count: 1, want: 'qptd777 ' },
    { from: 47, count: 4, want: 'qptaabp qptaabqéqptaabrqptaabs ' },
  ])('has the golden text of WAFER §6.2 at $from', ({ from, count, want }) => {
    expect(text(from, count)).toBe(want);
  });

  test('is golden wherever a slice starts', () => {
    expect(Buffer.from(oracle.write(49, 1)).toString('latin1')).toBe('\u00a9qptaabr');
  });

  test('knows its own tokens', () => {
    expect(oracle.matching(oracle.write(40, 30), 0, 40, 30)).toBe(30);
    expect(oracle.matching(oracle.write(40, 30), 80, 50, 20)).toBe(20);
  });

  test.each([
    { name: 'a wrong byte', change: (bytes: Uint8Array) => bytes.fill(0x41, 5 * 8 + 3, 5 * 8 + 4), from: 40, want: 5 },
    { name: 'a token that comes twice', change: (bytes: Uint8Array) => bytes.copyWithin(16, 8, 16), from: 40, want: 2 },
    { name: 'text of an earlier offset', change: () => {}, from: 41, want: 0 },
    { name: 'text that ends early', change: () => {}, from: 40, want: 30, count: 31 },
  ])('stops at $name', ({ change, from, want, count }) => {
    const bytes = oracle.write(40, 30);
    change(bytes);
    expect(oracle.matching(bytes, 0, from, count ?? 30)).toBe(want);
  });

  test.each([
    { name: 'seed', turn: { ...golden, seed: 8 } },
    { name: 'digest', turn: { ...golden, modelDigest: `sha256:${'1'.repeat(64)}` } },
    { name: 'input', turn: { ...golden, inputIds: [16_486] } },
  ])('finds no token of a turn with another $name', ({ turn }) => {
    expect(new TurnOracle(turn).matching(oracle.write(0, 8), 0, 0, 8)).toBe(0);
  });
});
