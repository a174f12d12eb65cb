import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { changed, snapshotOf, type Facts } from '@reticle/operator/plan';
import type { KubeObject } from '@reticle/operator/cluster';
import { Store } from '../execute/store.ts';
import { labels } from '../labels.ts';
import { childFact } from './child-fact.ts';
import { nodeFact } from './node-fact.ts';
import { PendingChange } from './pending-change.ts';
import { podFact } from './pod-fact.ts';

const EMPTY: Facts = {
  nowMs: 0,
  objects: [],
  nodes: [],
  wafers: [],
  pods: [],
  children: [],
  presence: [],
  loads: [],
  scales: [],
  phases: [],
};
const NOW_MS = 1_000;

type Event = {
  readonly kind: string;
  readonly name: string;
  readonly verb: 'put' | 'delete';
  readonly variant: number;
};

/** One version of an object; variants differ in what plans look at. */
function objectOf({ kind, name, variant }: Event, revision: number): KubeObject {
  const metadata = {
    name,
    uid: `uid-${kind}-${name}-${variant > 2 ? 'again' : 'first'}`,
    resourceVersion: String(revision),
    creationTimestamp: '2026-11-22T00:00:00Z',
    generation: 1,
  };
  switch (kind) {
    case 'Node': {
      const conditions = [{ type: 'Ready', status: variant % 2 === 0 ? 'True' : 'Unknown' }];
      const status = { conditions, allocatable: { 'reticle.dev/wafer': '1' } };
      return { apiVersion: 'v1', kind, metadata, status };
    }
    case 'Pod': {
      const own = { [labels.replicaUid]: `r${variant % 2}`, [labels.epoch]: '1', [labels.stage]: `${variant}` };
      return {
        apiVersion: 'v1',
        kind,
        metadata: { ...metadata, namespace: 'models', ...(variant === 0 ? {} : { labels: own }) },
        spec: {},
        status: {},
      };
    }
    case 'Service': {
      const given = variant % 2 === 0 ? { labels: { [labels.replicaUid]: 'r0' } } : {};
      return { apiVersion: 'v1', kind, metadata: { ...metadata, namespace: 'models', ...given }, spec: {} };
    }
    default: {
      const spec = { poolRef: `p${variant % 2}`, classRef: 'wse3', slot: Number(name), rack: 'r0', nodeName: 'n0' };
      const bad = variant === 3 ? { ...spec, slot: -1 } : spec;
      return {
        apiVersion: 'reticle.dev/v1alpha1',
        kind: 'Wafer',
        metadata: { ...metadata, name: `w${name}` },
        spec: bad,
      };
    }
  }
}

function factsOf(store: Store): Facts {
  const raw = (kind: Parameters<Store['of']>[0]) =>
    store
      .of(kind)
      .values()
      .map(({ object }) => object);
  return {
    ...EMPTY,
    nowMs: NOW_MS,
    objects: store
      .of('wafer')
      .values()
      .flatMap(({ stored }) => (stored === undefined || stored.kind === 'Tenant' ? [] : [stored])),
    nodes: raw('node').map(nodeFact),
    pods: raw('pod').flatMap((pod) => podFact(pod) ?? []),
    children: raw('service').flatMap((child) => childFact(child) ?? []),
  };
}

describe('PendingChange', () => {
  const event = fc.record({
    kind: fc.constantFrom('Node', 'Pod', 'Service', 'Wafer'),
    name: fc.constantFrom('0', '1', '2'),
    verb: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
    variant: fc.integer({ min: 0, max: 4 }),
  });

  test('makes the snapshot of everything that the caches hold, however events and passes fall together', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.boolean()), { maxLength: 60 }), (steps) => {
        const store = new Store();
        const pending = new PendingChange();
        store.onChange((change) => pending.add(change));
        let snapshot = snapshotOf({ ...EMPTY, nowMs: NOW_MS });
        let revision = 1;
        for (const [each, isPass] of steps) {
          revision += 1;
          const object = objectOf(each, revision);
          const cache = store.byKind(object.kind);
          cache?.take(each.verb === 'put' ? 'modified' : 'deleted', object);
          if (isPass) snapshot = changed(snapshot, pending.take(NOW_MS));
        }
        snapshot = changed(snapshot, pending.take(NOW_MS));
        const whole = snapshotOf(factsOf(store));
        expect(snapshot.nodes).toEqual(whole.nodes);
        expect(snapshot.pods).toEqual(whole.pods);
        expect(snapshot.children).toEqual(whole.children);
        expect(snapshot.strayWafers).toEqual(whole.strayWafers);
      }),
      { numRuns: 300 },
    );
  });

  test('holds nothing once it was taken', () => {
    const store = new Store();
    const pending = new PendingChange();
    store.onChange((change) => pending.add(change));
    store.of('node').take('added', objectOf({ kind: 'Node', name: 'n', verb: 'put', variant: 0 }, 2));
    expect(pending.take(NOW_MS).nodes).toHaveLength(1);
    expect(pending.take(NOW_MS)).toMatchObject({ nodes: [], removed: { nodes: [] } });
  });
});
