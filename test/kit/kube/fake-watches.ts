import type { Clock } from '@reticle/core/flow';
import {
  refusal,
  type KubeFailure,
  type KubeObject,
  type Resource,
  type WatchEvent,
  type WatchListener,
  type WatchOptions,
} from '@reticle/operator/cluster';
import { storePrefix } from './fake-objects.ts';
import { isSelected } from './fake-selectors.ts';
import type { FakeStore, StoredChange } from './fake-store.ts';

type Watch = {
  readonly options: WatchOptions;
  readonly prefix: string;
  readonly listener: WatchListener;
  /** What is still to be said, in order. */
  readonly pending: (() => void)[];
  readonly stopTimer: () => void;
  /** Newest revision that was put into `pending`. */
  revision: number;
  over: boolean;
};

export type FakeWatchesOptions = { readonly clock: Clock; readonly store: FakeStore; readonly latencyMs: number };

/** Open watches. Each hears every change of its selection once and in order, however late. */
export class FakeWatches {
  readonly #options: FakeWatchesOptions;
  readonly #open = new Set<Watch>();
  #paused = false;

  constructor(options: FakeWatchesOptions) {
    this.#options = options;
  }

  open(resource: Resource, options: WatchOptions, listener: WatchListener): () => void {
    const { clock, store } = this.#options;
    const watch: Watch = {
      options,
      prefix: storePrefix(resource, options.namespace),
      listener,
      pending: [],
      stopTimer: clock.after(options.timeoutSeconds * 1_000, () => this.#close(watch)),
      revision: Number(options.resourceVersion),
      over: false,
    };
    this.#open.add(watch);
    if (watch.revision < store.compacted) {
      this.#say(watch, () =>
        this.#end(watch, refusal(410, { reason: 'Expired', message: 'too old resource version' })),
      );
    } else {
      for (const change of store.since(watch.revision)) this.#queue(watch, change);
    }
    return () => this.#forget(watch);
  }

  tell(change: StoredChange): void {
    for (const watch of this.#open) this.#queue(watch, change);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const watch of this.#open) this.#drain(watch);
  }

  breakAll(failure: KubeFailure): void {
    for (const watch of this.#open) this.#end(watch, failure);
  }

  #queue(watch: Watch, change: StoredChange): void {
    watch.revision = change.revision;
    if (!change.key.startsWith(watch.prefix)) return;
    const event = eventOf(watch.options, change);
    if (event !== undefined) this.#say(watch, () => watch.listener.event(event));
  }

  #say(watch: Watch, words: () => void): void {
    watch.pending.push(words);
    this.#options.clock.after(this.#options.latencyMs, () => this.#drain(watch));
  }

  #drain(watch: Watch): void {
    while (!this.#paused && !watch.over) {
      const words = watch.pending.shift();
      if (words === undefined) return;
      words();
    }
  }

  /** The server's own end: a bookmark, then nothing. It is of this moment, however late it is heard. */
  #close(watch: Watch): void {
    const resourceVersion = String(watch.revision);
    this.#say(watch, () => {
      watch.listener.event({ kind: 'bookmark', resourceVersion });
      this.#end(watch);
    });
  }

  #end(watch: Watch, failure?: KubeFailure): void {
    if (watch.over) return;
    this.#forget(watch);
    watch.listener.end(failure);
  }

  #forget(watch: Watch): void {
    watch.over = true;
    watch.stopTimer();
    this.#open.delete(watch);
  }
}

/** An object that a change brings into a selection is added to it, one that it takes out is deleted from it. */
function eventOf(options: WatchOptions, change: StoredChange): WatchEvent | undefined {
  const was = change.before !== undefined && isSelected(change.before, options);
  const is = !change.deleted && isSelected(change.object, options);
  if (!was && !is) return undefined;
  const kind = is ? (was ? 'modified' : 'added') : 'deleted';
  const object: KubeObject = change.object;
  return { kind, object };
}
