import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ParkStore } from './park-store.ts';

const store = (capacityTokens = 1000) => new ParkStore<string>({ capacityTokens, parkUs: (tokens) => tokens / 2 });

describe('park store', () => {
  test('copies one after the other, and says how far it is behind', () => {
    const copies = store();
    copies.copy('a', 100, 1000);
    copies.copy('b', 200, 1010);
    expect([copies.doneUs('a'), copies.doneUs('b'), copies.doneUs('none')]).toEqual([1050, 1150, Infinity]);
    expect([copies.lagUs(1010), copies.lagUs(1150), copies.lagUs(5000)]).toEqual([140, 0, 0]);
    copies.copy('c', 100, 5000);
    expect(copies.doneUs('c')).toBe(5050);
    expect(copies.usedTokens).toBe(400);
  });

  test('what was used longest ago goes first, a copy larger than the store is never made', () => {
    const copies = store();
    for (const key of ['a', 'b', 'c']) copies.copy(key, 300, 0);
    copies.touch('a');
    copies.touch('none');
    copies.copy('d', 400, 0);
    const kept = () => ['a', 'b', 'c', 'd', 'e'].filter((key) => copies.doneUs(key) < Infinity);
    expect([kept(), copies.usedTokens, copies.evicted]).toEqual([['a', 'c', 'd'], 1000, 1]);
    copies.copy('e', 1001, 0);
    expect([kept(), copies.usedTokens, copies.evicted]).toEqual([['a', 'c', 'd'], 1000, 1]);
  });

  test('a copy under a new key is there at once, and a dropped one is gone', () => {
    const copies = store();
    copies.copy('a', 300, 0);
    copies.drop('a');
    copies.drop('a');
    copies.keep('b', 200);
    expect([copies.doneUs('a'), copies.doneUs('b'), copies.usedTokens]).toEqual([Infinity, -Infinity, 200]);
  });

  test('never holds more than its capacity, and exactly what it says', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const act = fc.record({ key, tokens: fc.nat(700), what: fc.constantFrom('copy', 'keep', 'drop', 'touch') });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const copies = store();
        const tokens = new Map<string, number>();
        for (const [at, { key: name, tokens: count, what }] of acts.entries()) {
          if (what === 'copy') copies.copy(name, count, at);
          if (what === 'keep') copies.keep(name, count);
          if (what === 'copy' || what === 'keep') tokens.set(name, count);
          if (what === 'drop') copies.drop(name);
          if (what === 'touch') copies.touch(name);
          const there = [...tokens].filter(([other]) => copies.doneUs(other) < Infinity);
          expect(copies.usedTokens).toBe(there.reduce((sum, [, held]) => sum + held, 0));
          expect(copies.usedTokens).toBeLessThanOrEqual(1000);
        }
      }),
      { numRuns: 60 },
    );
  });
});
