import type { Facts, PresenceFact } from '@reticle/operator/plan';
import type { Store } from '../execute/store.ts';
import { childFact } from './child-fact.ts';
import { nodeFact } from './node-fact.ts';
import { podFact } from './pod-fact.ts';

const ownKinds = [
  'waferClass',
  'waferPool',
  'wafer',
  'capacityPhase',
  'accessTier',
  'model',
  'modelDeployment',
  'modelReplica',
] as const;
const childKinds = ['configMap', 'service', 'podDisruptionBudget'] as const;

/** What a pass looks at beside the caches. */
export type Beside = { readonly nowMs: number; readonly presence: readonly PresenceFact[] };

/** Everything that the caches hold, as facts; objects that cannot be read are left out and left alone. */
export function factsOf(store: Store, { nowMs, presence }: Beside): Facts {
  const objects = ownKinds.flatMap((kind) =>
    store
      .of(kind)
      .values()
      .flatMap(({ stored }) => stored ?? []),
  );
  const raw = (kind: Parameters<Store['of']>[0]) =>
    store
      .of(kind)
      .values()
      .map(({ object }) => object);
  return {
    nowMs,
    objects,
    nodes: raw('node').map(nodeFact),
    wafers: [],
    pods: raw('pod').flatMap((pod) => podFact(pod) ?? []),
    children: childKinds.flatMap((kind) => raw(kind).flatMap((child) => childFact(child) ?? [])),
    presence,
    loads: [],
    scales: [],
    phases: [],
  };
}
