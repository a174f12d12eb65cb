import { describe, expect, test } from '@jest/globals';
import { suggest } from './suggest.ts';

const fields = ['wafers', 'streams', 'prefill', 'region', 'max', 'min'];

describe('suggest', () => {
  test.each([
    { name: 'the near one', word: 'wafer', candidates: fields, want: 'did you mean "wafers"?' },
    { name: 'all of them', word: 'xyzzy', candidates: ['a', 'b'], want: 'it has: a, b' },
    { name: 'that there are none', word: 'x', candidates: [], want: 'it has: none' },
  ])('names $name', ({ word, candidates, want }) => {
    expect(suggest(word, candidates, 'it has')).toBe(want);
  });
});
