import { describe, expect, test } from '@jest/globals';
import type { Action } from '../action.ts';
import type { StoredObject } from '../facts.ts';
import { deployment, facts, fullPool, nodeOf, NOW_MS, pool, wafer } from '../plan-kit.ts';
import { PlanMemo } from '../plan-memo.ts';
import { scene } from '../scene-kit.ts';
import { snapshotOf } from '../snapshot.ts';
import { World } from '../world-kit.ts';
import { inventory } from './inventory.ts';

const statusOf = (actions: readonly Action[], name: string): Record<string, unknown> | undefined => {
  const found = actions.find(({ target }) => target.name === name);
  return found?.kind === 'setStatus' ? (found.body.status as Record<string, unknown>) : undefined;
};

describe('inventory', () => {
  test('counts of a pool add up, each wafer once', () => {
    const world = new World(scene({ pools: [44] }));
    world.put(deployment('agent', {}));
    world.settle();
    const free = world.wafers().filter(({ spec }) => spec.claim === undefined);
    const [lost, sick, closed] = free;
    if (lost === undefined || sick === undefined || closed === undefined) throw new Error('no free wafers');
    world.putNode(nodeOf(lost, { ready: false, readySinceMs: world.nowMs - 40_001 }));
    world.putNode(nodeOf(sick, { waferHealthy: false }));
    world.putNode(nodeOf(closed, { unschedulable: true }));
    const actions = inventory(world.snapshot(), new PlanMemo());
    expect(statusOf(actions, 'p00')).toMatchObject({
      counts: { total: 44, free: 19, spare: 1, claimed: 21, reserved: 0, degraded: 2, lost: 1, unknown: 0 },
      largestWindow: 20,
      stranded: 20,
      holders: [expect.stringContaining('ModelReplica/models/agent-')],
    });
    expect([lost, sick, closed].map(({ meta }) => statusOf(actions, meta.name)?.['phase'])).toEqual([
      'Lost',
      'Degraded',
      'Free',
    ]);
    const running = world.replicas()[0]?.spec.plan?.stages[0]?.wafer ?? '';
    expect(statusOf(actions, running)).toMatchObject({
      phase: 'Running',
      bootId: `boot-${running}`,
      hardwareId: running,
    });
  });

  test('at rest nothing is written, with and without a memo', () => {
    const { objects, nodes } = fullPool('p0', 4);
    const memo = new PlanMemo();
    const first = inventory(snapshotOf(facts({ objects, nodes })), memo);
    const settled = objects.map((object): StoredObject => {
      const status = statusOf(first, object.meta.name);
      return status === undefined ? object : ({ ...object, status } as StoredObject);
    });
    expect(first).toHaveLength(5);
    const snapshot = snapshotOf(facts({ objects: settled, nodes, nowMs: NOW_MS + 60_000 }));
    expect(inventory(snapshot, new PlanMemo())).toEqual([]);
    expect([inventory(snapshot, memo), inventory(snapshot, memo)]).toEqual([[], []]);
  });

  test('a lost wafer keeps the boot in which it was lost, and a slot its first hardware id', () => {
    const known = { phase: 'Free' as const, bootId: 'boot-1', hardwareId: 'hw-1' };
    const own = wafer('p0', 0, {}, { status: known });
    const node = nodeOf(own, { bootId: 'boot-2', ready: false, readySinceMs: NOW_MS - 40_001 });
    const actions = inventory(snapshotOf(facts({ objects: [pool('p0'), own], nodes: [node] })), new PlanMemo());
    expect(statusOf(actions, own.meta.name)).toMatchObject({ phase: 'Lost', bootId: 'boot-1', hardwareId: 'hw-1' });
  });

  test('a line says its longest run and how scattered its free wafers are', () => {
    const { objects, nodes } = fullPool('p0', 10, {
      fabric: { topology: 'Line' },
      service: 'Cordon',
      serviceReason: 'works',
    });
    const dead = nodes.map((node, slot) => (slot === 3 ? { ...node, waferHealthy: false } : node));
    const actions = inventory(snapshotOf(facts({ objects, nodes: dead })), new PlanMemo());
    expect(statusOf(actions, 'p0')).toMatchObject({ largestWindow: 6, fragmentationPermille: 333, stranded: 0 });
    expect(statusOf(actions, 'p0')?.['conditions']).toMatchObject([
      { type: 'Available', status: 'False', reason: 'PoolEvacuating' },
      {},
    ]);
  });
});
