import { expect, test } from '@jest/globals';
import { waferProfiles } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { agentGeometry } from '../plan-kit.ts';
import { ChainMemo } from './chain-memo.ts';
import type { ShardRequest } from './sharded-chain.ts';
import { chainOf } from './sweep.ts';
import { wornChain } from './worn-chain.ts';

const request: ShardRequest = {
  geometry: agentGeometry(),
  profile: waferProfiles['wse3-2026'],
  weightBits: 4,
  kvBits: 16,
  contextTokensMax: 131_072,
  contextTokensMean: 96_300,
  streams: 28,
  floorTokensPerSecond: 0,
};
const whole = chainOf(request, 21, new ChainMemo());
if (whole === undefined) throw new Error('no chain');
const on = (defects: readonly number[], asked = request) => wornChain(asked, whole, defects);
const defects = (stage: number, permille: number): readonly number[] =>
  Array.from({ length: 21 }, (_, index) => (index === stage ? permille : 0));

test('undamaged wafers keep the chain as it is', () => {
  expect(on(defects(0, 0))).toBe(whole);
});

test('dead tiles cost tokens of their own stage', () => {
  expect(on(defects(0, 20))?.plan.kvTokens).toBe(whole.plan.kvTokens);
  expect(on(defects(3, 20))?.plan.kvTokens).toBeLessThan(whole.plan.kvTokens);
});

test('where the cut no longer suffices, the layers are cut anew', () => {
  const strict = { ...request, streams: 30 };
  const anew = on(defects(3, 20), strict);
  expect(anew?.plan.stages[3]?.layers).toBe(2);
  expect(anew?.streams).toBeGreaterThanOrEqual(30);
  expect(
    on(
      Array.from({ length: 21 }, () => 50),
      strict,
    ),
  ).toBeUndefined();
});

test('a tile that dies never gains a token', () => {
  const permille = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 21, maxLength: 21 });
  fc.assert(
    fc.property(permille, fc.nat({ max: 20 }), (some, stage) => {
      const before = on(some, { ...request, streams: 1, contextTokensMax: 1 });
      const after = on(
        some.map((each, index) => (index === stage ? each + 5 : each)),
        { ...request, streams: 1, contextTokensMax: 1 },
      );
      expect(after?.plan.kvTokens ?? 0).toBeLessThanOrEqual(before?.plan.kvTokens ?? 0);
    }),
    { numRuns: 100 },
  );
});
