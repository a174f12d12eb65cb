/**
 * The memory of the fake API server: every version of every object since the last compaction. Invariants:
 * 1. A write raises the one revision by one and is that object's resourceVersion.
 * 2. Nothing that was stored is ever changed; versions are frozen.
 */
import { freeze, type KubeObject } from '@reticle/operator/cluster';

/** `plural.group/namespace/name`. */
export type StoreKey = string;

export type StoredChange = {
  readonly revision: number;
  readonly key: StoreKey;
  /** The object as it is from this revision on; a deleted one as it was last, with this revision. */
  readonly object: KubeObject;
  readonly before: KubeObject | undefined;
  readonly deleted: boolean;
};

export class FakeStore {
  readonly #current = new Map<StoreKey, KubeObject>();
  #log: StoredChange[] = [];
  #revision = 1;
  #compacted = 0;

  get revision(): number {
    return this.#revision;
  }

  /** Revisions up to this one can be neither read nor watched from. */
  get compacted(): number {
    return this.#compacted;
  }

  get(key: StoreKey): KubeObject | undefined {
    return this.#current.get(key);
  }

  /** Stores an object under the next revision; `make` gets that revision as text. */
  put(key: StoreKey, make: (resourceVersion: string) => KubeObject): StoredChange {
    const object = freeze(make(String(++this.#revision)));
    const change = { revision: this.#revision, key, object, before: this.#current.get(key), deleted: false };
    this.#current.set(key, object);
    this.#log.push(change);
    return change;
  }

  remove(key: StoreKey): StoredChange | undefined {
    const before = this.#current.get(key);
    if (before === undefined) return undefined;
    const metadata = { ...before.metadata, resourceVersion: String(++this.#revision) };
    const change = { revision: this.#revision, key, object: freeze({ ...before, metadata }), before, deleted: true };
    this.#current.delete(key);
    this.#log.push(change);
    return change;
  }

  /** Objects whose key begins with `prefix`, by key, as they were at a revision that is not compacted away. */
  at(prefix: string, revision: number): KubeObject[] {
    const objects = new Map([...this.#current].filter(([key]) => key.startsWith(prefix)));
    for (let index = this.#log.length - 1; index >= 0; index--) {
      const change = this.#log[index];
      if (change === undefined || change.revision <= revision) break;
      if (!change.key.startsWith(prefix)) continue;
      if (change.before === undefined) objects.delete(change.key);
      else objects.set(change.key, change.before);
    }
    return [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Everything that exists, with its key. */
  entries(): (readonly [StoreKey, KubeObject])[] {
    return [...this.#current];
  }

  /** Every change after a revision, oldest first. */
  since(revision: number): readonly StoredChange[] {
    let from = this.#log.length;
    while (from > 0 && (this.#log[from - 1]?.revision ?? 0) > revision) from--;
    return this.#log.slice(from);
  }

  /** Forgets all history. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#log = [];
  }
}
