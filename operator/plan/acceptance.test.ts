import { describe, expect, test } from '@jest/globals';
import { refusalOf, servedNames } from './acceptance.ts';
import type { StoredDeployment, StoredObject } from './facts.ts';
import { deployment, facts, model, NOW_MS, pool } from './plan-kit.ts';
import { scene } from './scene-kit.ts';
import { snapshotOf } from './snapshot.ts';
import { World } from './world-kit.ts';

const own = deployment('own', { servedName: 'agent' });
const older = (spec: object): StoredDeployment =>
  deployment('older', { servedName: 'agent', ...spec }, { meta: { creationMs: NOW_MS - 1 } });

function reason(objects: readonly StoredObject[], judged: StoredDeployment): string | undefined {
  const snapshot = snapshotOf(facts({ objects: [...objects, judged] }));
  const refusal = refusalOf(snapshot, judged, servedNames(snapshot));
  return refusal && `${refusal.reason}: ${refusal.detail}`;
}

describe('acceptance', () => {
  test.each<{ name: string; objects: StoredObject[]; judged: StoredDeployment; want: string | undefined }>([
    { name: 'accepted', objects: [model()], judged: own, want: undefined },
    { name: 'no model', objects: [], judged: own, want: 'ModelNotFound: agent-1t-v2' },
    {
      name: 'more context than the model has',
      objects: [model('agent-1t-v2', undefined, { contextTokens: 96_299 })],
      judged: own,
      want: "ModelMismatch: contextTokensMean 96300 is above the model's 96299",
    },
    {
      name: 'an older deployment serves the name',
      objects: [model(), older({})],
      judged: own,
      want: 'ServedNameConflict: agent for default in us-east is served by models/older',
    },
    {
      name: 'the name in another tier',
      objects: [model(), older({ tiers: [{ name: 'flex' }] })],
      judged: own,
      want: undefined,
    },
    {
      name: 'the name in another region',
      objects: [model(), older({ regions: [{ region: 'us-west', replicas: 1 }] })],
      judged: own,
      want: undefined,
    },
    {
      name: 'no pool of the region carries the class',
      objects: [model(), pool('p0', { residency: ['eu'] })],
      judged: deployment('own', { residency: ['us'] }),
      want: 'ResidencyViolation: no pool of us-east carries us',
    },
    {
      name: 'a fallback across the border',
      objects: [model(), pool('p0'), pool('p1', { region: 'eu-west', residency: ['eu'] })],
      judged: deployment('own', {
        residency: ['us'],
        regions: [
          { region: 'us-east', replicas: 1, fallback: ['eu-west'] },
          { region: 'eu-west', replicas: 0 },
        ],
      }),
      want: 'ResidencyViolation: no pool of eu-west carries us',
    },
    {
      name: "another cell's region",
      objects: [model(), pool('p0')],
      judged: deployment('own', { residency: ['us'], regions: [{ region: 'elsewhere', replicas: 1 }] }),
      want: undefined,
    },
  ])('$name', ({ objects, judged, want }) => {
    expect(reason(objects, judged)).toBe(want);
  });

  test('a refused deployment is left out; its running replicas stay', () => {
    const world = new World(scene({ pools: [64] }));
    world.put(deployment('agent', {}));
    world.settle();
    const { meta } = world.object('ModelDeployment', 'agent');
    const next = { modelRef: { name: 'nowhere' }, regions: [{ region: 'us-east', replicas: 3 }] };
    world.put({ ...deployment('agent', next), meta: { ...meta, generation: 2 } });
    world.settle();
    expect(world.replicas().map(({ status }) => status?.phase)).toEqual(['Ready']);
    expect(world.object('ModelDeployment', 'agent').status?.conditions?.[1]).toMatchObject({
      type: 'Ready',
      reason: 'ModelNotFound',
    });
  });

  test('a deployment goes although its model has gone before it', () => {
    const world = new World(scene({ pools: [64] }));
    world.put(
      deployment(
        'agent',
        { modelRef: { name: 'nowhere' } },
        { meta: { finalizers: ['reticle.dev/drain'], deletionMs: NOW_MS } },
      ),
    );
    world.settle();
    expect(() => world.object('ModelDeployment', 'agent')).toThrow();
  });
});
