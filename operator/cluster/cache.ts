import { assert } from '@reticle/core/domain';
import { compareVersions, keyOf, refOf, refOfKey, type ObjectKey } from './object.ts';
import type { KubeObject, ObjectRef, Resource } from './port.ts';

/** One difference that a cache took in. `value` is the last one known for a removed object. */
export type CacheChange<T> = {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly key: ObjectKey;
  readonly value: T;
  readonly before?: T;
};

export type CacheOptions<T, I extends string = never> = {
  readonly resource: Resource;
  /** What is kept of an object; runs once per version and must not throw. */
  readonly read: (object: KubeObject) => T;
  /** Names under which an object is found besides its key: a node, a pool, an owner's uid. */
  readonly indexes?: Readonly<Record<I, (value: T) => readonly string[]>>;
};

/** What is cached for a key, as far as versions go. */
export type CachedVersion = { readonly uid: string; readonly resourceVersion: string };

type Entry<T> = CachedVersion & { readonly value: T };
type Index<T> = { readonly of: (value: T) => readonly string[]; readonly keys: Map<string, Set<ObjectKey>> };

/**
 * The last known objects of one resource. Invariants:
 * 1. An object never goes back: an event or a live read of an older version changes nothing.
 * 2. A live read brings back no object whose removal was already seen.
 * 3. A listener hears exactly the differences, after the cache holds them.
 */
export class Cache<T, I extends string = never> {
  readonly resource: Resource;
  readonly #read: (object: KubeObject) => T;
  readonly #entries = new Map<ObjectKey, Entry<T>>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  readonly #listeners = new Set<(change: CacheChange<T>) => void>();
  /** By scope: a namespace that a reflector reads alone, or empty for a reflector of all. */
  readonly #revisions = new Map<string, string>();

  constructor(options: CacheOptions<T, I>) {
    this.resource = options.resource;
    this.#read = options.read;
    const indexes = Object.entries<(value: T) => readonly string[]>(options.indexes ?? {});
    this.#indexes = new Map(indexes.map(([name, of]) => [name, { of, keys: new Map<string, Set<ObjectKey>>() }]));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Newest revision of the server that is taken in for this object's place, whether or not it exists; '0' before any. */
  revisionAt(ref: ObjectRef): string {
    return this.#revisions.get(ref.namespace ?? '') ?? this.#revisions.get('') ?? '0';
  }

  get(key: ObjectKey): T | undefined {
    return this.#entries.get(key)?.value;
  }

  versionOf(key: ObjectKey): CachedVersion | undefined {
    return this.#entries.get(key);
  }

  values(): T[] {
    return Array.from(this.#entries.values(), ({ value }) => value);
  }

  keys(): ObjectKey[] {
    return [...this.#entries.keys()];
  }

  /** Objects that an index files under `name`. */
  byIndex(index: I, name: string): T[] {
    const keys = this.#indexes.get(index)?.keys.get(name) ?? [];
    return Array.from(keys, (key) => {
      const entry = this.#entries.get(key);
      assert(entry !== undefined, 'an index names cached objects alone');
      return entry.value;
    });
  }

  /** The returned function stops it. */
  onChange(listener: (change: CacheChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes a whole list of a scope (a namespace, or empty for all): adds, changes and removes by difference. */
  replace(objects: readonly KubeObject[], revision: string, scope = ''): void {
    const all = [...this.#entries.keys()];
    const gone = new Set(scope === '' ? all : all.filter((key) => refOfKey(key).namespace === scope));
    this.#advance(scope, revision);
    for (const object of objects) {
      gone.delete(this.#keyOf(object));
      this.#store(object);
    }
    for (const key of gone) this.#drop(key);
  }

  /** Takes an event of a scope's watch. */
  take(kind: 'added' | 'modified' | 'deleted', object: KubeObject, scope = ''): void {
    this.#advance(scope, object.metadata.resourceVersion);
    if (kind !== 'deleted') return this.#store(object);
    const key = this.#keyOf(object);
    const known = this.#entries.get(key);
    if (known !== undefined && !isOlder(object.metadata.resourceVersion, known.resourceVersion)) this.#drop(key);
  }

  bookmark(revision: string, scope = ''): void {
    this.#advance(scope, revision);
  }

  /** Forgets a namespace that is read no more. */
  dropScope(scope: string): void {
    this.replace([], this.#revisions.get(scope) ?? '0', scope);
    this.#revisions.delete(scope);
  }

  /** Takes an object that was read or written live, ahead of the watch. */
  takeLive(object: KubeObject): void {
    const known = this.#entries.has(this.#keyOf(object));
    const past = (compareVersions(object.metadata.resourceVersion, this.revisionAt(refOf(object))) ?? 1) <= 0;
    if (known || !past) this.#store(object);
  }

  #keyOf(object: KubeObject): ObjectKey {
    return keyOf(this.resource, refOf(object));
  }

  #advance(scope: string, revision: string): void {
    if (isOlder(this.#revisions.get(scope) ?? '0', revision)) this.#revisions.set(scope, revision);
  }

  #store(object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    const key = this.#keyOf(object);
    const known = this.#entries.get(key);
    if (known?.resourceVersion === resourceVersion) return;
    if (known !== undefined && isOlder(resourceVersion, known.resourceVersion)) return;
    const value = this.#read(object);
    if (known !== undefined) this.#unfile(key, known.value);
    this.#entries.set(key, { uid, resourceVersion, value });
    for (const { of, keys } of this.#indexes.values()) {
      for (const name of of(value)) {
        const filed = keys.get(name);
        if (filed === undefined) keys.set(name, new Set([key]));
        else filed.add(key);
      }
    }
    if (known === undefined) this.#tell({ kind: 'added', key, value });
    else this.#tell({ kind: 'changed', key, value, before: known.value });
  }

  #drop(key: ObjectKey): void {
    const known = this.#entries.get(key);
    assert(known !== undefined, 'only what is cached is dropped');
    this.#unfile(key, known.value);
    this.#entries.delete(key);
    this.#tell({ kind: 'removed', key, value: known.value });
  }

  #unfile(key: ObjectKey, value: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const name of of(value)) {
        const filed = keys.get(name);
        filed?.delete(key);
        if (filed?.size === 0) keys.delete(name);
      }
    }
  }

  #tell(change: CacheChange<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Versions without an order count as newer: the server sends events in order. */
function isOlder(a: string, b: string): boolean {
  return (compareVersions(a, b) ?? 1) < 0;
}
