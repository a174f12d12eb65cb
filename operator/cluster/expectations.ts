import type { Clock } from '@reticle/core/flow';
import { compareVersions, keyOf, refOf, type ObjectKey } from './object.ts';
import type { Cache } from './cache.ts';
import type { Kube, KubeObject, ObjectRef, Resource } from './port.ts';

/** After this long a live read settles what the cache does not show; OPERATOR §7. */
export const EXPECTATION_MS_MAX = 30_000;

type Caches = (resource: Resource) => Pick<Cache<unknown>, 'versionOf' | 'revisionAt' | 'takeLive'>;

type Expected = {
  readonly resource: Resource;
  readonly ref: ObjectRef;
  readonly uid: string;
  /** Least version to be seen; absent: the object must be gone. */
  readonly resourceVersion?: string;
  readonly sinceMs: number;
};

/**
 * Own writes that the caches do not show yet. Whoever plans from the cache first asks here, so that a write is neither
 * repeated nor undone because its event is late.
 */
export class Expectations {
  readonly #kube: Pick<Kube, 'get'>;
  readonly #clock: Clock;
  readonly #caches: Caches;
  readonly #expected = new Map<ObjectKey, Expected>();

  constructor(options: { readonly kube: Pick<Kube, 'get'>; readonly clock: Clock; readonly caches: Caches }) {
    this.#kube = options.kube;
    this.#clock = options.clock;
    this.#caches = options.caches;
  }

  get size(): number {
    return this.#expected.size;
  }

  /** An object as the server answered our write. */
  wrote(resource: Resource, object: KubeObject): void {
    const { uid, resourceVersion } = object.metadata;
    this.#expect(resource, refOf(object), { uid, resourceVersion });
  }

  /** The server said that our delete removes this object for good. */
  removed(resource: Resource, ref: ObjectRef, uid: string): void {
    this.#expect(resource, ref, { uid });
  }

  /** True when the cache shows everything that was written to this object. */
  met(resource: Resource, ref: ObjectRef): boolean {
    const key = keyOf(resource, ref);
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    if (!this.#shows(expected)) return false;
    this.#expected.delete(key);
    return true;
  }

  /**
   * Reads live what has been expected for too long, and puts what it finds into the cache. An object that cannot be
   * read stays expected: never a guess. Resolves with the keys that are settled.
   */
  async settle(): Promise<ObjectKey[]> {
    const nowMs = this.#clock.nowMs();
    const settled: ObjectKey[] = [];
    for (const [key, expected] of this.#expected) {
      if (nowMs - expected.sinceMs < EXPECTATION_MS_MAX) continue;
      if (this.met(expected.resource, expected.ref) || (await this.#readLive(key, expected))) settled.push(key);
    }
    return settled;
  }

  #expect(resource: Resource, ref: ObjectRef, what: Pick<Expected, 'uid' | 'resourceVersion'>): void {
    const key = keyOf(resource, ref);
    this.#expected.set(key, { resource, ref, ...what, sinceMs: this.#clock.nowMs() });
  }

  #shows({ resource, ref, uid, resourceVersion }: Expected): boolean {
    const cache = this.#caches(resource);
    const cached = cache.versionOf(keyOf(resource, ref));
    if (resourceVersion === undefined) return cached?.uid !== uid;
    // A cache that is past our write and has nothing: somebody has deleted the object since.
    const shown = cached?.resourceVersion ?? cache.revisionAt(ref);
    const order = compareVersions(shown, resourceVersion);
    return order !== undefined && order >= 0;
  }

  async #readLive(key: ObjectKey, expected: Expected): Promise<boolean> {
    const { resource, ref, uid, resourceVersion } = expected;
    const live = await this.#kube.get(resource, ref);
    if (this.#expected.get(key) !== expected) return false;
    if (!live.ok && live.failure.kind !== 'notFound') return false;
    if (live.ok) this.#caches(resource).takeLive(live.value);
    // Our write is no longer there, the object is gone or reborn; or our delete did not happen: nothing to wait for.
    const ours = live.ok && live.value.metadata.uid === uid;
    if (ours && resourceVersion !== undefined && !this.#shows(expected)) return false;
    this.#expected.delete(key);
    return true;
  }
}
