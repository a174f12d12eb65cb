import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nearestName } from './nearest-name.ts';

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

  test.each([
    { word: 'chta', want: 'chat' },
    { word: 'replya', want: 'replay' },
    { word: 'model', want: 'models' },
    { word: 'u', want: 'up' },
    { word: 'frobnicate', want: undefined },
    { word: 'xy', want: undefined },
    { word: '', want: undefined },
  ])('takes "$word" for $want', ({ word, want }) => {
    expect(nearestName(word, ['up', 'chat', 'replay', 'models', 'env'])).toBe(want);
  });

  test('finds a candidate by its own name', () => {
    fc.assert(fc.property(fc.constantFrom(...fields), (field) => nearestName(field, fields) === field));
  });
});
