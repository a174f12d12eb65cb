import { describe, expect, test } from '@jest/globals';
import { tokensDue } from './tokens-due.ts';

const stepMicros = 1000;

describe('tokensDue', () => {
  test.each([
    { name: 'at the due time of the known token', newestOffset: 9, newestMicros: 5000, at: 5000, want: 10 },
    { name: 'just before the next', newestOffset: 9, newestMicros: 5000, at: 5999, want: 10 },
    { name: 'at the next', newestOffset: 9, newestMicros: 5000, at: 6000, want: 11 },
    { name: 'long after', newestOffset: 9, newestMicros: 5000, at: 105_500, want: 110 },
    { name: 'before the known token was due', newestOffset: 9, newestMicros: 5000, at: 4999, want: 9 },
    {
      name: 'over the turn of the 32-bit clock',
      newestOffset: 0,
      newestMicros: 2 ** 32 - 500,
      at: 2 ** 32 + 500,
      want: 2,
    },
    { name: 'on a clock far past 32 bits', newestOffset: 0, newestMicros: 7, at: 5 * 2 ** 32 + 2007, want: 3 },
    { name: 'with a fraction of a microsecond', newestOffset: 0, newestMicros: 0, at: 999.9, want: 1 },
  ])('$name', ({ newestOffset, newestMicros, at, want }) => {
    expect(tokensDue({ newestOffset, newestMicros, stepMicros }, at)).toBe(want);
  });
});
