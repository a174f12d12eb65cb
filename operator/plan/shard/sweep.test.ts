import { describe, expect, test } from '@jest/globals';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { ChainMemo } from './chain-memo.ts';
import { isSufficient, type ShardedChain, type ShardRequest } from './sharded-chain.ts';
import { chainOf, chainsIn, sweep, type PoolSize } from './sweep.ts';
import { agentGeometry } from '../plan-kit.ts';

const profile = waferProfiles['wse3-2026'];
const pod: PoolSize = { slots: 64, minHot: 1 };
const memo = new ChainMemo();

function request(overrides: Partial<ShardRequest>): ShardRequest {
  return {
    geometry: modelById('spark-ref'),
    profile,
    weightBits: 4,
    kvBits: 16,
    contextTokensMax: 131_072,
    contextTokensMean: 96_300,
    streams: 1,
    floorTokensPerSecond: 0,
    ...overrides,
  };
}

describe('S sweep', () => {
  test.each([
    { wafers: 9, users: 287, tokensPerSecond: 2_098 },
    { wafers: 12, users: 285, tokensPerSecond: 2_019 },
    { wafers: 21, users: 273, tokensPerSecond: undefined },
    { wafers: 18, users: 270, tokensPerSecond: undefined },
    { wafers: 6, users: 240, tokensPerSecond: undefined },
    { wafers: 3, users: 147, tokensPerSecond: undefined },
  ])('spark-ref at 96.3k on a pod of 64: S=$wafers serves $users users', ({ wafers, users, tokensPerSecond }) => {
    const chain = chainOf(request({}), wafers, memo);
    expect(chainsIn([pod], wafers) * (chain?.streams ?? 0)).toBe(users);
    if (tokensPerSecond !== undefined) expect(Math.round(chain?.tokensPerSecond ?? 0)).toBe(tokensPerSecond);
  });

  test('spark-ref takes 9 wafers', () => {
    expect(sweep(request({}), [pod], memo)).toMatchObject({ wafers: 9, streams: 41 });
  });

  test('agent-1t takes 30 wafers of a pod of 64 at a floor of 750', () => {
    const asked = request({ geometry: agentGeometry(), streams: 30, floorTokensPerSecond: 750 });
    expect(sweep(asked, [pod], memo)?.wafers).toBe(30);
    expect(chainOf(asked, 21, memo)).toMatchObject({ wafers: 21, streams: 30 });
  });

  test('the floor lowers the streams of a chain before it refuses the chain', () => {
    const free = chainOf(request({ contextTokensMean: 8_192 }), 12, memo);
    const floored = chainOf(request({ contextTokensMean: 8_192, floorTokensPerSecond: 2_050 }), 12, memo);
    expect(floored?.streams).toBeLessThan(free?.streams ?? 0);
    expect(floored?.streams).toBeGreaterThan(0);
    expect(floored?.tokensPerSecond).toBeGreaterThanOrEqual(2_050);
    expect(chainOf(request({ floorTokensPerSecond: 1e6 }), 12, memo)?.streams).toBe(0);
  });

  test('nothing is chosen where no length is sufficient', () => {
    expect(sweep(request({ floorTokensPerSecond: 1e6 }), [pod], memo)).toBeUndefined();
    expect(sweep(request({}), [{ slots: 2, minHot: 2 }], memo)).toBeUndefined();
    expect(sweep(request({}), [], memo)).toBeUndefined();
  });

  test('the bounded search finds what trying every length finds', () => {
    const pools = fc.array(
      fc.record({ slots: fc.integer({ min: 1, max: 64 }), minHot: fc.integer({ min: 0, max: 3 }) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    const asked = fc.record({
      contextTokensMean: fc.constantFrom(8_192, 32_768, 96_300),
      streams: fc.integer({ min: 1, max: 60 }),
      floorTokensPerSecond: fc.constantFrom(0, 1_900, 2_050, 2_120),
    });
    fc.assert(
      fc.property(pools, asked, (sizes, given) => {
        const wanted = request(given);
        expect(sweep(wanted, sizes, memo)?.wafers).toBe(exhaustive(wanted, sizes));
      }),
      { numRuns: 200 },
    );
  });
});

function exhaustive(wanted: ShardRequest, pools: readonly PoolSize[]): number | undefined {
  const room = Math.max(...pools.map(({ slots, minHot }) => slots - minHot));
  const lengths = Array.from({ length: Math.max(0, Math.min(wanted.geometry.layers, room)) }, (_, index) => index + 1);
  const sufficient = lengths
    .map((wafers) => chainOf(wanted, wafers, memo))
    .filter((chain) => chain !== undefined && isSufficient(wanted, chain))
    .filter((chain) => chain !== undefined);
  const score = (chain: ShardedChain): number => chainsIn(pools, chain.wafers) * chain.streams;
  return sufficient.toSorted(
    (a, b) => Number(a.floorLowers) - Number(b.floorLowers) || score(b) - score(a) || a.wafers - b.wafers,
  )[0]?.wafers;
}
