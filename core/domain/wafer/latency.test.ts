import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { modelById, models, type ModelId } from './fixtures/models.ts';
import { waferProfiles } from './fixtures/profiles.ts';
import { speedFixtures, type SpeedFixture } from './fixtures/speeds.ts';
import { workingPoints } from './fixtures/working-points.ts';
import {
  chainLoadMicros,
  chainPrefillMicros,
  chainRestoreMicros,
  chainStepMicros,
  chunkMicros,
  closedFormCost,
  estimate,
  layerMicros,
  transferMicros,
  type ChainCost,
  type StageCost,
} from './latency.ts';
import type { WaferProfile } from './profile.ts';

const profile = waferProfiles['wse3-2026'];
// The research kernels ran on one wafer without a chain around it.
const profiles: Readonly<Record<SpeedFixture['profile'], WaferProfile>> = {
  ...waferProfiles,
  waferllm: { ...profile, hopUs: 0, hostUs: 0 },
};

const costOf = (id: ModelId, wafers: number): ChainCost => closedFormCost({ geometry: modelById(id), profile, wafers });

function only(cost: ChainCost): StageCost {
  const [stage, ...more] = cost.stages;
  if (stage === undefined || more.length > 0) throw new Error('the closed form has one stage');
  return stage;
}

/** Prediction and page differ by no more than the page's stated tolerance. */
function expectWithin(value: number, want: number, tolerance: number): void {
  expect(Math.abs(value - want)).toBeLessThanOrEqual(tolerance);
}

const TERM_US = 0.001;

describe('closed form: llama-3.1-70b on 4 wafers (WAFER §5.3)', () => {
  const cost = costOf('llama-3.1-70b', 4);
  const stage = only(cost);
  const geometry = modelById('llama-3.1-70b');

  test('terms that no load changes', () => {
    expectWithin(stage.netUs, 14.9, TERM_US);
    expectWithin(stage.weightUs, 1_763_842_662.4 / 1.05e9, 1e-6);
    expectWithin(stage.weightUs, 1.68, TERM_US);
    expectWithin(stage.marginalUs, 6.460962, TERM_US);
    expectWithin(stage.prefillUs * 32, 32 * 6.460962, TERM_US);
    expectWithin(cost.fixedUs, 35, TERM_US);
  });

  test.each([
    { contextTokens: 0, streams: 1, wantAttn: 0, wantLayer: 14.9, wantStep: 1_227.0, wantRate: 2_037.5 },
    {
      contextTokens: 8_192,
      streams: 1,
      wantAttn: 0.688296,
      wantLayer: 15.588296,
      wantStep: 1_282.064,
      wantRate: 1_950,
    },
    {
      contextTokens: 8_192,
      streams: 80,
      wantAttn: 0.688296,
      wantLayer: 15.588296,
      wantStep: 1_282.064,
      wantRate: 1_950,
    },
    {
      contextTokens: 2_048,
      streams: 120,
      wantAttn: 0.172074,
      wantLayer: 18.388592,
      wantStep: 1_506.087,
      wantRate: 1_659.9,
    },
  ])('at context $contextTokens with $streams streams', ({ contextTokens, streams, wantAttn, wantLayer, ...want }) => {
    const load = { streams, meanContextTokens: contextTokens };
    expectWithin(stage.attentionUsPerToken * contextTokens, wantAttn, TERM_US);
    expectWithin(layerMicros(stage, cost.layers, load), wantLayer, TERM_US);
    const speed = estimate({ geometry, profile, wafers: 4 }, load);
    expectWithin(speed.stepUs, want.wantStep, TERM_US);
    expectWithin(speed.tokensPerSecond, want.wantRate, 0.1);
    expect(speed.chainTokensPerSecond).toBeCloseTo(streams * speed.tokensPerSecond, 6);
  });

  test('prefill of 1,024 tokens', () => {
    expectWithin(chunkMicros(stage, 32, 512), 208.127, TERM_US);
    expectWithin((stage.prefillAttentionUsPerToken * 1_024) / 2, 0.043018, TERM_US);
    const { latencyUs, occupancyUs } = chainPrefillMicros(cost, { newTokens: 1_024, cachedTokens: 0 });
    expectWithin(latencyUs, 23_102.1, 0.05);
    expectWithin(occupancyUs, 32 * 208.127, 0.05);
  });

  test('restore, and the device part of the first token', () => {
    expectWithin(chainRestoreMicros(cost, 8_192) / 1e3, 5.592, 0.0005);
    const step = chainStepMicros(cost, { streams: 1, meanContextTokens: 1_024 });
    expectWithin(step / 1e3, 1.234, 0.0005);
    const prefill = chainPrefillMicros(cost, { newTokens: 1_024, cachedTokens: 0 }).latencyUs;
    expectWithin((prefill + step) / 1e3, 24.336, 0.0005);
  });
});

describe('closed form: second golden', () => {
  test.each([
    {
      id: 'spark-ref',
      wafers: 12,
      contextTokens: 32_768,
      streams: 171,
      wantAttn: 0.206489,
      wantLayer: 12.18836,
      wantStep: 513.781,
      wantRate: 1_946.4,
    },
    {
      id: 'spark-ref',
      wafers: 12,
      contextTokens: 96_300,
      streams: 58,
      wantAttn: 0.606838,
      wantLayer: 11.693692,
      wantStep: 495.973,
      wantRate: 2_016.2,
    },
    {
      id: 'kimi-k2.6',
      wafers: 21,
      contextTokens: 96_300,
      streams: 34,
      wantAttn: 4.994374,
      wantLayer: 19.069374,
      wantStep: 1_283.232,
      wantRate: 779.3,
    },
  ] as const)('$id on $wafers at $contextTokens with $streams streams', (row) => {
    const cost = costOf(row.id, row.wafers);
    const stage = only(cost);
    const load = { streams: row.streams, meanContextTokens: row.contextTokens };
    expectWithin(stage.attentionUsPerToken * row.contextTokens, row.wantAttn, TERM_US);
    expectWithin(layerMicros(stage, cost.layers, load), row.wantLayer, TERM_US);
    expectWithin(chainStepMicros(cost, load), row.wantStep, TERM_US);
    const { tokensPerSecond } = estimate({ geometry: modelById(row.id), profile, wafers: row.wafers }, load);
    expectWithin(tokensPerSecond, row.wantRate, 0.05);
  });

  test('spark-ref on 12: network and marginal terms', () => {
    const stage = only(costOf('spark-ref', 12));
    expectWithin(stage.netUs, 10.620313, 1e-6);
    expectWithin(stage.marginalUs, 0.156593, 1e-6);
  });
});

describe('published speeds (WAFER §5.4)', () => {
  test.each(speedFixtures)('$model on $wafers, $profile: $tokensPerSecond tok/s', (row) => {
    const geometry = modelById(row.model);
    const placement = { geometry, profile: profiles[row.profile], wafers: row.wafers };
    const { stepUs, tokensPerSecond } = estimate(placement, { streams: 1, meanContextTokens: 0 });
    expectWithin(stepUs, row.stepUs, 0.5 / 10 ** row.stepDecimals + 1e-9);
    expectWithin(tokensPerSecond, row.tokensPerSecond, 0.1);
    if ('lowest' in row.published) {
      expect(tokensPerSecond).toBeGreaterThanOrEqual(row.published.lowest);
      expect(tokensPerSecond).toBeLessThanOrEqual(row.published.highest);
      return;
    }
    const errorPercent = (tokensPerSecond / row.published.tokensPerSecond - 1) * 100;
    expectWithin(errorPercent, row.published.errorPercent, 0.05);
    expect(Math.abs(errorPercent)).toBeLessThanOrEqual(row.published.tolerancePercent);
  });

  test('gpt-oss-120b lies 17.8 % over the measured and 19.2 % under the vendor figure', () => {
    const placement = { geometry: modelById('gpt-oss-120b'), profile, wafers: 3 };
    const { tokensPerSecond } = estimate(placement, { streams: 1, meanContextTokens: 0 });
    expectWithin((tokensPerSecond / 2_059 - 1) * 100, 17.8, 0.05);
    expectWithin((tokensPerSecond / 3_000 - 1) * 100, -19.2, 0.05);
  });

  test('Kimi at 10k of context', () => {
    const placement = { geometry: modelById('kimi-k2.6'), profile, wafers: 20 };
    const { tokensPerSecond } = estimate(placement, { streams: 1, meanContextTokens: 10 * 1_024 });
    expectWithin(tokensPerSecond, 992.5, 0.05);
    expectWithin((tokensPerSecond / 981 - 1) * 100, 1.2, 0.05);
  });

  test.each(workingPoints)('pooled working point: $model on $wafers at $contextTokens', (row) => {
    const placement = { geometry: modelById(row.model), profile, wafers: row.wafers };
    const load = { streams: row.pooled.streams, meanContextTokens: row.contextTokens };
    const { tokensPerSecond, chainTokensPerSecond } = estimate(placement, load);
    expect(Math.round(tokensPerSecond)).toBe(row.pooled.tokensPerSecond);
    expect(Math.round(chainTokensPerSecond)).toBe(row.pooled.chainTokensPerSecond);
  });
});

describe('prefill, restore and first token (WAFER §5.5)', () => {
  test.each([
    {
      name: '405B on 22, 1,024 new',
      id: 'llama-3.1-405b',
      wafers: 22,
      newTokens: 1_024,
      cachedTokens: 0,
      wantMs: 34.073,
      digits: 3,
    },
    {
      name: '70B on 8, 31,500 new',
      id: 'llama-3.1-70b',
      wafers: 8,
      newTokens: 31_500,
      cachedTokens: 0,
      wantMs: 132.5,
      digits: 1,
    },
    {
      name: 'spark-ref on 12, 96,300 cold',
      id: 'spark-ref',
      wafers: 12,
      newTokens: 96_300,
      cachedTokens: 0,
      wantMs: 82.97,
      digits: 2,
    },
    {
      name: 'spark-ref on 12, 2,000 on 94,300 cached',
      id: 'spark-ref',
      wafers: 12,
      newTokens: 2_000,
      cachedTokens: 94_300,
      wantMs: 3.6,
      digits: 2,
    },
    {
      name: 'Kimi on 21, 96,300 cold',
      id: 'kimi-k2.6',
      wafers: 21,
      newTokens: 96_300,
      cachedTokens: 0,
      wantMs: 442,
      digits: 0,
    },
  ] as const)('prefill of $name', ({ id, wafers, newTokens, cachedTokens, wantMs, digits }) => {
    const { latencyUs } = chainPrefillMicros(costOf(id, wafers), { newTokens, cachedTokens });
    expectWithin(latencyUs / 1e3, wantMs, 0.5 / 10 ** digits);
  });

  test('405B on 22: chunk time, and 36.9 ms of device time to the first token', () => {
    const cost = costOf('llama-3.1-405b', 22);
    expectWithin(chunkMicros(only(cost), 32, 512), 217.027, TERM_US);
    const prefill = chainPrefillMicros(cost, { newTokens: 1_024, cachedTokens: 0 }).latencyUs;
    const step = chainStepMicros(cost, { streams: 1, meanContextTokens: 0 });
    expectWithin((prefill + step) / 1e3, 36.9, 0.05);
  });

  test('Kimi prefill without its attention term would take 197 ms', () => {
    const cost = costOf('kimi-k2.6', 21);
    const bare = { ...cost, stages: [{ ...only(cost), prefillAttentionUsPerToken: 0 }] };
    expectWithin(chainPrefillMicros(bare, { newTokens: 96_300, cachedTokens: 0 }).latencyUs / 1e3, 197, 0.5);
  });

  test.each([
    { name: '70B on 8, 31,500 tokens', id: 'llama-3.1-70b', wafers: 8, tokens: 31_500, wantMs: 10.75, digits: 2 },
    { name: 'spark-ref on 12, 96,300 tokens', id: 'spark-ref', wafers: 12, tokens: 96_300, wantMs: 4.931, digits: 3 },
  ] as const)('restore of $name', ({ id, wafers, tokens, wantMs, digits }) => {
    expectWithin(chainRestoreMicros(costOf(id, wafers), tokens) / 1e3, wantMs, 0.5 / 10 ** digits);
  });

  test('a full wafer loads its 39.6 GB in 0.33 s', () => {
    const stage = { ...only(costOf('spark-ref', 12)), weightBytes: 39.6e9 };
    expectWithin(chainLoadMicros({ ...costOf('spark-ref', 12), stages: [stage] }) / 1e6, 0.33, 0.005);
  });

  test('handing 96,300 tokens of spark-ref over 100 Gb/s takes 568 ms', () => {
    expectWithin(transferMicros(modelById('spark-ref'), 96_300, 12_500) / 1e3, 568, 0.5);
  });

  test.each([
    {
      name: 'spark-ref on 12 at 96.3k',
      id: 'spark-ref',
      wafers: 12,
      contextTokens: 96_300,
      streams: 58,
      wantCached: 0.06,
      wantOutput: 9.9,
    },
    {
      name: '70B on 8 at 32k',
      id: 'llama-3.1-70b',
      wafers: 8,
      contextTokens: 32_768,
      streams: 16,
      wantCached: 0.08,
      wantOutput: 8.0,
    },
  ] as const)('service weights of $name', ({ id, wafers, contextTokens, streams, wantCached, wantOutput }) => {
    const cost = costOf(id, wafers);
    const uncached = chainPrefillMicros(cost, { newTokens: contextTokens, cachedTokens: 0 }).latencyUs / contextTokens;
    const cached = chainRestoreMicros(cost, contextTokens) / contextTokens;
    const load = { streams, meanContextTokens: contextTokens };
    const { chainTokensPerSecond } = estimate({ geometry: modelById(id), profile, wafers }, load);
    expectWithin(cached / uncached, wantCached, 0.005);
    expectWithin(1e6 / chainTokensPerSecond / uncached, wantOutput, 0.05);
  });

  test.each([
    { name: 'nothing new', newTokens: 0, wantLatency: 0, wantOccupancy: 0 },
    { name: 'one token: one chunk through all layers', newTokens: 1, wantLatency: 36, wantOccupancy: 1 },
    { name: 'a full chunk', newTokens: 32, wantLatency: 36, wantOccupancy: 1 },
    { name: 'one token more than a chunk', newTokens: 33, wantLatency: 37, wantOccupancy: 2 },
  ])('prefill of $name, in chunk times', ({ newTokens, wantLatency, wantOccupancy }) => {
    const cost = costOf('spark-ref', 12);
    const chunkUs = chunkMicros(only(cost), 32, newTokens / 2);
    const { latencyUs, occupancyUs } = chainPrefillMicros(cost, { newTokens, cachedTokens: 0 });
    expect(latencyUs / chunkUs).toBeCloseTo(wantLatency, 9);
    expect(occupancyUs / chunkUs).toBeCloseTo(wantOccupancy, 9);
  });
});

describe('closed form at its edges', () => {
  test('more wafers than layers: a layer has one whole wafer, and two hops are paid per layer', () => {
    const geometry = modelById('gpt-oss-120b');
    const cost = closedFormCost({ geometry, profile, wafers: 42 });
    expect(only(cost).weightUs).toBeCloseTo(only(closedFormCost({ geometry, profile, wafers: 36 })).weightUs, 12);
    expect(cost.fixedUs).toBe(41 * 5 + 20 + 2 * 36 * 5);
  });

  test('a fixed step is the same for any load', () => {
    const flat: WaferProfile = { ...profile, stepRule: { kind: 'fixed', stepUs: 500 } };
    const cost = closedFormCost({ geometry: modelById('spark-ref'), profile: flat, wafers: 12 });
    expect(chainStepMicros(cost, { streams: 1, meanContextTokens: 0 })).toBe(500);
    expect(chainStepMicros(cost, { streams: 5_000, meanContextTokens: 100_000, slow: [3] })).toBe(500);
  });

  test('a drafted model yields α tokens per step, and α is its class value', () => {
    const placement = { geometry: modelById('llama-3.1-70b'), profile, wafers: 4 };
    const { stepUs, tokensPerSecond } = estimate(placement, { streams: 1, meanContextTokens: 0 });
    expect(tokensPerSecond * stepUs).toBeCloseTo(2.5e6, 3);
  });

  test('the step never gets shorter with more context or more streams', () => {
    const ids = Object.keys(models) as ModelId[];
    fc.assert(
      fc.property(
        fc.constantFrom(...ids),
        fc.integer({ min: 1, max: 60 }),
        fc.tuple(fc.nat({ max: 1_100 }), fc.nat({ max: 100 })),
        fc.tuple(fc.nat({ max: 262_144 }), fc.nat({ max: 10_000 })),
        (id, wafers, [streams, moreStreams], [context, moreContext]) => {
          const cost = costOf(id, wafers);
          const base = chainStepMicros(cost, { streams, meanContextTokens: context });
          const busier = { streams: streams + moreStreams, meanContextTokens: context };
          const longer = { streams, meanContextTokens: context + moreContext };
          const roundingUs = base * 1e-12;
          expect(chainStepMicros(cost, busier)).toBeGreaterThanOrEqual(base - roundingUs);
          expect(chainStepMicros(cost, longer)).toBeGreaterThanOrEqual(base - roundingUs);
        },
      ),
    );
  });

  test('one slow stage throttles a full chain, not a lightly loaded one', () => {
    const cost = costOf('spark-ref', 12);
    const stage = { ...only(cost), layers: 18 };
    const halves: ChainCost = { ...cost, stages: [stage, stage] };
    const step = (streams: number, slow?: readonly number[]): number =>
      chainStepMicros(halves, { streams, meanContextTokens: 0, ...(slow && { slow }) }) - cost.fixedUs;
    expect(step(1, [1, 2]) / step(1)).toBeCloseTo(1.5, 9);
    expect(step(36, [1, 2]) / step(36)).toBeCloseTo(2, 9);
  });
});
