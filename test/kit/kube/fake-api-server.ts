/**
 * An API server in memory behind the `kube` port: revisions, compare-and-swap, watches with bookmarks and compaction,
 * subresources, finalizers, preconditions, ownership. It passes the suite that the real one passes
 * (`test/cluster/kube-port.suite.ts`). Schema, defaults and rules of kinds come in by a hook. All time is the clock's.
 *
 * A request is carried out when it arrives, after half of the latency, and answered after the other half; whoever gives
 * up in between does not know what came of it.
 */
import type { Clock } from '@reticle/core/flow';
import {
  failed,
  noAnswer,
  type CallOptions,
  type Kube,
  type KubeFailure,
  type KubeObject,
  type KubeResult,
  type Resource,
} from '@reticle/operator/cluster';
import { FakeObjects, type Admission } from './fake-objects.ts';
import { FakeStore, type StoredChange } from './fake-store.ts';
import { FakeWatches } from './fake-watches.ts';

export type FakeCall = {
  readonly verb: 'list' | 'get' | 'create' | 'patch' | 'delete';
  readonly resource: Resource;
  readonly name: string | undefined;
};

/**
 * What becomes of one request. `lost`: it never arrives. `lostAnswer`: it is carried out, and the caller hears of a
 * broken connection. A failure: it is refused with that.
 */
export type FakeFault = 'lost' | 'lostAnswer' | KubeFailure;

export type FakeApiServerOptions = {
  readonly clock: Clock;
  /** Round trip of a request, and the way of an event; milliseconds, default 0. */
  readonly latencyMs?: number;
  /** Schema, defaults and rules; default: everything is in order. */
  readonly admit?: Admission;
  /** Decides on each request before it arrives. */
  readonly fault?: (call: FakeCall) => FakeFault | undefined;
  /** Hears of every change, in order, as it is made. */
  readonly onChange?: (change: StoredChange) => void;
};

export class FakeApiServer implements Kube {
  readonly #options: FakeApiServerOptions;
  readonly #objects: FakeObjects;
  readonly #watches: FakeWatches;
  /** Requests that arrived while the server was frozen. */
  readonly #held = new Set<() => void>();
  #frozen = false;

  constructor(options: FakeApiServerOptions) {
    this.#options = options;
    const { clock, latencyMs = 0, onChange } = options;
    const store = new FakeStore();
    const watches = new FakeWatches({ clock, store, latencyMs });
    const admit = options.admit ?? (({ next }) => ({ object: next }));
    const changed = (change: StoredChange): void => {
      onChange?.(change);
      watches.tell(change);
    };
    this.#watches = watches;
    this.#objects = new FakeObjects({ clock, store, admit, changed });
  }

  get revision(): number {
    return this.#objects.store.revision;
  }

  /** Everything that exists, by key. */
  objects(): KubeObject[] {
    return this.#objects.store.at('', this.revision);
  }

  /** Deletes what only owners that are gone would hold, as the garbage collector does; says how many objects that was. */
  collectGarbage(): number {
    return this.#objects.collectGarbage();
  }

  /** Forgets every revision before the present one. */
  compact(): void {
    this.#objects.store.compact();
  }

  /** Nothing is carried out, answered or told until {@link thaw}; connections stay open. */
  freeze(): void {
    this.#frozen = true;
    this.#watches.pause();
  }

  thaw(): void {
    this.#frozen = false;
    this.#watches.resume();
    for (const run of this.#held) run();
    this.#held.clear();
  }

  /** Watches stay open and say nothing, while requests work: caches grow stale. */
  pauseWatches(): void {
    this.#watches.pause();
  }

  resumeWatches(): void {
    this.#watches.resume();
  }

  /** Ends every watch as a broken connection does. */
  breakWatches(): void {
    this.#watches.breakAll(noAnswer('unreachable', 'connection reset'));
  }

  list: Kube['list'] = (resource, options = {}) =>
    this.#request({ verb: 'list', resource, name: undefined }, options, () => this.#objects.list(resource, options));

  watch: Kube['watch'] = (resource, options, listener) => this.#watches.open(resource, options, listener);

  get: Kube['get'] = (resource, ref, options = {}) =>
    this.#request({ verb: 'get', resource, name: ref.name }, options, () => this.#objects.get(resource, ref));

  create: Kube['create'] = (resource, manifest, options = {}) =>
    this.#request({ verb: 'create', resource, name: manifest.metadata.name }, options, () =>
      this.#objects.create(resource, wire(manifest)),
    );

  patch: Kube['patch'] = (resource, ref, patch, options = {}) =>
    this.#request({ verb: 'patch', resource, name: ref.name }, options, () =>
      this.#objects.patch(resource, ref, { patch: wire(patch), subresource: options.subresource }),
    );

  delete: Kube['delete'] = (resource, ref, options = {}) =>
    this.#request({ verb: 'delete', resource, name: ref.name }, options, () =>
      this.#objects.delete(resource, ref, options),
    );

  #request<T>(call: FakeCall, { signal }: CallOptions, run: () => KubeResult<T>): Promise<KubeResult<T>> {
    const { clock, latencyMs = 0, fault } = this.#options;
    const answer = Promise.withResolvers<KubeResult<T>>();
    const giveUp = (): void => answer.resolve(failed(noAnswer('timeout', 'the caller gave up')));
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    const decided = fault?.(call);
    if (decided === 'lost') {
      clock.after(latencyMs, () => answer.resolve(failed(noAnswer('unreachable', 'connection reset'))));
      return answer.promise;
    }
    const arrive = (): void => {
      if (this.#frozen) return void this.#held.add(arrive);
      // What was given up before it arrived may arrive all the same: nobody takes back what was sent.
      const result = typeof decided === 'object' ? failed<T>(decided) : run();
      clock.after(latencyMs / 2, () => {
        answer.resolve(decided === 'lostAnswer' ? failed(noAnswer('unreachable', 'connection reset')) : result);
      });
    };
    clock.after(latencyMs / 2, arrive);
    return answer.promise.finally(() => signal?.removeEventListener('abort', giveUp));
  }
}

/** What arrives of a body: nothing that JSON does not hold, and nothing that the sender can still change. */
function wire<T>(body: T): T {
  return JSON.parse(JSON.stringify(body)) as T;
}
