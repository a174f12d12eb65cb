import { describe, expect, test } from '@jest/globals';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { agentGeometry } from '../plan-kit.ts';
import { ChainMemo } from '../shard/chain-memo.ts';
import { isSufficient, type ShardRequest } from '../shard/sharded-chain.ts';
import { chainOf } from '../shard/sweep.ts';
import { chainDiagnostics, type ChainCase } from './chain-diagnostics.ts';
import { renderDiagnostic, type Nearest } from './diagnostic.ts';

const memo = new ChainMemo();

function chainCase(wafers: number, overrides: Partial<ShardRequest> = {}): ChainCase {
  const request = {
    geometry: agentGeometry(),
    profile: waferProfiles['wse3-2026'],
    weightBits: 4,
    kvBits: 16,
    contextTokensMax: 131_072,
    contextTokensMean: 96_300,
    streams: 30,
    floorTokensPerSecond: 750,
    ...overrides,
  };
  return { request, wafers, longest: 63, subject: 'md/agent-1t', memo };
}

const rendered = (given: ChainCase): readonly string[] => chainDiagnostics(given).map(renderDiagnostic);

describe('chain diagnostics', () => {
  test('a sufficient chain has none', () => {
    expect(chainDiagnostics(chainCase(21))).toEqual([]);
  });

  test('too many streams for the KV of a chain', () => {
    expect(rendered(chainCase(21, { streams: 34, floorTokensPerSecond: 0 }))).toEqual([
      'KvShort md/agent-1t: need 96,300 tokens × 34 streams, have 2,944,001 (30 streams); ' +
        'nearest: S=30 (49 streams), or context ≤ 86,528, or streams ≤ 30',
    ]);
  });

  test.each<{ name: string; given: ChainCase; want: readonly string[] }>([
    {
      name: 'a chain too short for the weights names the length that holds one session',
      given: chainCase(16),
      want: [
        'KvShort md/agent-1t: need 131,072 tokens of one session, have 79,418; nearest: S=21 (30 streams)',
        'KvShort md/agent-1t: need 96,300 tokens × 30 streams, have 79,418 (0 streams); nearest: S=21 (30 streams)',
        'FloorUnmet md/agent-1t: need 750 tok/s, have 736; nearest: S=21 (30 streams)',
      ],
    },
    {
      name: 'a floor above the speed of every length has nothing near',
      given: chainCase(21, { floorTokensPerSecond: 3_000 }),
      want: ['FloorUnmet md/agent-1t: need 3,000 tok/s, have 777'],
    },
    {
      name: 'a floor that fewer streams keep names them',
      given: chainCase(21, { geometry: modelById('spark-ref'), streams: 80, floorTokensPerSecond: 1_900 }),
      want: ['FloorUnmet md/agent-1t: need 1,900 tok/s, have 1,854; nearest: streams ≤ 54, or S=18 (83 streams)'],
    },
    {
      name: 'a layer that no wafer holds names the bits at which it fits',
      given: chainCase(40, { weightBits: 16, geometry: heavyLayers(), streams: 1, floorTokensPerSecond: 0 }),
      want: [
        'LayerExceedsSram md/agent-1t: need 62,348,810,240 bytes of one layer, have 39,600,000,000; nearest: weights at 4 bit',
        'KvShort md/agent-1t: need 131,072 tokens of one session, have 0',
      ],
    },
    {
      name: 'more wafers than layers',
      given: chainCase(62),
      want: ['LayerExceedsSram md/agent-1t: need 62 layers, have 61; nearest: S=61 (87 streams)'],
    },
  ])('$name', ({ given, want }) => {
    expect(rendered(given)).toEqual(want);
  });

  test('every nearest value plans', () => {
    const cases = fc.record({
      wafers: fc.integer({ min: 1, max: 40 }),
      streams: fc.integer({ min: 1, max: 120 }),
      contextTokensMean: fc.constantFrom(8_192, 32_768, 96_300),
      floorTokensPerSecond: fc.constantFrom(0, 1_950, 2_050),
    });
    fc.assert(
      fc.property(cases, ({ wafers, ...overrides }) => {
        const given = chainCase(wafers, { geometry: modelById('spark-ref'), ...overrides });
        for (const { detail } of chainDiagnostics(given)) {
          expect(detail.nearest.length).toBeLessThanOrEqual(3);
          for (const nearest of detail.nearest.filter(isOneChange)) expect(planned(given, nearest)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function heavyLayers(): ShardRequest['geometry'] {
  const geometry = agentGeometry();
  return { ...geometry, layerRuns: [{ count: 61, weightBytes: 60_000_000_000, kvBytesPerToken: 1_152 }] };
}

/** Alternatives that change the request itself, not its formats. */
function isOneChange(nearest: Nearest): boolean {
  return nearest.kvBits === undefined && nearest.weightBits === undefined;
}

function planned(given: ChainCase, { wafers, streams, contextTokens }: Nearest): boolean {
  const varied = {
    ...given.request,
    ...(wafers === undefined && streams !== undefined ? { streams } : {}),
    ...(contextTokens === undefined
      ? {}
      : { contextTokensMean: Math.min(contextTokens, given.request.contextTokensMean) }),
    ...(contextTokens !== undefined && shortOfOne(given) ? { contextTokensMax: contextTokens } : {}),
  };
  const chain = chainOf(varied, wafers ?? given.wafers, memo);
  return chain !== undefined && isSufficient(varied, chain);
}

function shortOfOne({ request, wafers }: ChainCase): boolean {
  return (chainOf(request, wafers, memo)?.plan.kvTokens ?? 0) < request.contextTokensMax;
}
