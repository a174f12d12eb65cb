import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds } from '../kinds.ts';
import { formatPath } from '../problem.ts';
import { boundVectors } from './bound-vectors.ts';
import type { RuleVectors } from './rule-vectors.ts';

const kindNames = Object.keys(kinds) as RuleVectors['kind'][];

describe('bounds', () => {
  test.each(kindNames)('of %s are refused where they are broken', (kind) => {
    const vectors = boundVectors(kind);
    expect(vectors.length).toBeGreaterThan(15);
    for (const { name, object, segments } of vectors) {
      const problems = decodeObject(kinds, object).problems ?? [];
      const here = problems.filter(({ path }) => path.startsWith(formatPath(segments)));
      expect([name, here.length > 0, here.length === problems.length]).toEqual([name, true, true]);
      expect([name, problems.filter(({ code }) => code === 'rule')]).toEqual([name, []]);
    }
  });

  test('break each kind of bound', () => {
    const reasons = new Set(kindNames.flatMap((kind) => boundVectors(kind).map(({ name }) => name.split(': ')[1])));
    expect([...reasons].toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'a fraction',
      'a list',
      'a number',
      'a number inside',
      'a text',
      'above the range',
      'an item twice',
      'an object',
      'an unknown field',
      'below the range',
      'empty',
      'malformed',
      'missing',
      'no value of the list',
      'too few items',
      'too long',
      'too many entries',
      'too many items',
    ]);
  });
});
