import { toGeometry, toProfile } from '@reticle/operator/api';
import type { ModelGeometry, WaferProfile } from '@reticle/core/domain/wafer';
import { canonicalJson } from './digest/canonical-json.ts';
import { sha256 } from './digest/sha256.ts';
import type { StoredClass, StoredDeployment, StoredModel } from './facts.ts';
import { ChainMemo } from './shard/chain-memo.ts';

/**
 * What a planner keeps between passes: results of pure functions by their inputs. An empty one gives the same plans,
 * later. Objects are frozen, so identity stands for content.
 */
export class PlanMemo {
  readonly chains = new ChainMemo();
  readonly #geometries = new WeakMap<StoredModel, ModelGeometry>();
  readonly #profiles = new WeakMap<StoredClass, WaferProfile>();
  readonly #digests = new WeakMap<object, string>();
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
