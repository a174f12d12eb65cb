import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nearestName, suggest } from './nearest-name.ts';

const fields = ['wafers', 'streams', 'prefill', 'region', 'max', 'min'];

describe('nearestName', () => {
  test.each([
    { name: 'a missing letter', word: 'wafer', want: 'wafers' },
    { name: 'an extra letter', word: 'regionn', want: 'region' },
    { name: 'another case', word: 'PREFILL', want: 'prefill' },
    { name: 'two letters swapped', word: 'reigon', want: 'region' },
    { name: 'the first of equally near ones', word: 'mix', want: 'max' },
    { name: 'nothing for a far word', word: 'colour', want: undefined },
    { name: 'nothing for an empty word', word: '', want: undefined },
    { name: 'nothing for a huge word', word: 'w'.repeat(1_000_000), want: undefined },
  ])('finds $name', ({ word, want }) => {
    expect(nearestName(word, fields)).toBe(want);
  });

  test('finds a candidate by its own name', () => {
    fc.assert(fc.property(fc.constantFrom(...fields), (field) => nearestName(field, fields) === field));
  });
});

describe('suggest', () => {
  test.each([
    { name: 'the near one', word: 'wafer', candidates: fields, want: 'did you mean "wafers"?' },
    { name: 'all of them', word: 'xyzzy', candidates: ['a', 'b'], want: 'it has: a, b' },
    { name: 'that there are none', word: 'x', candidates: [], want: 'it has: none' },
  ])('names $name', ({ word, candidates, want }) => {
    expect(suggest(word, candidates, 'it has')).toBe(want);
  });
});
