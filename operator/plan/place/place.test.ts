import { describe, expect, test } from '@jest/globals';
import { modelById, waferProfiles } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { renderDiagnostic } from '../nofit/diagnostic.ts';
import { NOW_MS, deployment, facts, nodeOf, pool, wafer, waferClass } from '../plan-kit.ts';
import { ChainMemo } from '../shard/chain-memo.ts';
import { snapshotOf, type Snapshot } from '../snapshot.ts';
import { Board } from './board.ts';
import type { Demand } from './demand.ts';
import { chainMix } from './fragmentation.ts';
import type { Ground } from './ground.ts';
import { place, type Placed } from './place.ts';
import { poolFilter } from './pool-filter.ts';
import { SpreadCount } from './spread.ts';

const memo = new ChainMemo();
const spark = modelById('spark-ref');

type PoolCase = {
  readonly slots: number;
  readonly topology?: 'Switched' | 'Line' | 'Ring';
  readonly minHot?: number;
  readonly hall?: string;
  /** Slots that are claimed by others. */
  readonly taken?: readonly number[];
  readonly dead?: readonly number[];
  readonly worn?: readonly number[];
  /** Slots whose node does not answer any more. */
  readonly lost?: readonly number[];
  readonly spec?: Readonly<Record<string, unknown>>;
};

const claim = (uid: string) => ({
  namespace: 'models',
  replica: uid,
  uid,
  stage: 0,
  replicaEpoch: 1,
  planDigest: `sha256:${'00'.repeat(32)}`,
});

function world(pools: readonly PoolCase[]): Snapshot {
  const objects = pools.flatMap(({ slots, topology = 'Switched', minHot = 1, hall = '', taken = [], spec }, index) => {
    const name = `p${String(index).padStart(2, '0')}`;
    const own = Array.from({ length: slots }, (_, slot) =>
      wafer(name, slot, taken.includes(slot) ? { epoch: 1, claim: claim('other') } : {}),
    );
    const fabric = { topology, slots };
    return [pool(name, { fabric, spares: { minHot }, ...(hall === '' ? {} : { hall }), ...spec }), ...own];
  });
  const wafers = objects.filter((object) => object.kind === 'Wafer');
  const nodes = wafers.map((each) => {
    const { dead = [], worn = [], lost = [] } = pools[Number(each.spec.poolRef.slice(1))] ?? {};
    const silent = lost.includes(each.spec.slot) ? { ready: false } : {};
    const defectPermille = worn.includes(each.spec.slot) ? 30 : 0;
    return nodeOf(each, { waferHealthy: !dead.includes(each.spec.slot), defectPermille, ...silent });
  });
  return snapshotOf(facts({ objects: [waferClass(), ...objects], nodes }));
}

type DemandCase = Partial<Omit<Demand, 'filter' | 'requestOn'>> & { readonly spec?: Readonly<Record<string, unknown>> };

function demandIn(snapshot: Snapshot, { spec = {}, ...given }: DemandCase): Demand {
  const uid = given.uid ?? 'u';
  const wanted = deployment('d', spec);
  const [region] = wanted.spec.regions;
  if (region === undefined) throw new Error('no region');
  return {
    uid,
    subject: `mr/${uid}`,
    deploymentUid: 'd',
    repair: false,
    priority: 500,
    wafers: 4,
    creationMs: NOW_MS,
    waitingSinceMs: NOW_MS,
    spread: 'None',
    preemption: 'Never',
    filter: poolFilter({ snapshot, deployment: wanted, region }),
    requestOn: () => ({
      geometry: spark,
      profile: waferProfiles['wse3-2026'],
      weightBits: 4,
      kvBits: 16,
      contextTokensMax: 131_072,
      contextTokensMean: 32_768,
      streams: 1,
      floorTokensPerSecond: 0,
    }),
    ...given,
  };
}

function groundOf(snapshot: Snapshot, overrides: Partial<Ground> = {}): Ground {
  return {
    board: new Board([...snapshot.pools.values()], () => true),
    spread: new SpreadCount(),
    mix: chainMix([{ wafers: 4, count: 1 }]),
    memo,
    nowMs: NOW_MS,
    draining: new Map(),
    ...overrides,
  };
}

function run(pools: readonly PoolCase[], demands: readonly DemandCase[], overrides: Partial<Ground> = {}): Placed {
  const snapshot = world(pools);
  return place(
    groundOf(snapshot, overrides),
    demands.map((each) => demandIn(snapshot, each)),
  );
}

const where = ({ placements }: Placed): readonly string[] =>
  placements.map(({ demand, pool: { state }, wafers }) => {
    return `${demand.uid} ${state.pool.meta.name} ${wafers.map((each) => each.wafer.spec.slot).join(',')}`;
  });
const why = ({ unplaced }: Placed): readonly string[] =>
  unplaced.flatMap(({ diagnostics }) => diagnostics.map(renderDiagnostic));

describe('place', () => {
  test.each<{ name: string; pools: PoolCase[]; demands: DemandCase[]; want: string[] }>([
    {
      name: 'the smallest sufficient pool is taken',
      pools: [{ slots: 16 }, { slots: 6 }, { slots: 12 }],
      demands: [{ uid: 'a' }],
      want: ['a p01 0,1,2,3'],
    },
    {
      name: 'spread comes before the smallest pool',
      pools: [
        { slots: 9, hall: 'h1' },
        { slots: 9, hall: 'h1' },
        { slots: 32, hall: 'h2' },
      ],
      demands: [
        { uid: 'a', spread: 'Hall' },
        { uid: 'b', spread: 'Hall' },
        { uid: 'c', spread: 'Hall' },
      ],
      want: ['a p00 0,1,2,3', 'b p02 0,1,2,3', 'c p00 4,5,6,7'],
    },
    {
      name: 'repair, then priority, then length, then age',
      pools: [{ slots: 9, minHot: 1 }],
      demands: [
        { uid: 'old', creationMs: NOW_MS - 1 },
        { uid: 'big', wafers: 6 },
        { uid: 'high', priority: 900 },
        { uid: 'fix', repair: true },
      ],
      want: ['fix p00 0,1,2,3', 'high p00 4,5,6,7'],
    },
    {
      name: 'a repair takes the spare that others must leave',
      pools: [{ slots: 4, minHot: 1 }],
      demands: [{ uid: 'a' }, { uid: 'b', repair: true }],
      want: ['b p00 0,1,2,3'],
    },
    {
      name: 'whole racks before halves, and a half for the odd one',
      pools: [{ slots: 10, taken: [1], minHot: 0 }],
      demands: [{ uid: 'a', wafers: 5 }],
      want: ['a p00 2,3,4,5,0'],
    },
    {
      name: 'a line gives the best-fit run at its low end',
      pools: [{ slots: 16, topology: 'Line', taken: [5, 6, 11] }],
      demands: [{ uid: 'a' }],
      want: ['a p00 7,8,9,10'],
    },
    {
      name: 'a ring joins its last and first slots',
      pools: [{ slots: 12, topology: 'Ring', taken: [2, 3, 4, 5, 6, 7, 8, 9] }],
      demands: [{ uid: 'a', repair: true }],
      want: ['a p00 10,11,0,1'],
    },
    {
      name: 'worn wafers last',
      pools: [{ slots: 8, worn: [0, 2] }],
      demands: [{ uid: 'a' }],
      want: ['a p00 4,5,6,7'],
    },
    {
      name: 'a run with a worn wafer gives its other end',
      pools: [{ slots: 8, topology: 'Line', worn: [1] }],
      demands: [{ uid: 'a' }],
      want: ['a p00 4,5,6,7'],
    },
    {
      name: 'dead wafers never',
      pools: [{ slots: 8, minHot: 0, dead: [0, 1] }],
      demands: [{ uid: 'a', wafers: 6 }],
      want: ['a p00 2,3,4,5,6,7'],
    },
  ])('$name', ({ pools, demands, want }) => {
    expect(where(run(pools, demands))).toEqual(want);
  });

  test.each<{ name: string; pools: PoolCase[]; demand: DemandCase; want: string[]; ground?: Partial<Ground> }>([
    {
      name: 'no pool in the region',
      pools: [{ slots: 8, spec: { region: 'us-west' } }],
      demand: {},
      want: ['NoPoolInRegion us-east: need a pool in us-east state, have none'],
    },
    {
      name: 'too few free wafers, with the pool that a drain will free',
      pools: [{ slots: 8, taken: [0, 1, 2, 3, 4, 5] }],
      demand: {},
      ground: { draining: new Map([['p00', 4]]) },
      want: ['FreeWafersShort p00: need 5 free wafers, have 2; nearest: pool p00'],
    },
    {
      name: 'no run',
      pools: [{ slots: 8, topology: 'Line', taken: [3], minHot: 0 }],
      demand: { wafers: 5 },
      want: ['WindowShort p00: need 5 wafers side by side, have 4'],
    },
    {
      name: 'spares',
      pools: [{ slots: 8, minHot: 2, taken: [0, 1, 2] }],
      demand: {},
      want: ['SparesShort p00: need 2 spares, have 1'],
    },
    {
      name: 'wafers that nobody hears of',
      pools: [{ slots: 8, taken: [0, 1, 2], lost: [3, 4] }],
      demand: {},
      want: [
        'FreeWafersShort p00: need 5 free wafers, have 3',
        'WafersUnknown p00: need 5 known wafers, 2 unknown, have 3',
      ],
    },
    {
      name: 'a pool that can never hold it, with the chain that it can',
      pools: [{ slots: 8 }],
      demand: { wafers: 9 },
      want: ['PoolTooSmall p00: need 10 slots, have 8; nearest: S=7 (72 streams)'],
    },
    {
      name: 'cordoned, foreign and forbidden pools each say so',
      pools: [
        { slots: 8, spec: { service: 'Cordon', serviceReason: 'works' } },
        { slots: 8, spec: { residency: ['eu'] } },
        { slots: 8, spec: { phaseRef: 'ph' } },
        { slots: 8, spec: { classRef: 'other' } },
      ],
      demand: { spec: { residency: ['us'] } },
      want: [
        'PoolsCordoned p00: need Open state, have Cordon',
        'ResidencyForbidden p01: need us state, have eu',
        'PhaseNotOpen p02: need Accepted or Online state, have unknown; nearest: phase ph',
        'ClassMismatch p03: need WaferClass other state, have no such class',
      ],
    },
    {
      name: 'a chain that its model does not fit is not looked for',
      pools: [{ slots: 8 }],
      demand: { wafers: 1 },
      want: ['KvShort mr/u: need 131,072 tokens of one session, have 0; nearest: S=2 (7 streams)'],
    },
  ])('no fit: $name', ({ pools, demand, want, ground }) => {
    const placed = run(pools, [demand], ground);
    expect(placed.placements).toEqual([]);
    expect(why(placed)).toEqual(want);
  });

  test('a starved chain keeps its pool from equals, not from those above', () => {
    const pools: PoolCase[] = [{ slots: 12, taken: [0, 1, 2, 3] }];
    const starved = { uid: 'starved', wafers: 10, waitingSinceMs: NOW_MS - 300_001 };
    const patient = { ...starved, waitingSinceMs: NOW_MS - 299_999 };
    expect(where(run(pools, [starved, { uid: 'small' }]))).toEqual([]);
    expect(why(run(pools, [starved, { uid: 'small' }]))).toContain(
      'Earmarked p00: need 4 wafers kept for mr/starved, have 7',
    );
    expect(where(run(pools, [patient, { uid: 'small' }]))).toEqual(['small p00 4,5,6,7']);
    expect(where(run(pools, [starved, { uid: 'small', priority: 501 }]))).toEqual(['small p00 4,5,6,7']);
  });

  describe('of random pools', () => {
    const pools = fc.array(
      fc.record({
        slots: fc.integer({ min: 4, max: 24 }),
        topology: fc.constantFrom('Switched' as const, 'Line' as const, 'Ring' as const),
        minHot: fc.integer({ min: 0, max: 2 }),
        hall: fc.constantFrom('h1', 'h2'),
        taken: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { maxLength: 6 }),
        dead: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { maxLength: 3 }),
        worn: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 4 },
    );
    const demands = fc
      .array(
        fc.record({
          wafers: fc.integer({ min: 2, max: 12 }),
          priority: fc.constantFrom(100, 500, 900),
          repair: fc.boolean(),
          spread: fc.constantFrom('None' as const, 'Hall' as const),
          waitingSinceMs: fc.constantFrom(NOW_MS, NOW_MS - 400_000),
        }),
        { maxLength: 8 },
      )
      .map((some) => some.map((each, index) => ({ ...each, uid: `u${index}` })));

    test('never over capacity, all or none, spares kept, the order of demands does not matter', () => {
      fc.assert(
        fc.property(pools, demands, (cases, asked) => {
          const placed = run(cases, asked);
          const taken = new Set<string>();
          for (const { demand, pool: at, wafers } of placed.placements) {
            expect(wafers).toHaveLength(demand.wafers);
            for (const { wafer: each, fault } of wafers) {
              expect(fault).toBeUndefined();
              expect(each.spec.claim).toBeUndefined();
              expect(each.spec.poolRef).toBe(at.state.pool.meta.name);
              expect(taken.has(each.meta.name)).toBe(false);
              taken.add(each.meta.name);
            }
          }
          expect(placed.placements.length + placed.unplaced.length).toBe(asked.length);
          for (const { diagnostics } of placed.unplaced) expect(diagnostics).not.toHaveLength(0);
          const repairs = placed.placements.filter(({ demand }) => demand.repair).map(({ pool: at }) => at);
          for (const { pool: at } of placed.placements) {
            const spares = at.state.pool.spec.spares.minHot;
            if (!repairs.includes(at)) expect(at.free.length).toBeGreaterThanOrEqual(spares);
          }
          expect(where(run(cases, asked.toReversed()))).toEqual(where(placed));
        }),
        { numRuns: 150 },
      );
    });

    test('windows of lines and rings are contiguous', () => {
      fc.assert(
        fc.property(pools, demands, (cases, asked) => {
          for (const { pool: at, wafers } of run(cases, asked).placements) {
            const { topology, slots } = at.state.pool.spec.fabric;
            if (topology === 'Switched') continue;
            const places = wafers.map((each) => each.wafer.spec.slot);
            const steps = places.slice(1).map((slot, index) => slot - (places[index] ?? 0));
            expect(steps.every((step) => step === 1 || (topology === 'Ring' && step === 1 - slots))).toBe(true);
          }
        }),
        { numRuns: 100 },
      );
    });

    test('one more free wafer unplaces nothing when one chain asks', () => {
      fc.assert(
        fc.property(pools, fc.integer({ min: 2, max: 12 }), (cases, wafers) => {
          const before = run(cases, [{ wafers }]);
          const after = run(
            cases.map((each) => ({ ...each, taken: each.taken.slice(1) })),
            [{ wafers }],
          );
          expect(after.placements.length).toBeGreaterThanOrEqual(before.placements.length);
        }),
        { numRuns: 100 },
      );
    });
  });
});
