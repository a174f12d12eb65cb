import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { modelById, models, type ModelId } from './fixtures/models.ts';
import { waferProfiles } from './fixtures/profiles.ts';
import { workingPoints } from './fixtures/working-points.ts';
import { kvBytesPerToken, type ModelGeometry } from './geometry.ts';
import { estimate } from './latency.ts';
import { streamsFitting } from './memory.ts';
import {
  alpha,
  evaluatePlan,
  loadMicros,
  planChain,
  prefillMicros,
  restoreMicros,
  stepMicros,
  stepProbability,
  stepTokensMax,
  streamsMax,
  type ChainPlan,
  type ChainRequest,
} from './plan.ts';

const profile = waferProfiles['wse3-2026'];

function planned(request: Partial<ChainRequest> & Pick<ChainRequest, 'geometry' | 'wafers'>): ChainPlan {
  const plan = planChain({ profile, ...request });
  if (plan === undefined) throw new Error('no plan');
  return plan;
}

function drafted(id: ModelId, drafter: ModelId): ModelGeometry {
  const { weightBytes } = modelById(drafter);
  return {
    ...modelById(id),
    drafter: { class: 'dense', weightBytes, kvBytesPerToken: kvBytesPerToken(modelById(drafter)) },
  };
}

describe('chain plan', () => {
  test.each(workingPoints)('staged working point: $model on $wafers at $contextTokens (WAFER §5.6)', (row) => {
    const plan = planned({ geometry: modelById(row.model), wafers: row.wafers });
    expect(plan.kvTokens).toBe(row.staged.kvTokens);
    const streams = streamsFitting(plan.kvTokens, row.contextTokens, plan);
    expect(streams).toBe(row.staged.streams);
    const speed = evaluatePlan(plan, { streams, meanContextTokens: row.contextTokens });
    expect(Math.round(speed.tokensPerSecond)).toBe(row.staged.tokensPerSecond);
    expect(Math.round(speed.chainTokensPerSecond)).toBe(row.staged.chainTokensPerSecond);
  });

  test('70B on 4: step time, load time and lane of its real stages', () => {
    const plan = planned({ geometry: modelById('llama-3.1-70b'), wafers: 4 });
    expect(plan.stages.map((stage) => stage.layers)).toEqual([19, 21, 21, 19]);
    expect(Math.abs(stepMicros(plan, { streams: 5, meanContextTokens: 8_192 }) - 1_282.201)).toBeLessThanOrEqual(0.001);
    expect(Math.abs(loadMicros(plan) / 1e6 - 0.299)).toBeLessThanOrEqual(0.0005);
    // The fullest stage has 21 of 80 layers, one more than an even split.
    expect(restoreMicros(plan, 8_192)).toBeCloseTo((5_592.405 * 21) / 20, 2);
    expect(streamsMax(plan)).toBe(640);
  });

  test('with equal stages a plan and the closed form are the same', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(3, 4, 6, 9, 12, 18, 36),
        fc.integer({ min: 1, max: 288 }),
        fc.nat({ max: 131_072 }),
        (wafers, streams, meanContextTokens) => {
          const geometry = modelById('spark-ref');
          const load = { streams, meanContextTokens };
          const { stepUs } = estimate({ geometry, profile, wafers }, load);
          expect(stepMicros(planned({ geometry, wafers }), load)).toBeCloseTo(stepUs, 6);
        },
      ),
    );
  });

  test('spark-ref alone on 12 wafers makes 2,187 tok/s and has 288 slots (WAFER §6.1)', () => {
    const plan = planned({ geometry: modelById('spark-ref'), wafers: 12 });
    expect(Math.round(evaluatePlan(plan, { streams: 1, meanContextTokens: 0 }).tokensPerSecond)).toBe(2_187);
    expect(streamsMax(plan)).toBe(288);
    expect({ alpha: alpha(plan), widest: stepTokensMax(plan), p: stepProbability(plan) }).toEqual({
      alpha: 1,
      widest: 1,
      p: 0,
    });
    const cached = prefillMicros(plan, { newTokens: 2_000, cachedTokens: 94_300 });
    expect(Math.abs(cached.latencyUs / 1e3 - 3.6)).toBeLessThanOrEqual(0.005);
    expect(cached.latencyUs).toBeGreaterThan(cached.occupancyUs);
    expect(Math.abs(restoreMicros(plan, 96_300) / 1e3 - 4.931)).toBeLessThanOrEqual(0.0005);
  });

  // WAFER §7, S sweep: chains of a pool with 63 placeable wafers, times streams.
  test.each([
    { wafers: 3, wantStreams: 7 },
    { wafers: 6, wantStreams: 24 },
    { wafers: 9, wantStreams: 41 },
    { wafers: 12, wantStreams: 57 },
    { wafers: 18, wantStreams: 90 },
    { wafers: 21, wantStreams: 91 },
  ])('spark-ref at 96.3k on $wafers wafers holds $wantStreams streams', ({ wafers, wantStreams }) => {
    const plan = planned({ geometry: modelById('spark-ref'), wafers });
    expect(streamsFitting(plan.kvTokens, 96_300, plan)).toBe(wantStreams);
  });

  test('crossing racks costs its edges only', () => {
    const racks = { ...profile, crossRackUs: 3 };
    const base = planned({ geometry: modelById('spark-ref'), profile: racks, wafers: 12 });
    const across = planned({ geometry: modelById('spark-ref'), profile: racks, wafers: 12, crossRackEdges: 5 });
    const load = { streams: 1, meanContextTokens: 0 };
    expect(stepMicros(across, load) - stepMicros(base, load)).toBeCloseTo(15, 9);
  });

  test("a damaged wafer's own capacity moves layers off it", () => {
    const geometry = modelById('llama-3.1-70b');
    const plan = planned({ geometry, wafers: [44e9, 42e9, 44e9, 44e9] });
    const whole = planned({ geometry, wafers: 4 });
    expect(plan.stages[1]?.layers).toBeLessThan(whole.stages[1]?.layers ?? 0);
    expect(plan.kvTokens).toBeLessThan(whole.kvTokens);
  });

  test.each([
    { name: 'weights that do not fit', wafers: 3 },
    { name: 'more wafers than layers', wafers: 81 },
  ])('is absent for $name', ({ wafers }) => {
    expect(planChain({ geometry: modelById('llama-3.1-70b'), profile, wafers })).toBeUndefined();
  });

  test.each([0, -1, 2.5, Number.NaN])('%d wafers are a defect', (wafers) => {
    expect(() => planChain({ geometry: modelById('llama-3.1-70b'), profile, wafers })).toThrow('invariant');
  });
});

describe('drafter of a chain plan', () => {
  test('a small one fits beside the last layers and costs a user', () => {
    const plan = planned({ geometry: drafted('llama-3.1-70b', 'llama-3.2-1b'), wafers: 4 });
    expect(plan.stages.map((stage) => stage.layers)).toEqual([20, 21, 21, 18]);
    expect(plan.kvTokens).toBe(39_658);
    expect(streamsFitting(plan.kvTokens, 8_192, plan)).toBe(4);
    expect(plan.drafterDropped).toBe(false);
    expect({ alpha: alpha(plan), widest: stepTokensMax(plan) }).toEqual({ alpha: 2.5, widest: 5 });
    expect(stepProbability(plan)).toBeCloseTo(0.644471, 7);
  });

  test('one that does not fit is dropped, with its speed', () => {
    const plan = planned({ geometry: drafted('llama-3.1-70b', 'llama-3.1-8b'), wafers: 4 });
    expect(plan.drafterDropped).toBe(true);
    expect(plan.kvTokens).toBe(42_579);
    expect({ alpha: alpha(plan), widest: stepTokensMax(plan), p: stepProbability(plan) }).toEqual({
      alpha: 1,
      widest: 1,
      p: 0,
    });
    const { tokensPerSecond } = evaluatePlan(plan, { streams: 1, meanContextTokens: 8_192 });
    expect(Math.round(tokensPerSecond)).toBe(780);
  });

  test('dropping it does not help weights that do not fit either', () => {
    expect(planChain({ geometry: drafted('llama-3.1-70b', 'llama-3.2-1b'), profile, wafers: 3 })).toBeUndefined();
  });
});

describe('step time of a plan', () => {
  const chains = (Object.keys(models) as ModelId[]).flatMap((id) =>
    [1, 2, 4, 21, 28, 32].flatMap((wafers) => planChain({ geometry: modelById(id), profile, wafers }) ?? []),
  );

  test('never shrinks with context, streams or a slower stage', () => {
    expect(chains.length).toBeGreaterThan(30);
    const factor = fc.double({ min: 1, max: 4, noNaN: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...chains),
        fc.tuple(fc.nat({ max: 1_100 }), fc.nat({ max: 100 })),
        fc.tuple(fc.nat({ max: 262_144 }), fc.nat({ max: 10_000 })),
        fc.tuple(fc.nat({ max: 31 }), fc.array(factor, { minLength: 32, maxLength: 32 }), factor),
        (plan, [streams, moreStreams], [meanContextTokens, moreContext], [index, slow, more]) => {
          const load = { streams, meanContextTokens, slow };
          const base = stepMicros(plan, load);
          const slower = slow.map((value, s) => (s === index % plan.stages.length ? value * more : value));
          const floor = base * (1 - 1e-12);
          expect(stepMicros(plan, { ...load, streams: streams + moreStreams })).toBeGreaterThanOrEqual(floor);
          expect(
            stepMicros(plan, { ...load, meanContextTokens: meanContextTokens + moreContext }),
          ).toBeGreaterThanOrEqual(floor);
          expect(stepMicros(plan, { ...load, slow: slower })).toBeGreaterThanOrEqual(floor);
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    { name: 'one slow stage of four, one stream', streams: 1, slow: [2, 1, 1, 1], wantRatio: (80 + 19) / 80 },
    { name: 'one slow stage of four, a full chain', streams: 80, slow: [2, 1, 1, 1], wantRatio: 2 },
    { name: 'factors for fewer stages than there are', streams: 1, slow: [1], wantRatio: 1 },
  ])('$name', ({ streams, slow, wantRatio }) => {
    const plan = planned({ geometry: modelById('llama-3.1-70b'), wafers: 4 });
    const layered = (load: Parameters<typeof stepMicros>[1]): number => stepMicros(plan, load) - plan.cost.fixedUs;
    const ratio = layered({ streams, meanContextTokens: 0, slow }) / layered({ streams, meanContextTokens: 0 });
    expect(ratio).toBeCloseTo(wantRatio, 9);
  });
});
