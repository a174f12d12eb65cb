import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { modelById } from './fixtures/models.ts';
import { waferProfiles } from './fixtures/profiles.ts';
import { speedFixtures } from './fixtures/speeds.ts';
import { kvBytesPerToken, type LayerRun, type ModelGeometry } from './geometry.ts';
import { partition, wafersNeeded, type Partition } from './partition.ts';

const profile = waferProfiles['wse3-2026'];
const USABLE = 39.6e9;
const wafers = (count: number): number[] => Array.from({ length: count }, () => USABLE);
const counts = (found: Partition | undefined): number[] | undefined => found?.stages.map((stage) => stage.layers);

type Small = {
  readonly runs: readonly LayerRun[];
  readonly usable: readonly number[];
  readonly endBytes: number;
  readonly tied: boolean;
  readonly drafterBytes: number;
};

/** A model small enough for brute force: up to 12 layers of unequal size, up to 5 wafers of unequal size. */
const small: fc.Arbitrary<Small> = fc.record({
  runs: fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 3 }),
      weightBytes: fc.integer({ min: 1, max: 40 }),
      kvBytesPerToken: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  usable: fc.array(fc.integer({ min: 20, max: 200 }), { minLength: 1, maxLength: 5 }),
  endBytes: fc.integer({ min: 0, max: 20 }),
  tied: fc.boolean(),
  drafterBytes: fc.integer({ min: 0, max: 10 }),
});

function geometryOf({ runs, endBytes, tied, drafterBytes }: Small): ModelGeometry {
  return {
    ...modelById('llama-3.1-8b'),
    layers: runs.reduce((sum, run) => sum + run.count, 0),
    layerRuns: runs,
    endBytes,
    tiedEmbeddings: tied,
    drafter: { class: 'dense', weightBytes: drafterBytes, kvBytesPerToken: drafterBytes > 0 ? 1 : 0 },
  };
}

/** Every way to cut the layers into so many non-empty stages, as counts. */
function* cuts(layers: number, stages: number): Generator<number[]> {
  if (stages === 1) {
    yield [layers];
    return;
  }
  for (let first = 1; first <= layers - stages + 1; first += 1) {
    for (const rest of cuts(layers - first, stages - 1)) yield [first, ...rest];
  }
}

/** Capacity of one cut, written out from the definition. */
function capacityOf(geometry: ModelGeometry, usable: readonly number[], cut: readonly number[]): number {
  const layers = geometry.layerRuns.flatMap((run) => Array.from({ length: run.count }, () => run));
  let from = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [s, count] of cut.entries()) {
    const own = layers.slice(from, from + count);
    from += count;
    let weight = own.reduce((sum, layer) => sum + layer.weightBytes, 0);
    let kv = own.reduce((sum, layer) => sum + layer.kvBytesPerToken, 0);
    const last = s === cut.length - 1;
    if (s === 0) weight += geometry.endBytes;
    if (last && !(geometry.tiedEmbeddings && cut.length === 1)) weight += geometry.endBytes;
    if (last) weight += geometry.drafter.weightBytes;
    if (last) kv += geometry.drafter.kvBytesPerToken;
    const room = (usable[s] ?? 0) - weight;
    least = Math.min(least, room < 0 ? -1 : Math.floor(room / kv));
  }
  return least;
}

const squares = (cut: readonly number[]): number => cut.reduce((sum, count) => sum + count ** 2, 0);

/** Larger last stage first: the smallest start index of the last stage, then of the one before. */
function comesFirst(a: readonly number[], b: readonly number[]): boolean {
  for (let s = a.length - 1; s >= 0; s -= 1) {
    const difference = (a[s] ?? 0) - (b[s] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

function bruteForce(
  geometry: ModelGeometry,
  usable: readonly number[],
): { kvTokens: number; cut: number[] } | undefined {
  let best: { kvTokens: number; cut: number[] } | undefined;
  for (const cut of cuts(geometry.layers, usable.length)) {
    const kvTokens = capacityOf(geometry, usable, cut);
    if (kvTokens < 0) continue;
    const better =
      best === undefined ||
      kvTokens > best.kvTokens ||
      (kvTokens === best.kvTokens &&
        (squares(cut) < squares(best.cut) || (squares(cut) === squares(best.cut) && comesFirst(cut, best.cut))));
    if (better) best = { kvTokens, cut };
  }
  return best;
}

describe('partition', () => {
  test('equals brute force in capacity, squares and ties for up to 12 layers on 5 wafers', () => {
    let fitting = 0;
    fc.assert(
      fc.property(small, (model) => {
        const geometry = geometryOf(model);
        const want = bruteForce(geometry, model.usable);
        const found = partition(geometry, model.usable);
        expect(found?.kvTokens).toBe(want?.kvTokens);
        expect(counts(found)).toEqual(want?.cut);
        if (want !== undefined) fitting += 1;
      }),
      { numRuns: 400 },
    );
    expect(fitting).toBeGreaterThan(40);
  });

  test('covers every layer once, in order, and no stage holds less than the chain', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('glm-4.7', 'kimi-k2.6', 'qwen3-32b'),
        (count, id) => {
          const geometry = modelById(id);
          const found = partition(geometry, wafers(count));
          if (found === undefined) return;
          let next = 0;
          for (const stage of found.stages) {
            expect(stage.firstLayer).toBe(next);
            expect(stage.layers).toBeGreaterThan(0);
            next += stage.layers;
          }
          expect(next).toBe(geometry.layers);
          expect(Math.min(...found.stages.map((stage) => stage.kvTokens))).toBe(found.kvTokens);
        },
      ),
    );
  });

  test('never gains tokens when tiles of a wafer die', () => {
    fc.assert(
      fc.property(small, fc.nat({ max: 4 }), fc.integer({ min: 1, max: 60 }), (model, index, lost) => {
        const geometry = geometryOf(model);
        const damaged = model.usable.map((bytes, s) => (s === index % model.usable.length ? bytes - lost : bytes));
        const whole = partition(geometry, model.usable)?.kvTokens ?? -1;
        expect(partition(geometry, damaged)?.kvTokens ?? -1).toBeLessThanOrEqual(whole);
      }),
    );
  });

  test('70B on 4 wafers: 19/21/21/19, weights and tokens of WAFER §5.3', () => {
    const found = partition(modelById('llama-3.1-70b'), wafers(4));
    expect(counts(found)).toEqual([19, 21, 21, 19]);
    expect(found?.kvTokens).toBe(42_579);
    expect(found?.stages.map((stage) => stage.kvTokens)).toEqual([64_039, 42_579, 42_579, 64_039]);
    expect(found?.stages.map((stage) => Math.round(stage.weightBytes))).toEqual([
      34_616_217_395, 35_937_489_101, 35_937_489_101, 34_616_217_395,
    ]);
    expect(squares(counts(found) ?? [])).toBe(1_604);
  });

  test('70B on 4 wafers with a drafter on the last: 20/21/21/18 and 39,658 tokens', () => {
    const drafter = modelById('llama-3.2-1b');
    const geometry = {
      ...modelById('llama-3.1-70b'),
      drafter: {
        class: 'dense' as const,
        weightBytes: drafter.weightBytes,
        kvBytesPerToken: kvBytesPerToken(drafter),
      },
    };
    const found = partition(geometry, wafers(4));
    expect(counts(found)).toEqual([20, 21, 21, 18]);
    expect(found?.kvTokens).toBe(39_658);
  });

  test('among equal squares the last stages are the long ones: Kimi on 21 is 2/3/…/3/2', () => {
    const found = partition(modelById('kimi-k2.6'), wafers(21));
    expect(counts(found)).toEqual([2, ...Array.from({ length: 19 }, () => 3), 2]);
    expect(found?.kvTokens).toBe(2_944_000);
    // One dense and one expert layer, and the embedding.
    expect(found?.stages[0]?.weightBytes).toBe(994_967_552 + 9_808_510_976 + 2_348_810_240);
  });

  test('four Kimi expert layers leave 79,417 tokens on a wafer, no full session (R2)', () => {
    const kimi = modelById('kimi-k2.6');
    const four = {
      ...kimi,
      layers: 4,
      endBytes: 0,
      layerRuns: [{ count: 4, weightBytes: 9_808_510_976, kvBytesPerToken: 1_152 }],
    };
    expect(partition(four, wafers(1))?.kvTokens).toBe(79_417);
  });

  test('one wafer holds tied ends once, two wafers hold them twice', () => {
    const drafter = modelById('llama-3.2-1b');
    const weight = (count: number): number =>
      partition(drafter, wafers(count))?.stages.reduce((sum, stage) => sum + stage.weightBytes, 0) ?? 0;
    expect(weight(1)).toBeCloseTo(drafter.weightBytes, 3);
    expect(weight(2)).toBeCloseTo(drafter.weightBytes + drafter.endBytes, 3);
  });

  test.each([
    { name: 'weights that overflow every cut', usable: wafers(3) },
    { name: 'more wafers than layers', usable: wafers(81) },
    { name: 'one wafer too small for a single layer', usable: [USABLE, 1e9, ...wafers(20)] },
  ])('finds nothing for $name', ({ usable }) => {
    expect(partition(modelById('llama-3.1-70b'), usable)).toBeUndefined();
  });

  test('a chain without wafers is a defect', () => {
    expect(() => partition(modelById('llama-3.1-70b'), [])).toThrow('invariant');
  });
});

describe('fewest wafers', () => {
  // WAFER §5.4: nothing here is fitted.
  test.each([
    { name: '70B at 8k (published: 4)', id: 'llama-3.1-70b', contextTokens: 8_192, wantWafers: 4 },
    { name: '405B at 8k (estimates: about 22)', id: 'llama-3.1-405b', contextTokens: 8_192, wantWafers: 22 },
    { name: 'Kimi at 256k (reported: about 20)', id: 'kimi-k2.6', contextTokens: 262_144, wantWafers: 20 },
    { name: 'gpt-oss-120b by the partition alone', id: 'gpt-oss-120b', contextTokens: 131_072, wantWafers: 2 },
  ] as const)('$name', ({ id, contextTokens, wantWafers }) => {
    expect(wafersNeeded(modelById(id), profile, contextTokens)).toBe(wantWafers);
  });

  test.each([131_072, 262_144])('Kimi as 61 equal layers without ends at %d tokens: 21', (contextTokens) => {
    const equal = {
      ...modelById('kimi-k2.6'),
      endBytes: 0,
      layerRuns: [{ count: 61, weightBytes: 9.754e9, kvBytesPerToken: 1_152 }],
    };
    expect(wafersNeeded(equal, profile, contextTokens)).toBe(21);
  });

  test.each(speedFixtures.filter((row) => row.sessionTokens !== undefined))(
    '$model holds its session on $wafers and not on fewer',
    ({ model, wafers: want, sessionTokens = 0 }) => {
      expect(wafersNeeded(modelById(model), profile, sessionTokens)).toBe(want);
    },
  );

  test('no number of wafers holds a context that one layer cannot', () => {
    expect(wafersNeeded(modelById('llama-3.1-70b'), profile, 1e9)).toBeUndefined();
  });
});
