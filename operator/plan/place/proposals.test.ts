import { describe, expect, test } from '@jest/globals';
import type { Finding } from '../action.ts';
import type { Facts, StoredObject } from '../facts.ts';
import { deployment, DIGEST, facts, fullPool, model, NOW_MS, replica, tier, waferClass } from '../plan-kit.ts';
import { PlanMemo } from '../plan-memo.ts';
import { plan } from '../plan.ts';
import { snapshotOf } from '../snapshot.ts';

const S = 21;

type Chain = { readonly name: string; readonly slots: readonly number[]; readonly sessions?: number };

/** One pool with chains of deployment `low` on these slots; deployment `high` waits for a chain of its own. */
function proposals(chains: readonly Chain[], poolSpec: object, high: object): readonly Finding[] {
  const low = deployment('low', {
    tiers: [{ name: 'flex' }],
    regions: [{ region: 'us-east', replicas: chains.length }],
  });
  const wanting = deployment('high', { tiers: [{ name: 'fast' }], ...high });
  const { objects, nodes } = fullPool('p0', 64, { ...poolSpec });
  const held = new Map(
    chains.flatMap(({ name, slots }) => slots.map((slot, stage) => [slot, { name, stage }] as const)),
  );
  const wafers = objects.map((object): StoredObject => {
    const holder = object.kind === 'Wafer' ? held.get(object.spec.slot) : undefined;
    if (object.kind !== 'Wafer' || holder === undefined) return object;
    const { name, stage } = holder;
    const claim = {
      namespace: 'models',
      replica: name,
      uid: `uid-ModelReplica-${name}`,
      stage,
      replicaEpoch: 1,
      planDigest: DIGEST,
    };
    return { ...object, spec: { ...object.spec, epoch: 1, claim } };
  });
  const replicas = [...chains.map(({ name }) => ({ name, of: low })), { name: 'waiting', of: wanting }].map(
    ({ name, of }, ordinal) =>
      replica(name, {
        deployment: { name: of.meta.name, uid: of.meta.uid },
        region: 'us-east',
        ordinal,
        revision: 'aaaaaa',
        inputs: { modelDigest: DIGEST, engine: of.spec.engine, shape: of.spec.shape },
      }),
  );
  const given: Facts = facts({
    objects: [
      waferClass(),
      model(),
      tier('flex', { priority: 100 }),
      tier('fast', { priority: 700 }),
      low,
      wanting,
      ...wafers,
      ...replicas,
    ],
    nodes,
    presence: chains.map(({ name, sessions = 0 }) => ({
      replicaUid: `uid-ModelReplica-${name}`,
      epoch: 1,
      atMs: NOW_MS,
      serving: true,
      servingSinceMs: 0,
      draining: false,
      liveTurns: 0,
      residentSessions: sessions,
      streams: 0,
      kvTokens: 0,
      tokensPerSecond: 0,
    })),
  });
  const found = plan(snapshotOf(given), new PlanMemo()).findings;
  return found.filter(({ kind }) => kind === 'preempt' || kind === 'defrag');
}

const range = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index);
const three: readonly Chain[] = [
  { name: 'a', slots: range(0, S), sessions: 9 },
  { name: 'b', slots: range(S, S), sessions: 2 },
  { name: 'c', slots: range(2 * S, S), sessions: 5 },
];

describe('preemption proposals', () => {
  test('the chain of a lower tier with fewest sessions would make room', () => {
    expect(proposals(three, {}, { preemption: 'LowerTier' })).toEqual([
      { kind: 'preempt', subject: 'mr/waiting', pool: 'p0', victims: ['mr/b'] },
    ]);
  });

  test.each([
    { name: 'a deployment that does not ask for it', high: {} },
    { name: 'a tier that is lower by less than 100', high: { preemption: 'LowerTier', tiers: [{ name: 'flex' }] } },
  ])('none for $name', ({ high }) => {
    expect(proposals(three, {}, high)).toEqual([]);
  });
});

describe('defragmentation proposals', () => {
  // Free: 0–9, 31–41, 63; the chain between the runs is the one to move.
  const scattered: readonly Chain[] = [
    { name: 'a', slots: range(10, S) },
    { name: 'b', slots: range(42, S) },
  ];

  test('the window with fewest chains in it is opened', () => {
    expect(proposals(scattered, { fabric: { topology: 'Line' } }, {})).toEqual([
      { kind: 'defrag', subject: 'mr/waiting', pool: 'p0', moves: ['mr/a'] },
    ]);
  });

  test.each([
    { name: 'a switched pool has no windows', poolSpec: {} },
    { name: 'a pool that does not want it', poolSpec: { fabric: { topology: 'Line' }, defrag: 'Off' } },
  ])('none: $name', ({ poolSpec }) => {
    expect(proposals(scattered, poolSpec, {})).toEqual([]);
  });
});
