import { describe, expect, test } from '@jest/globals';
import { plant, type Bug } from './bug.ts';
import { bugs } from './bugs.ts';

const bug: Bug = {
  name: 'one-too-many',
  ownedBy: 'test',
  file: 'a.ts',
  find: 'count',
  replace: 'count + 1',
  caughtBy: { test: 'a.test.ts', named: 'counts' },
  wants: 'Expected: 1',
};

describe('a planted bug', () => {
  test('is in the text in the place of what was there, and nothing else is', () => {
    expect(plant(bug, 'return count;\n')).toMatch(/^return count \+ 1;\n/);
  });

  test('is taken literally', () => {
    expect(plant({ ...bug, replace: "'$&$1'" }, 'return count;')).toContain("return '$&$1';");
  });

  test.each([
    { name: 'is not there', source: 'return sum;', wantTimes: 0 },
    { name: 'is there twice', source: 'count(count)', wantTimes: 2 },
  ])('whose text $name is stale', ({ source, wantTimes }) => {
    expect(() => plant(bug, source)).toThrow(`one-too-many is stale: its text occurs ${wantTimes} times in a.ts`);
  });
});

describe('the entries', () => {
  test('have a name each, change something, and want to see something', () => {
    expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
    expect(bugs.filter(({ find, replace, wants }) => find === replace || wants === '')).toEqual([]);
  });
});
