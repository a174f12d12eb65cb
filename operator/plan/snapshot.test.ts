import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Change, Facts, NodeFact, StoredObject } from './facts.ts';
import { deployment, facts, nodeOf, NOW_MS, pool, wafer, waferClass } from './plan-kit.ts';
import { PlanMemo } from './plan-memo.ts';
import { plan } from './plan.ts';
import { scene } from './scene-kit.ts';
import { changed, snapshotOf, type Snapshot } from './snapshot.ts';
import { World } from './world-kit.ts';

/** Everything but the identity of `layout`. */
const content = ({ layout: _layout, ...rest }: Snapshot): object => rest;
const faultsOf = (snapshot: Snapshot): readonly string[] =>
  [...snapshot.pools.values()].flatMap(({ wafers }) =>
    wafers.map(({ wafer: { meta }, fault }) => `${meta.name} ${fault ?? 'free'}`),
  );

describe('snapshot', () => {
  test('a changed snapshot is the snapshot of the changed facts', () => {
    const names = fc.constantFrom('p0', 'p1');
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('wafer' as const),
        pool: names,
        slot: fc.integer({ min: 0, max: 3 }),
        gone: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('pool' as const), pool: names, gone: fc.boolean() }),
      fc.record({
        kind: fc.constant('node' as const),
        pool: names,
        slot: fc.integer({ min: 0, max: 3 }),
        ready: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 60_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let objects = new Map<string, StoredObject>();
        let nodes = new Map<string, NodeFact>();
        let nowMs = NOW_MS;
        let snapshot = snapshotOf(facts());
        for (const each of steps) {
          let change: Omit<Change, 'nowMs'> = {};
          if (each.kind === 'time') nowMs += each.ms;
          else if (each.kind === 'node') {
            const node = nodeOf(wafer(each.pool, each.slot), { ready: each.ready, readySinceMs: nowMs });
            nodes = new Map([...nodes, [node.name, node]]);
            change = { nodes: [node] };
          } else {
            const object = each.kind === 'pool' ? pool(each.pool) : wafer(each.pool, each.slot);
            objects = new Map(objects);
            if (each.gone) objects.delete(object.meta.name);
            else objects.set(object.meta.name, object);
            change = each.gone ? { removed: { objects: [object] } } : { objects: [object] };
          }
          snapshot = changed(snapshot, { ...change, nowMs });
        }
        const whole: Facts = facts({ nowMs, objects: [...objects.values()], nodes: [...nodes.values()] });
        const anew = snapshotOf(whole);
        expect(faultsOf(snapshot)).toEqual(faultsOf(anew));
        expect(content(snapshot)).toEqual(content(anew));
      }),
      { numRuns: 200 },
    );
  });

  test('a node that stays silent makes its wafer lost when its time comes, without another word', () => {
    const own = wafer('p0', 0);
    const silent = nodeOf(own, { ready: false, readySinceMs: NOW_MS });
    const first = snapshotOf(facts({ objects: [pool('p0'), own], nodes: [silent] }));
    expect(faultsOf(first)).toEqual(['p0-w000 noCapacity']);
    expect(faultsOf(changed(first, { nowMs: NOW_MS + 40_000 }))).toEqual(['p0-w000 noCapacity']);
    expect(faultsOf(changed(first, { nowMs: NOW_MS + 40_001 }))).toEqual(['p0-w000 lost']);
  });

  test.each([
    { name: 'no node', node: undefined, want: 'unknown' },
    { name: 'another wafer came back', node: { waferId: 'other' }, want: 'mismatch' },
    { name: 'a fault', node: { waferHealthy: false }, want: 'unhealthy' },
    { name: 'too many dead tiles', node: { defectPermille: 51 }, want: 'unhealthy' },
    { name: 'as many dead tiles as may be', node: { defectPermille: 50 }, want: 'free' },
    { name: 'drained', node: { unschedulable: true }, want: 'closed' },
    { name: 'no capacity', node: { waferCapacity: 0 }, want: 'noCapacity' },
    { name: 'sound', node: {}, want: 'free' },
  ])('a wafer: $name', ({ node, want }) => {
    const own = wafer('p0', 0);
    const nodes = node === undefined ? [] : [nodeOf(own, node)];
    expect(faultsOf(snapshotOf(facts({ objects: [pool('p0'), own], nodes })))).toEqual([`p0-w000 ${want}`]);
  });

  test('burn-in counts only where a phase stands behind the pool', () => {
    const own = wafer('p0', 0);
    const nodes = [nodeOf(own, { burnedIn: false })];
    const at = (spec: object): readonly string[] =>
      faultsOf(snapshotOf(facts({ objects: [pool('p0', { ...spec }), own], nodes })));
    expect(at({})).toEqual(['p0-w000 free']);
    expect(at({ phaseRef: 'ph' })).toEqual(['p0-w000 notBurnedIn']);
  });

  test('a lost wafer comes back with a new boot alone', () => {
    const boot = (bootId: string): readonly string[] => {
      const lost = wafer('p0', 0, {}, { status: { phase: 'Lost', bootId: 'boot-1' } });
      return faultsOf(snapshotOf(facts({ objects: [pool('p0'), lost], nodes: [nodeOf(lost, { bootId })] })));
    };
    expect(boot('boot-1')).toEqual(['p0-w000 lost']);
    expect(boot('boot-2')).toEqual(['p0-w000 free']);
  });

  test('a memo that has seen the cell at rest plans a change as an empty one does', () => {
    const world = new World(scene({ pools: [43] }));
    world.put(deployment('agent', { regions: [{ region: 'us-east', replicas: 2 }] }));
    world.settle();
    let snapshot = world.snapshot();
    expect(plan(snapshot, world.memo).actions).toEqual([]);
    const bad = world.replicas()[1]?.spec.plan?.stages[3]?.wafer ?? '';
    const node = nodeOf(world.object('Wafer', bad), { waferHealthy: false });
    const deltas: Change[] = [
      { nowMs: world.nowMs + 1, objects: [waferClass({ reservePercent: 9 })] },
      { nowMs: world.nowMs + 2, nodes: [node] },
      {
        nowMs: world.nowMs + 3,
        objects: [{ ...world.object('ModelDeployment', 'agent'), spec: deployment('agent').spec }],
      },
    ];
    for (const delta of deltas) {
      snapshot = changed(snapshot, delta);
      expect(JSON.stringify(plan(snapshot, world.memo))).toBe(JSON.stringify(plan(snapshot, new PlanMemo())));
    }
    expect(plan(snapshot, world.memo).actions.map(({ kind }) => kind)).toContain('retire');
  });
});
