import {
  apiVersionOf,
  createChild,
  deleteChild,
  resources,
  type Kube,
  type KubeManifest,
} from '@reticle/operator/cluster';
import type { StoredPool, StoredReplica, StoredWafer } from '@reticle/operator/plan';
import { withFinalizer, withoutFinalizer } from './execute/finalizer.ts';
import type { Store } from './execute/store.ts';
import { labels } from './labels.ts';
import { poolChange, type NewWafer } from './pools/pool-wafers.ts';

/** Holds a pool until its Wafers are gone. */
const WAFERS_FINALIZER = 'reticle.dev/wafers';
/** Holds a Wafer until its claim is gone. */
const CLAIM_FINALIZER = 'reticle.dev/claim';

/** Makes each pool's Wafers what its source says, and lets go of those that are gone. True when something was written. */
export async function keepPools(kube: Kube, store: Store): Promise<boolean> {
  const pools = storedOf<StoredPool>(store, 'waferPool');
  const wafers = storedOf<StoredWafer>(store, 'wafer');
  const replicas = storedOf<StoredReplica>(store, 'modelReplica');
  const nodes = store
    .of('node')
    .values()
    .map(({ object }) => ({
      name: object.metadata.name,
      labels: object.metadata.labels ?? {},
    }));
  let wrote = false;
  for (const pool of pools) {
    const own = wafers.filter(({ spec }) => spec.poolRef === pool.meta.name);
    const { create, remove } = poolChange({ pool, wafers: own, nodes, replicas });
    for (const wafer of create) wrote = (await createWafer(kube, store, pool, wafer)) || wrote;
    for (const wafer of remove) wrote = (await removeWafer(kube, store, wafer)) || wrote;
    wrote = (await holdPool(kube, store, pool, own.length)) || wrote;
  }
  for (const wafer of wafers) wrote = (await letGo(kube, store, wafer)) || wrote;
  return wrote;
}

async function createWafer(kube: Kube, store: Store, pool: StoredPool, { name, spec }: NewWafer): Promise<boolean> {
  const manifest: KubeManifest = {
    apiVersion: apiVersionOf(resources.wafer),
    kind: 'Wafer',
    metadata: {
      name,
      labels: { [labels.pool]: pool.meta.name, [labels.region]: pool.spec.region },
      finalizers: [CLAIM_FINALIZER],
    },
    spec,
  };
  const made = await createChild(kube, resources.wafer, manifest, { ownerUid: '', labels: {} });
  if (made.kind !== 'written') return false;
  store.wrote(made.object);
  return true;
}

/** A pool that is deleted stays until its last Wafer has gone. */
async function holdPool(kube: Kube, store: Store, { meta }: StoredPool, wafers: number): Promise<boolean> {
  const object = store.find('WaferPool', { name: meta.name });
  const isHeld = meta.finalizers.includes(WAFERS_FINALIZER);
  const isLeaving = meta.deletionMs !== undefined;
  if (object === undefined || isHeld === (!isLeaving || wafers > 0)) return false;
  if (!isHeld && isLeaving) return false;
  const change = isLeaving ? withoutFinalizer : withFinalizer;
  const result = await change(kube, object, WAFERS_FINALIZER);
  if (result.kind === 'written' && !isLeaving) store.wrote(result.object);
  return result.kind === 'written';
}

async function removeWafer(kube: Kube, store: Store, { meta }: StoredWafer): Promise<boolean> {
  const object = store.find('Wafer', { name: meta.name });
  return object !== undefined && (await deleteChild(kube, resources.wafer, object)) === undefined;
}

/** A deleted Wafer is gone once nobody holds it. */
async function letGo(kube: Kube, store: Store, { meta, spec }: StoredWafer): Promise<boolean> {
  if (meta.deletionMs === undefined || spec.claim !== undefined || !meta.finalizers.includes(CLAIM_FINALIZER))
    return false;
  const object = store.find('Wafer', { name: meta.name });
  return object !== undefined && (await withoutFinalizer(kube, object, CLAIM_FINALIZER)).kind === 'written';
}

function storedOf<T>(store: Store, kind: Parameters<Store['of']>[0]): T[] {
  // Sound because a cache holds objects of its own kind alone.
  return store
    .of(kind)
    .values()
    .flatMap(({ stored }) => (stored === undefined ? [] : [stored as T]));
}
