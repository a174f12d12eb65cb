/**
 * OPERATOR §21, simulation: two processes that both think that they lead, caches that are behind, a server that freezes,
 * clocks that jump, nodes that go and come back, and two deployments that want the same wafers.
 */
import { describe, expect, jest, test } from '@jest/globals';
import { Trouble } from './trouble.ts';

jest.setTimeout(300_000);

const SEEDS = 200;
const PART = 50;

describe('two leaders', () => {
  test.each(Array.from({ length: SEEDS / PART }, (_, part) => ({ from: part * PART + 1, to: (part + 1) * PART })))(
    'take no wafer twice, lose no plan and come to rest, from seed $from to $to',
    async ({ from, to }) => {
      const wrong: string[] = [];
      for (let seed = from; seed <= to; seed++) wrong.push(...(await Trouble.of(seed)));
      expect(wrong).toEqual([]);
    },
  );
});
