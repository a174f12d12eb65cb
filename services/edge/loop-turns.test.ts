import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loopTurn } from './loop-turns.ts';

/** Number of the turn of the loop that runs. */
let turn = 0;
let next: NodeJS.Immediate;

beforeEach(() => {
  next = setImmediate(function look() {
    turn += 1;
    next = setImmediate(look);
  });
});
afterEach(() => clearImmediate(next));

type Step = { readonly name: string; readonly turn: number };

async function worked(name: string, steps: number, log: Step[]): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    await loopTurn();
    log.push({ name, turn });
  }
}

describe('loopTurn', () => {
  test('works that wait take turns, each step in a turn of its own', async () => {
    const log: Step[] = [];
    await Promise.all([worked('a', 3, log), worked('b', 1, log), worked('c', 3, log)]);
    expect(log.map(({ name }) => name).join('')).toBe('abcacac');
    expect(new Set(log.map((step) => step.turn)).size).toBe(7);
  });

  test('a work that comes later waits behind the others', async () => {
    const log: Step[] = [];
    const first = worked('a', 3, log);
    await loopTurn();
    await Promise.all([first, worked('b', 2, log)]);
    expect(log.map(({ name }) => name).join('')).toBe('aabab');
  });
});
