import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { capacityLedger } from './capacity-ledger.ts';
import {
  chainsOfPools,
  chainsOfUsable,
  joulesPerToken,
  openSessions,
  parkedBytes,
  phaseCapacity,
  servedCapacity,
  type Assumed,
  type ChainFigures,
  type PhaseInput,
  type PoolSlots,
} from './capacity.ts';
import { modelById, type ModelId } from './fixtures/models.ts';
import { waferProfiles } from './fixtures/profiles.ts';
import { kvBytesPerToken } from './geometry.ts';
import { estimate } from './latency.ts';
import { kvTokensPooled, streamsFitting } from './memory.ts';
import { evaluatePlan, planChain } from './plan.ts';
import type { WaferProfile } from './profile.ts';

const profile = waferProfiles['wse3-2026'];
const assumed = (value: number): Assumed<number> => ({ value, source: 'WAFER §9.2', confidence: 'Assumption' });

function phase(overrides: Partial<PhaseInput> = {}): PhaseInput {
  return {
    region: 'us-east',
    megawatts: 750,
    basis: 'Facility',
    utilityLoss: assumed(0),
    pue: assumed(1.2),
    waferKw: assumed(23),
    supportKw: assumed(5),
    burnInYield: assumed(1),
    hotSpare: assumed(0.03),
    maintenance: assumed(0.02),
    stranded: assumed(0.03),
    ...overrides,
  };
}

type Mix = { readonly model: ModelId; readonly wafers: number; readonly contextTokens: number };

function pooled({ model, wafers, contextTokens }: Mix, on: WaferProfile = profile): ChainFigures {
  const placement = { geometry: modelById(model), profile: on, wafers };
  const streams = streamsFitting(kvTokensPooled(placement), contextTokens, placement);
  const { chainTokensPerSecond } = estimate(placement, { streams, meanContextTokens: contextTokens });
  return { wafers, streams, chainTokensPerSecond };
}

function staged({ model, wafers, contextTokens }: Mix): ChainFigures {
  const plan = planChain({ geometry: modelById(model), profile, wafers });
  if (plan === undefined) throw new Error('no plan');
  const streams = streamsFitting(plan.kvTokens, contextTokens, plan);
  const { chainTokensPerSecond } = evaluatePlan(plan, { streams, meanContextTokens: contextTokens });
  return { wafers, streams, chainTokensPerSecond };
}

const spark = { model: 'spark-ref', wafers: 12, contextTokens: 96_300 } as const;
const spark32k = { ...spark, contextTokens: 32_768 } as const;
const llama70b = { model: 'llama-3.1-70b', wafers: 8, contextTokens: 32_768 } as const;
const kimi = { model: 'kimi-k2.6', wafers: 21, contextTokens: 96_300 } as const;
const llama405b = { model: 'llama-3.1-405b', wafers: 32, contextTokens: 32_768 } as const;

describe('capacity of 750 MW (WAFER §9.2)', () => {
  const steps = [
    { megawatts: 250, systems: 7_440, schedulable: 7_072 },
    { megawatts: 500, systems: 14_880, schedulable: 14_145 },
    { megawatts: 750, systems: 22_321, schedulable: 21_218 },
  ];
  test.each(steps)('$megawatts MW: $systems systems, $schedulable schedulable', ({ megawatts, ...want }) => {
    const { systems, schedulable } = phaseCapacity(phase({ megawatts }));
    expect({ systems: Math.floor(systems), schedulable: Math.floor(schedulable) }).toEqual(want);
  });

  test.each<{ mix: Mix; chains: number[]; pooledUsers: number[]; stagedUsers: number[] }>([
    {
      mix: spark,
      chains: [571, 1_143, 1_715],
      pooledUsers: [33_118, 66_294, 99_470],
      stagedUsers: [32_547, 65_151, 97_755],
    },
    {
      mix: spark32k,
      chains: [571, 1_143, 1_715],
      pooledUsers: [97_641, 195_453, 293_265],
      stagedUsers: [96_499, 193_167, 289_835],
    },
    {
      mix: llama70b,
      chains: [857, 1_715, 2_572],
      pooledUsers: [13_712, 27_440, 41_152],
      stagedUsers: [12_855, 25_725, 38_580],
    },
    { mix: kimi, chains: [326, 653, 980], pooledUsers: [11_084, 22_202, 33_320], stagedUsers: [9_780, 19_590, 29_400] },
    {
      mix: llama405b,
      chains: [214, 428, 643],
      pooledUsers: [5_564, 11_128, 16_718],
      stagedUsers: [5_564, 11_128, 16_718],
    },
  ])('$mix.model on $mix.wafers at $mix.contextTokens', ({ mix, chains, pooledUsers, stagedUsers }) => {
    const counted = [250, 500, 750].map((megawatts) =>
      chainsOfUsable(phaseCapacity(phase({ megawatts })).usable, mix.wafers),
    );
    expect(counted).toEqual(chains);
    expect(counted.map((count) => servedCapacity(count, pooled(mix)).users)).toEqual(pooledUsers);
    expect(counted.map((count) => servedCapacity(count, staged(mix)).users)).toEqual(stagedUsers);
  });

  test('rates, sessions, parked bytes and energy of spark-ref', () => {
    const chain = pooled(spark);
    const rates = [571, 1_143, 1_715].map((chains) => servedCapacity(chains, chain).tokensPerSecond / 1e6);
    expect(rates.map((rate) => rate.toFixed(1))).toEqual(['66.8', '133.7', '200.6']);
    const { usable } = phaseCapacity(phase());
    expect(usable.toFixed(1)).toBe('20582.2');
    const sessions = openSessions(99_470, assumed(0.15));
    expect(sessions).toBe(663_133);
    const bytes = parkedBytes(sessions, kvBytesPerToken(modelById('spark-ref')), 96_300);
    expect((bytes / (1_715 * 12) / 1e9).toFixed(1)).toBe('228.8');
    expect(joulesPerToken(phase(), 12, chain.chainTokensPerSecond).toFixed(2)).toBe('3.45');
    const alone = estimate(
      { geometry: modelById('spark-ref'), profile, wafers: 12 },
      { streams: 1, meanContextTokens: 96_300 },
    );
    expect(Math.round(joulesPerToken(phase(), 12, alone.tokensPerSecond))).toBe(193);
  });

  test('whole pools: 405B strands 31 of 64', () => {
    const pools: readonly PoolSlots[] = [
      ...Array.from({ length: 348 }, () => ({ slots: 64, spares: 1 })),
      { slots: 49, spares: 1 },
    ];
    expect([12, 21, 32].map((wafers) => chainsOfPools(pools, wafers, 0.02))).toEqual([1_709, 1_025, 342]);
  });
});

describe('sensitivity of 99,470 users (WAFER §9.3)', () => {
  const base = 99_470;
  const users = (input: PhaseInput, chain: ChainFigures = pooled(spark)): number =>
    servedCapacity(chainsOfUsable(phaseCapacity(input).usable, chain.wafers), chain).users;
  const change = (count: number): string => (((count - base) / base) * 100).toFixed(1);
  const reserve = (reservePercent: number): WaferProfile => ({
    ...profile,
    hardware: { ...profile.hardware, reservePercent },
  });

  test.each<{ name: string; count: number; want: string }>([
    { name: 'basis IT', count: users(phase({ basis: 'IT' })), want: '20.0' },
    { name: 'no support', count: users(phase({ supportKw: assumed(0) })), want: '21.7' },
    { name: '33 kW', count: users(phase({ supportKw: assumed(10) })), want: '-15.2' },
    { name: 'PUE 1.1', count: users(phase({ pue: assumed(1.1) })), want: '9.1' },
    { name: 'PUE 1.3', count: users(phase({ pue: assumed(1.3) })), want: '-7.7' },
    { name: 'PUE 1.3 and 33 kW', count: users(phase({ pue: assumed(1.3), supportKw: assumed(10) })), want: '-21.7' },
    { name: 'hot spare 5 %', count: users(phase({ hotSpare: assumed(0.05) })), want: '-2.1' },
    { name: 'maintenance 5 %', count: users(phase({ maintenance: assumed(0.05) })), want: '-3.1' },
    { name: 'nothing stranded', count: users(phase({ stranded: assumed(0) })), want: '3.1' },
    { name: 'stranded 10 %', count: users(phase({ stranded: assumed(0.1) })), want: '-7.2' },
    { name: 'context 32k', count: users(phase(), pooled(spark32k)), want: '194.8' },
    { name: 'context 128k', count: users(phase(), pooled({ ...spark, contextTokens: 131_072 })), want: '-27.6' },
    { name: 'reserve 0', count: users(phase(), pooled(spark, reserve(0))), want: '12.1' },
    { name: 'reserve 15 %', count: users(phase(), pooled(spark, reserve(15))), want: '-6.9' },
    { name: 'S 6', count: users(phase(), pooled({ ...spark, wafers: 6 })), want: '-17.2' },
    { name: 'S 18', count: users(phase(), pooled({ ...spark, wafers: 18 })), want: '4.6' },
    { name: 'S 24', count: users(phase(), pooled({ ...spark, wafers: 24 })), want: '7.7' },
    { name: 'staged', count: users(phase(), staged(spark)), want: '-1.7' },
  ])('$name: $want %', ({ count, want }) => {
    expect(change(count)).toBe(want);
  });

  test.each<{ name: string; input: PhaseInput; want: number }>([
    { name: 'basis IT', input: phase({ basis: 'IT' }), want: 26_785 },
    { name: 'PUE 1.3 and 33 kW', input: phase({ pue: assumed(1.3), supportKw: assumed(10) }), want: 17_482 },
    { name: 'naive', input: phase({ basis: 'IT', supportKw: assumed(0) }), want: 32_608 },
  ])('systems: $name', ({ input, want }) => {
    expect(Math.floor(phaseCapacity(input).systems)).toBe(want);
  });

  test('a utility basis pays its loss on top', () => {
    const { itMegawatts } = phaseCapacity(phase({ basis: 'Utility', utilityLoss: assumed(0.04) }));
    expect(itMegawatts).toBeCloseTo((750 * 0.96) / 1.2, 9);
  });
});

describe('ledger', () => {
  const chain: ChainFigures = { wafers: 12, streams: 57, chainTokensPerSecond: 115_103 };

  test('rows of 750 MW with what is known', () => {
    const observed = { contracted: 750, it: 625, systems: 22_321, installed: 21_000, accepted: 20_000 };
    const rows = capacityLedger({ phase: phase(), chain, weightPercent: 25, observed });
    expect(rows.map(({ step, expected, observed: seen }) => [step, expected, seen])).toEqual([
      ['contracted', 750_000, 750_000],
      ['it', 625_000, 625_000],
      ['systems', 22_321, 22_321],
      ['installed', 22_321, 21_000],
      ['accepted', 22_321, 20_000],
      ['schedulable', 21_218, undefined],
      ['usable', 20_582, undefined],
      ['chains', 1_715, undefined],
      ['users', 97_755, undefined],
      ['tokens', 197_401_645, undefined],
      ['weight', 25, undefined],
    ]);
    expect(rows.filter((row) => row.lostHere).map((row) => row.step)).toEqual(['installed']);
  });

  test('pools replace the stranded share, and no row is lost at 95 %', () => {
    const pools = [{ slots: 64, spares: 1 }];
    const rows = capacityLedger({ phase: phase(), chain, pools, weightPercent: 5, observed: { chains: 4 } });
    expect(rows.find((row) => row.step === 'chains')).toMatchObject({ expected: 4, observed: 4, lostHere: false });
    expect(rows.some((row) => row.lostHere)).toBe(false);
  });

  test('without a chain the ledger ends at usable wafers', () => {
    const rows = capacityLedger({ phase: phase({ megawatts: 0 }), weightPercent: 0, observed: {} });
    expect(rows.map((row) => row.step)).not.toContain('chains');
    expect(rows.every((row) => row.expected === 0)).toBe(true);
  });

  test('capacity rises with megawatts and falls with every loss', () => {
    const share = fc.double({ min: 0, max: 0.5, noNaN: true });
    const given = fc.record({
      megawatts: fc.double({ min: 1, max: 1_000, noNaN: true }),
      hotSpare: share,
      maintenance: share,
    });
    fc.assert(
      fc.property(
        given,
        fc.double({ min: 0.01, max: 0.4, noNaN: true }),
        ({ megawatts, hotSpare, maintenance }, more) => {
          const at = (overrides: Partial<PhaseInput>): number =>
            phaseCapacity(
              phase({ megawatts, hotSpare: assumed(hotSpare), maintenance: assumed(maintenance), ...overrides }),
            ).usable;
          const base = at({});
          expect(at({ megawatts: megawatts + 1 })).toBeGreaterThan(base);
          expect(at({ pue: assumed(1.2 + more) })).toBeLessThan(base);
          expect(at({ supportKw: assumed(5 + more) })).toBeLessThan(base);
          expect(at({ hotSpare: assumed(hotSpare + more) })).toBeLessThan(base);
        },
      ),
    );
  });
});
