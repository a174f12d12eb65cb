import { describe, expect, test } from '@jest/globals';
import { faultsOf, TokenCheck } from './token-check.ts';
import { TurnOracle } from './turn-oracle.ts';

const oracle = new TurnOracle({ modelDigest: 'sha256:0', seed: 1, inputIds: [1, 2] });

function checked(rows: readonly (readonly [from: number, count: number])[], end?: number) {
  const check = new TokenCheck(oracle);
  for (const [from, count] of rows) check.take(from, count, oracle.write(from, count), 0);
  if (end !== undefined) check.end(end);
  return faultsOf([check]);
}

describe('TokenCheck', () => {
  test.each([
    {
      name: 'dense rows',
      rows: [
        [0, 3],
        [3, 1],
        [4, 60],
      ],
      end: 64,
      want: { lost: 0, doubled: 0, altered: 0 },
    },
    {
      name: 'a gap',
      rows: [
        [0, 3],
        [5, 1],
      ],
      want: { lost: 2, doubled: 0, altered: 0 },
    },
    { name: 'a first token that is missing', rows: [[1, 3]], want: { lost: 1, doubled: 0, altered: 0 } },
    {
      name: 'a row that comes twice',
      rows: [
        [0, 3],
        [0, 3],
      ],
      want: { lost: 0, doubled: 3, altered: 0 },
    },
    {
      name: 'rows that overlap',
      rows: [
        [0, 3],
        [2, 3],
      ],
      want: { lost: 0, doubled: 1, altered: 0 },
    },
    {
      name: 'rows in the wrong order',
      rows: [
        [0, 1],
        [2, 1],
        [1, 1],
      ],
      want: { lost: 1, doubled: 1, altered: 0 },
    },
    { name: 'an end that was not reached', rows: [[0, 3]], end: 5, want: { lost: 2, doubled: 0, altered: 0 } },
    { name: 'tokens past the end', rows: [[0, 3]], end: 2, want: { lost: 0, doubled: 1, altered: 0 } },
  ] as const)('of $name', ({ rows, want, ...more }) => {
    expect(checked(rows, 'end' in more ? more.end : undefined)).toEqual(want);
  });

  test('counts every token from the first wrong byte on', () => {
    const check = new TokenCheck(oracle);
    const bytes = oracle.write(0, 10);
    bytes[35] = 0;
    check.take(0, 10, bytes, 0);
    expect(faultsOf([check, new TokenCheck(oracle)])).toEqual({ lost: 0, doubled: 0, altered: 6 });
  });
});
