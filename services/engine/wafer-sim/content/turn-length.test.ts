import { describe, expect, test } from '@jest/globals';

import { turnLength, type TurnLengthOptions } from './turn-length.ts';

const options: TurnLengthOptions = {
  mode: 'hash',
  length: 'natural',
  key: { a: 0, b: 0, lengthByte: 0xd7 },
  maxOutputTokens: 100_000,
  limited: true,
};

describe('turnLength', () => {
  test.each([
    { name: 'the golden turn', change: {}, want: 716 },
    { name: 'the shortest', change: { key: { a: 0, b: 0, lengthByte: 0x0f } }, want: 23 },
    { name: 'the longest', change: { key: { a: 0, b: 0, lengthByte: 0xf0 } }, want: 1991 },
    { name: 'a limit below the natural length', change: { maxOutputTokens: 100 }, want: 100 },
    { name: 'a limit at the natural length', change: { maxOutputTokens: 716 }, want: 716 },
    { name: 'length max', change: { length: 'max' }, want: 100_000 },
    { name: 'length max without a limit', change: { length: 'max', limited: false }, want: 100_000 },
    { name: 'code with a limit', change: { mode: 'code', maxOutputTokens: 900 }, want: 716 },
    { name: 'code with a limit and length max', change: { mode: 'code', length: 'max' }, want: 100_000 },
    { name: 'code without a limit', change: { mode: 'code', limited: false }, want: 8192 },
    {
      name: 'code in a context that is almost full',
      change: { mode: 'code', limited: false, maxOutputTokens: 40 },
      want: 40,
    },
  ] as const)('$name', ({ change, want }) => {
    expect(turnLength({ ...options, ...change })).toBe(want);
  });

  test('has a median near 213 tokens', () => {
    const lengths = Array.from({ length: 16 }, (_, nibble) =>
      turnLength({ ...options, key: { a: 0, b: 0, lengthByte: nibble << 4 } }),
    );
    expect(lengths).toEqual(lengths.toSorted((one, other) => one - other));
    expect(Math.sqrt((lengths[7] ?? 0) * (lengths[8] ?? 0))).toBeCloseTo(213, -1);
  });
});
