import { describe, expect, test } from '@jest/globals';
import { claimsOnce, scene } from './scene-kit.ts';
import { deployment, model, nodeOf, waferClass } from './plan-kit.ts';
import { PlanMemo } from './plan-memo.ts';
import { plan } from './plan.ts';
import { NODE_LOST_MS } from './pool-state.ts';
import { World } from './world-kit.ts';

const ready = (world: World): readonly string[] =>
  world
    .replicas()
    .map(
      ({ meta, spec, status }) =>
        `${meta.name.split('-').at(-1)} ${spec.plan?.pool ?? '–'} e${spec.epoch} ${status?.phase ?? ''}`,
    );
const free = (world: World): number => world.wafers().filter(({ spec }) => spec.claim === undefined).length;

describe('plan of a deployment', () => {
  test('two replicas are placed, claimed, committed, bound and ready; then nothing is left to do', () => {
    const world = new World(scene({ pools: [43] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] }));
    world.settle();
    expect(ready(world)).toEqual(['0 p00 e1 Ready', '1 p00 e1 Ready']);
    expect(free(world)).toBe(1);
    claimsOnce(world);
    expect(world.plan().actions).toEqual([]);
    const { status } = world.object('ModelDeployment', 'agent');
    expect(status?.regionsText).toBe('us-east 2/2');
    expect(status?.conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`)).toEqual([
      'Accepted True AsExpected',
      'Ready True AllReplicasReady',
      'Available True AsExpected',
      'Progressing True AsExpected',
    ]);
    const [stage] = world.replicas()[0]?.spec.plan?.stages ?? [];
    expect(stage).toMatchObject({ firstLayer: 0, weightBytes: 13_152_290_240, waferEpoch: 1 });
  });

  test('the same snapshot gives the same bytes, whatever the order of its facts or the age of the memo', () => {
    const world = new World(scene({ pools: [43, 22] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 3 }] }));
    for (let pass = 0; pass < 6; pass += 1) {
      const again = plan(world.snapshot(), new PlanMemo());
      expect(JSON.stringify(again)).toBe(JSON.stringify(world.plan()));
      world.pass();
    }
  });

  test('too few wafers: one chain whole, one none, and the loser says why', () => {
    const world = new World(scene({ pools: [42] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] }));
    world.settle();
    expect(ready(world)).toEqual(['0 p00 e1 Ready', '1 – e0 NoFit']);
    expect(world.replicas()[1]?.status?.diagnostics).toEqual([
      { code: 'SparesShort', subject: 'p00', detail: 'SparesShort p00: need 1 spares, have 0' },
    ]);
    expect(free(world)).toBe(21);
    expect(world.object('ModelDeployment', 'agent').status?.conditions?.[1]).toMatchObject({
      status: 'False',
      reason: 'NoFit',
    });
  });

  test('a new revision replaces each chain, make before break', () => {
    const world = new World(scene({ pools: [64] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] }));
    world.settle();
    const before = world.replicas().map(({ meta }) => meta.name);
    const { meta } = world.object('ModelDeployment', 'agent');
    const next = {
      shape: { contextTokensMean: 96_300, streams: 29, wafers: 21 },
      regions: [{ region: 'us-east', replicas: 2 }],
    };
    world.put({ ...deployment('agent', next), meta: { ...meta, generation: 2 } });
    let least = Infinity;
    for (let pass = 0; pass < 120; pass += 1) {
      world.pass();
      world.wait(5_000);
      least = Math.min(least, world.replicas().filter(({ status }) => status?.phase === 'Ready').length);
      claimsOnce(world);
    }
    expect(least).toBe(2);
    expect(world.replicas()).toHaveLength(2);
    expect(world.replicas().some(({ meta: { name } }) => before.includes(name))).toBe(false);
    expect(world.plan().actions).toEqual([]);
  });

  test('scaling, tiers and rollout settings roll nothing', () => {
    const world = new World(scene({ pools: [64] }));
    world.put(deployment('agent', {}));
    world.settle();
    const revision = world.replicas()[0]?.spec.revision;
    const { meta } = world.object('ModelDeployment', 'agent');
    const next = {
      regions: [{ region: 'us-east', replicas: 2 }],
      tiers: [{ name: 'flex' }],
      rollout: { bakeSeconds: 1 },
    };
    world.put({ ...deployment('agent', next), meta: { ...meta, generation: 2 } });
    world.settle();
    expect(world.replicas().map(({ spec }) => spec.revision)).toEqual([revision, revision]);
  });

  test('a lost wafer is swapped for a spare; the stage index is kept and the epoch rises', () => {
    const world = new World(scene({ pools: [22] }));
    world.put(deployment('agent', {}));
    world.settle();
    const bad = world.replicas()[0]?.spec.plan?.stages[5]?.wafer ?? '';
    const wafer = world.object('Wafer', bad);
    world.putNode(nodeOf(wafer, { ready: false, readySinceMs: world.nowMs }));
    world.wait(40_001);
    world.settle();
    expect(ready(world)).toEqual(['0 p00 e2 Ready']);
    const stages = world.replicas()[0]?.spec.plan?.stages ?? [];
    expect(stages.map(({ wafer: name }) => name)).not.toContain(bad);
    expect(stages).toHaveLength(21);
    expect(world.log.filter((line) => line.includes('Repairing')).length).toBeGreaterThan(0);
    claimsOnce(world);
  });

  test('a failed pod gets the same wafers at the next epoch, until the attempts are spent', () => {
    const world = new World(scene({ pools: [44] }));
    world.put(deployment('agent', {}));
    world.settle();
    const wafers = (): readonly unknown[] => world.replicas()[0]?.spec.plan?.stages.map(({ wafer }) => wafer) ?? [];
    const before = wafers();
    for (const epoch of [2, 3]) {
      world.failPod(world.pods().find(({ stage }) => stage === 3)?.name ?? '');
      world.settle(world.nowMs + 1_000);
      expect(world.replicas()[0]?.spec.epoch).toBe(epoch);
      expect(wafers()).toEqual(before);
    }
    world.failPod(world.pods().find(({ stage }) => stage === 3)?.name ?? '');
    world.settle(world.nowMs + 1_000);
    expect(ready(world)).toEqual(['0 p00 e4 Ready']);
  });

  test('a drained node moves its chain: the new one is ready before the old one is cordoned', () => {
    const world = new World(scene({ pools: [22, 22] }));
    world.put(deployment('agent', {}));
    world.settle();
    const on = world.replicas()[0]?.spec.plan;
    const name = on?.stages[0]?.wafer ?? '';
    world.putNode(nodeOf(world.object('Wafer', name), { unschedulable: true }));
    let least = Infinity;
    for (let pass = 0; pass < 60; pass += 1) {
      world.pass();
      world.wait(5_000);
      least = Math.min(
        least,
        world.replicas().filter(({ spec, status }) => spec.desired === 'Run' && status?.phase === 'Ready').length,
      );
    }
    expect(least).toBe(1);
    expect(world.replicas()).toHaveLength(1);
    expect(world.replicas()[0]?.spec.plan?.pool).not.toBe(on?.pool);
  });

  test('a deleted deployment drains, and every wafer is free', () => {
    const world = new World(scene({ pools: [43] }));
    world.put(
      deployment(
        'agent',
        { regions: [{ region: 'us-east', replicas: 2 }] },
        { meta: { finalizers: ['reticle.dev/drain'] } },
      ),
    );
    world.settle();
    for (const { meta } of world.replicas()) world.sessions.set(meta.uid, 5);
    const gone = world.object('ModelDeployment', 'agent');
    world.put({ ...gone, meta: { ...gone.meta, deletionMs: world.nowMs } });
    world.settle();
    expect(world.replicas()).toEqual([]);
    expect(free(world)).toBe(43);
    expect(() => world.object('ModelDeployment', 'agent')).toThrow();
    expect(world.pods()).toEqual([]);
  });

  test('no word from the engine costs the whole bound, and the bound holds', () => {
    const world = new World(scene({ pools: [22] }));
    world.put(deployment('agent', { drain: { timeoutSeconds: 60, parkSeconds: 10 } }));
    world.settle();
    world.speaks = false;
    world.drains = false;
    world.wait(6_000);
    const startMs = world.nowMs;
    const { meta } = world.object('ModelDeployment', 'agent');
    world.put({
      ...deployment('agent', {
        regions: [{ region: 'us-east', replicas: 0 }],
        drain: { timeoutSeconds: 60, parkSeconds: 10 },
      }),
      meta,
    });
    const [replica] = world.replicas();
    world.sessions.set(replica?.meta.uid ?? '', 3);
    world.settle();
    expect(world.replicas()).toEqual([]);
    expect(world.nowMs - startMs).toBe(2_000 + 60_000 + 10_000);
  });

  test('a model that is not there is named, and nothing is created', () => {
    const world = new World({ objects: [waferClass()] });
    world.put(deployment('agent', { modelRef: { name: 'nowhere' } }));
    world.settle();
    expect(world.replicas()).toEqual([]);
    expect(world.object('ModelDeployment', 'agent').status?.conditions?.[0]).toMatchObject({
      type: 'Accepted',
      status: 'False',
      reason: 'ModelNotFound',
    });
    world.put(model('nowhere'));
    world.settle();
    expect(world.plan().findings).toMatchObject([{ kind: 'noFit', diagnostics: [{ code: 'NoPoolInRegion' }] }]);
  });

  test('a node that falls silent is looked at again when it counts as lost, though no event says so', () => {
    const world = new World(scene({ pools: [22] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 1 }] }));
    world.settle();
    const wafer = world.wafers().find(({ spec }) => spec.claim === undefined);
    if (wafer !== undefined) world.putNode(nodeOf(wafer, { ready: false, readySinceMs: world.nowMs }));
    expect(world.plan().wakeAtMs).toBe(world.nowMs + NODE_LOST_MS + 1);
  });

  test('children that somebody deletes under a running chain are made again', () => {
    const world = new World(scene({ pools: [22] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 1 }] }));
    world.settle();
    const name = world.replicas()[0]?.meta.name ?? '';
    world.take(name);
    world.take(`${name}-1`);
    const made = world.pass().map(({ kind, body }) => `${kind} ${'child' in body ? body.child : ''}`);
    expect(made).toEqual(['createChild ConfigMap', 'createChild Service', 'createChild PodDisruptionBudget']);
    expect(world.plan().actions).toEqual([]);
  });

  test('a pod that is gone before its chain was ever ready is missed once the reservation is over', () => {
    const world = new World(scene({ pools: [22] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 1 }] }));
    const stuck = (): string | undefined => world.pods().find(({ stage }) => stage === 3)?.name;
    while (stuck() === undefined) world.pass();
    world.stuck.add(stuck() ?? '');
    while (world.pods().some(({ gates }) => gates.length > 0)) world.pass();
    world.take(stuck() ?? '');
    expect(world.plan().actions.filter(({ kind }) => kind === 'retire')).toEqual([]);
    world.settle();
    expect(ready(world)).toEqual(['0 p00 e2 Ready']);
  });

  test('what an earlier epoch left is stopped and given back', () => {
    const world = new World(scene({ pools: [43] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 1 }] }));
    world.settle();
    world.failPod(world.pods()[0]?.name ?? '');
    world.settle();
    expect(ready(world)).toEqual(['0 p00 e2 Ready']);
    const [pod] = world.pods();
    const claimed = world.wafers().find(({ spec }) => spec.claim?.stage === 0);
    const spare = world.wafers().find(({ spec }) => spec.claim === undefined);
    if (pod === undefined || spare === undefined || claimed?.spec.claim === undefined)
      throw new Error('a running chain');
    world.leave({ ...pod, uid: 'left', name: 'left', epoch: 1 });
    world.put({ ...spare, spec: { ...spare.spec, claim: { ...claimed.spec.claim, replicaEpoch: 1 } } });
    const done = world.plan().actions.map(({ kind, target }) => `${kind} ${target.name}`);
    expect(done).toEqual([`release ${spare.meta.name}`, expect.stringMatching(/^stopPods /), 'setStatus agent']);
  });

  test('an engine without wafers needs no pool', () => {
    const world = new World({ objects: [model()] });
    world.put(deployment('host', { engine: { driver: 'Llama' } }));
    world.settle();
    expect(ready(world)).toEqual(['0 – e1 Ready']);
  });
});
