import { describe, expect, test } from '@jest/globals';
import { deployment, DIGEST, phase, pool, tier } from '@reticle/operator/plan/kit';
import { readSnapshot } from '@reticle/proto/serving';
import type { ServingObject } from './serving-objects.ts';
import { CELL, committed, HEADS, keyIdOf, servingScene, tenant } from './publish-kit.ts';
import { numbered, ServingContents } from './serving-content.ts';

const bytesOf = (objects: readonly ServingObject[], contents = new ServingContents()) =>
  numbered(contents.make({ objects, cell: CELL, heads: HEADS }), { term: 1, seq: 1 });
/** As a gateway reads it. */
function read(objects: readonly ServingObject[]) {
  const { ok, problem } = readSnapshot(bytesOf(objects));
  expect(problem).toBeUndefined();
  return ok;
}

describe('the content of a snapshot', () => {
  test('says what a cell serves, from what, and for whom', () => {
    expect(read(servingScene())).toMatchObject({
      cell: 'us-east',
      region: 'us-east',
      regions: [{ name: 'us-east', residency: ['global', 'us'] }],
      deployments: [{ servedName: 'spark', regions: [{ region: 'us-east', fallback: [] }] }],
      replicas: [
        {
          name: 'spark-a',
          deploymentUid: 'uid-ModelDeployment-spark',
          engineId: HEADS.engineId('uid-ModelReplica-spark-a'),
          epoch: 3,
          planDigest: DIGEST,
          modelDigest: DIGEST,
          headAddress: 'spark-a-3-0.spark-a.models.svc:7400',
          state: 2,
          weightPercent: 100,
          slots: 8,
          kvTokens: 65_536,
          tokensPerSecond: 900,
          contextTokens: 131_072,
        },
      ],
      tenants: [
        {
          name: 'acme',
          elsewhere: 0,
          tiers: [{ tier: 2 }, { tier: 4 }],
          regions: ['us-east'],
          keys: [{ id: keyIdOf('acme'), hmacs: [Buffer.alloc(32, 0xaa)], tiers: [2, 4], notAfterMs: 0 }],
        },
      ],
    });
  });

  test('is the same for the same objects in any order', () => {
    const objects = [...servingScene(3), pool('p2'), tenant('globex'), phase('ph-1')];
    expect(bytesOf(objects.toReversed())).toEqual(bytesOf(objects));
  });

  test.each([
    { name: 'that has no plan', spec: { epoch: 0, plan: undefined, fence: undefined } },
    {
      name: 'whose fence is open',
      spec: { fence: { epoch: 3, outcome: 'Pending', deadline: '2027-01-01T00:00:00Z' } },
    },
    { name: 'whose fence was aborted', spec: { fence: { epoch: 3, outcome: 'Aborted' } } },
    { name: 'of a deployment that is gone', spec: { deployment: { name: 'other', uid: 'uid-other' } } },
    { name: 'of a region without pools', spec: { region: 'eu-west' } },
  ])('leaves out a replica $name', ({ spec }) => {
    expect(read([...servingScene(0), committed('spark-a', { spec })])?.replicas).toEqual([]);
  });

  const retire = { epoch: 3, reason: 'ScaledDown', requestedAt: '2026-11-22T00:00:00Z', deadlineSeconds: 60 };
  test.each([
    { name: 'retires', change: { spec: { desired: 'Retire', retire } }, want: 4 },
    { name: 'is repaired at this epoch', change: { spec: { retire: { ...retire, reason: 'Repair' } } }, want: 4 },
    { name: 'was repaired at an earlier one', change: { spec: { retire: { ...retire, epoch: 2 } } }, want: 2 },
    { name: 'drains', change: { status: { phase: 'Draining' } }, want: 4 },
    { name: 'serves with less', change: { status: { phase: 'Degraded' } }, want: 3 },
    { name: 'starts', change: { status: { phase: 'Starting' } }, want: 1 },
    { name: 'has a status of another epoch', change: { status: { observedEpoch: 2 } }, want: 1 },
  ])('a replica that $name is in state $want', ({ change, want }) => {
    expect(read([...servingScene(0), committed('spark-a', change)])?.replicas).toMatchObject([{ state: want }]);
  });

  test.each([
    { name: 'is ramping', status: { state: 'Online' as const, weightPercent: 25 }, want: 25 },
    { name: 'has no weight yet', status: {}, want: 0 },
  ])('a replica weighs what its phase does, which $name', ({ status, want }) => {
    const objects = servingScene(1).filter(({ kind }) => kind !== 'WaferPool');
    const { replicas, phases } = read([...objects, pool('p1', { phaseRef: 'ph' }), phase('ph', {}, status)]) ?? {};
    expect([replicas?.[0]?.weightPercent, phases]).toEqual([want, [{ name: 'ph', weightPercent: want }]]);
  });

  test('a region has the words that all of its pools have', () => {
    const two = read([...servingScene(), pool('p2', { residency: ['us', 'gov'] })]);
    expect(two?.regions).toEqual([{ name: 'us-east', residency: ['us'] }]);
    expect(read([...servingScene(), pool('p2', { residency: ['gov'] })])?.regions).toEqual([
      { name: 'us-east', residency: [] },
    ]);
  });

  test('a deployment keeps the regions that there are', () => {
    const regions = [
      { region: 'us-east', replicas: 1, fallback: ['eu-west'] },
      { region: 'eu-west', replicas: 1 },
    ];
    const objects = [pool('p1'), deployment('spark', { regions })];
    expect(read(objects)?.deployments).toMatchObject([{ regions: [{ region: 'us-east', fallback: [] }] }]);
    const both = read([...objects, pool('e1', { region: 'eu-west' })]);
    expect(both?.deployments[0]?.regions).toEqual([
      { region: 'us-east', fallback: ['eu-west'] },
      { region: 'eu-west', fallback: [] },
    ]);
    expect(read([pool('p1'), deployment('spark', { regions: regions.slice(1) })])?.deployments).toEqual([]);
  });

  test('a tenant whose residency the cell has not is told so, and where it is served', () => {
    const objects = [...servingScene(), pool('e1', { region: 'eu-west', residency: ['eu'] })];
    const found = read([...objects, tenant('globex', { residency: { inference: ['eu'] } })])?.tenants[1];
    expect(found).toMatchObject({
      name: 'globex',
      elsewhere: 2,
      tiers: [],
      regions: ['eu-west'],
      keys: [{ elsewhere: 2, tiers: [] }],
    });
  });

  test('a key belongs to the tenant that has had it longest', () => {
    const stolen = tenant('aaa', { keys: [{ id: keyIdOf('acme'), hmacs: ['b'.repeat(64)] }] }, Number.MAX_SAFE_INTEGER);
    expect(read([...servingScene(), stolen])?.tenants).toMatchObject([
      { name: 'aaa', keys: [] },
      { name: 'acme', keys: [{}] },
    ]);
  });

  test('a suspended tenant keeps its keys, revoked', () => {
    const objects = [pool('p1'), tenant('acme', { suspended: true }), tier('fast', { regions: ['eu-west'] })];
    expect(read(objects)?.tenants).toMatchObject([
      { suspended: true, tiers: [{ tier: 4 }], keys: [{ revoked: true }] },
    ]);
  });

  test('an empty cluster is a cell without anything', () => {
    expect(read([])).toMatchObject({ regions: [{ name: 'us-east', residency: [] }], deployments: [], tenants: [] });
  });
});

describe('ServingContents', () => {
  test('tenants are made again when one of them, a tier or a region is another, and give what is made afresh', () => {
    const contents = new ServingContents();
    const make = (objects: readonly ServingObject[]) => contents.make({ objects, cell: CELL, heads: HEADS }).tenants;
    const scene = servingScene(2);
    const first = make(scene);
    expect(make([...scene, committed('spark-c')])).toBe(first);
    const steps: ServingObject[][] = [
      [...scene, tenant('globex')],
      [...scene, tier('fast', { regions: ['eu-west'] })],
      [...scene, pool('e1', { region: 'eu-west' })],
      scene.filter(({ kind }) => kind !== 'Tenant'),
      scene,
    ];
    for (const objects of steps) {
      const before = make(objects);
      expect(before).toEqual(new ServingContents().make({ objects, cell: CELL, heads: HEADS }).tenants);
      expect(before).not.toBe(first);
    }
  });
});
