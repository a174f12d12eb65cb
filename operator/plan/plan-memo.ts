import { toGeometry, toProfile } from '@reticle/operator/api';
import type { ModelGeometry, WaferProfile } from '@reticle/core/domain/wafer';
import { canonicalJson } from './digest/canonical-json.ts';
import { sha256 } from './digest/sha256.ts';
import type { StoredClass, StoredDeployment, StoredModel, StoredReplica } from './facts.ts';
import type { PoolState } from './pool-state.ts';
import type { RestingPool } from './inventory/inventory.ts';
import type { PoolFilter } from './place/pool-filter.ts';
import { phaseCounts, type PhaseCounts } from './phase/phase-counts.ts';
import type { RestingPart } from './plan-part.ts';
import { heldIn, type HeldWafer } from './replica-view.ts';
import { ChainMemo } from './shard/chain-memo.ts';

const INVENTORY_LETTERS = 12;
/** Distinct inputs that are remembered; a cell has tens. */
const INPUTS_MAX = 1_024;
/** Deployments times regions that are remembered. */
const FILTERS_MAX = 4_096;

/**
 * What a planner keeps between passes: results of pure functions by their inputs. An empty one gives the same plans,
 * later. Objects are frozen, so identity stands for content.
 */
export class PlanMemo {
  readonly chains = new ChainMemo();
  readonly #geometries = new WeakMap<StoredModel, ModelGeometry>();
  readonly #profiles = new WeakMap<StoredClass, WaferProfile>();
  readonly #digests = new WeakMap<object, string>();
  readonly #inventories = new WeakMap<PoolState, string>();
  readonly #held = new WeakMap<PoolState, ReadonlyMap<string, readonly HeldWafer[]>>();
  readonly #phases = new WeakMap<PoolState, ReadonlyMap<string, PhaseCounts>>();
  readonly #restingPools = new WeakMap<PoolState, RestingPool>();
  readonly #filters = new Map<string, { readonly basis: readonly unknown[]; readonly filter: PoolFilter }>();
  readonly #resting = new Map<string, RestingPart>();
  readonly #inputs = new Map<string, string>();
  readonly #revisions = new WeakMap<StoredDeployment, { readonly model: string; readonly revision: string }>();

  geometry(model: StoredModel): ModelGeometry {
    return recall(this.#geometries, model, () => toGeometry(model));
  }

  profile(waferClass: StoredClass): WaferProfile {
    return recall(this.#profiles, waferClass, () => toProfile(waferClass));
  }

  /** SHA-256 of the value's canonical JSON. */
  digest(value: object): string {
    return recall(this.#digests, value, () => sha256(canonicalJson(value)));
  }

  /** Names the wafers of a pool, and who has them, that a plan was made from. */
  inventoryRevision(pool: PoolState): string {
    return recall(this.#inventories, pool, () => {
      const seen = pool.wafers.map(({ wafer: { meta, spec }, fault = '' }) => {
        return `${meta.name}@${spec.epoch}${spec.claim?.uid ?? ''}${fault}`;
      });
      return sha256(seen.join(' ')).slice('sha256:'.length, 'sha256:'.length + INVENTORY_LETTERS);
    });
  }

  /** The digest of a replica's inputs; replicas of one deployment have the same text. */
  inputsDigest(inputs: StoredReplica['spec']['inputs']): string {
    const text = JSON.stringify(inputs);
    const known = this.#inputs.get(text);
    if (known !== undefined) return known;
    const digest = sha256(canonicalJson(inputs));
    if (this.#inputs.size >= INPUTS_MAX) this.#inputs.clear();
    this.#inputs.set(text, digest);
    return digest;
  }

  /** Claimed wafers of a pool by their holder. */
  held(pool: PoolState): ReadonlyMap<string, readonly HeldWafer[]> {
    return recall(this.#held, pool, () => heldIn(pool));
  }

  /** Wafers of a pool by the phase that they belong to. */
  phaseCounts(pool: PoolState): ReadonlyMap<string, PhaseCounts> {
    return recall(this.#phases, pool, () => phaseCounts(pool));
  }

  /** What is remembered of a pool whose statuses needed no write. */
  restingPool(pool: PoolState): RestingPool | undefined {
    return this.#restingPools.get(pool);
  }

  restPool(pool: PoolState, resting: RestingPool): void {
    this.#restingPools.set(pool, resting);
  }

  /** What is remembered of a deployment that had nothing to do, by its uid. */
  resting(uid: string): RestingPart | undefined {
    return this.#resting.get(uid);
  }

  rest(uid: string, resting: RestingPart | undefined): void {
    if (resting === undefined) this.#resting.delete(uid);
    else this.#resting.set(uid, resting);
  }

  /** The filter of a deployment's region, while what it was made from is the same. */
  filter(key: string, basis: readonly unknown[], make: () => PoolFilter): PoolFilter {
    const known = this.#filters.get(key);
    if (known !== undefined && basis.every((value, index) => value === known.basis[index])) return known.filter;
    if (this.#filters.size >= FILTERS_MAX) this.#filters.clear();
    const filter = make();
    this.#filters.set(key, { basis, filter });
    return filter;
  }

  /** Forgets deployments that are gone. */
  forget(exists: (uid: string) => boolean): void {
    for (const uid of this.#resting.keys()) if (!exists(uid)) this.#resting.delete(uid);
  }

  /** The revision of a deployment on a model digest. */
  revision(deployment: StoredDeployment, modelDigest: string, make: () => string): string {
    const known = this.#revisions.get(deployment);
    if (known?.model === modelDigest) return known.revision;
    const revision = make();
    this.#revisions.set(deployment, { model: modelDigest, revision });
    return revision;
  }
}

function recall<K extends object, V>(memo: WeakMap<K, V>, key: K, make: () => V): V {
  const known = memo.get(key);
  if (known !== undefined) return known;
  const value = make();
  memo.set(key, value);
  return value;
}
