/**
 * Keeps a cache equal to the server's objects of one resource: list, then watch, for ever.
 *
 *     listing  → watching     the last page came
 *     watching → watching     the server ended the watch: on from the last revision
 *     watching → listing      the revision was compacted away, or nothing was heard for too long, or a relist is due
 *     any      → waiting      any other failure: backoff, then the same again
 *
 * Invariants:
 * 1. One list or one watch at a time; what a stopped one still says is not heard.
 * 2. The revision to watch from is the newest that the cache holds, so that a gap is impossible without `expired`.
 * 3. Freshness is monotonic time since the start of the last whole list, or the last event or bookmark.
 */
import type { Clock, Random } from '@reticle/core/flow';
import { Backoff } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import type { Cache } from './cache.ts';
import type { Kube, KubeFailure, KubeObject, WatchEvent } from './port.ts';

/** Constants of OPERATOR §7. */
const PAGE_OBJECTS = 500;
const WATCH_SECONDS = 25;
const STALE_MS = 40_000;
const RELIST_MS = 600_000;
const RELIST_SPREAD = 0.2;
const BACKOFF_BASE_MS = 200;
const BACKOFF_CAP_MS = 30_000;
/** A watch that the server ends sooner, with nothing said, is tried again after a backoff only. */
const WATCH_MS_MIN = 1_000;

/** The parts of a cache that a reflector fills. */
type Sink = Pick<Cache<unknown>, 'resource' | 'replace' | 'take' | 'bookmark'>;

export type ReflectorOptions = {
  readonly kube: Pick<Kube, 'list' | 'watch'>;
  readonly cache: Sink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Absent: every namespace. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  /** Tells each change of {@link Reflector.fresh}. */
  readonly onFreshness?: (fresh: boolean) => void;
};

export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  /** Ends the list, watch or wait in progress. */
  #stopStep: (() => void) | undefined;
  #stopStale: (() => void) | undefined;
  #stopRelist: (() => void) | undefined;
  #listing = false;
  #running = false;
  #fresh = false;
  #heardMs: number;
  #revision = '';

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ random: options.random, baseMs: BACKOFF_BASE_MS, capMs: BACKOFF_CAP_MS });
    this.#heardMs = options.clock.nowMs();
  }

  /** True after a first whole list, while the server was heard within the last 40 s. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Time since the cache was last known to be current, milliseconds. */
  get ageMs(): number {
    return this.#options.clock.nowMs() - this.#heardMs;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#heardMs = this.#options.clock.nowMs();
    this.#armStale(STALE_MS);
    this.#list();
  }

  stop(): void {
    this.#running = false;
    this.#setFresh(false);
    for (const stop of [this.#stopStep, this.#stopStale, this.#stopRelist]) stop?.();
    this.#stopStep = this.#stopStale = this.#stopRelist = undefined;
  }

  #list(): void {
    const abort = new AbortController();
    this.#begin(() => abort.abort());
    this.#listing = true;
    this.#stopRelist?.();
    void this.#listPages(abort.signal);
  }

  async #listPages(signal: AbortSignal): Promise<void> {
    const { kube, cache, clock, namespace, labelSelector } = this.#options;
    const startedMs = clock.nowMs();
    const objects: KubeObject[] = [];
    let continueToken: string | undefined;
    do {
      const page = await kube.list(cache.resource, {
        limit: PAGE_OBJECTS,
        signal,
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(continueToken === undefined ? {} : { continueToken }),
      });
      if (signal.aborted) return;
      if (!page.ok) return this.#wait('list', page.failure, () => this.#list());
      for (const object of page.value.items) objects.push(object);
      continueToken = page.value.continueToken;
      this.#revision = page.value.resourceVersion;
    } while (continueToken !== undefined);
    cache.replace(objects, this.#revision, this.#options.namespace);
    this.#heard(startedMs);
    this.#backoff.reset();
    this.#armRelist();
    this.#watch();
  }

  #watch(): void {
    const { kube, cache, clock, namespace, labelSelector } = this.#options;
    const startedMs = clock.nowMs();
    let live = true;
    let heard = false;
    const options = {
      resourceVersion: this.#revision,
      timeoutSeconds: WATCH_SECONDS,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
    };
    const stop = kube.watch(cache.resource, options, {
      event: (event) => {
        if (!live) return;
        heard = true;
        this.#take(event);
      },
      end: (failure) => {
        if (!live) return;
        live = false;
        const again = (): void => this.#watch();
        if (failure?.kind === 'expired') return this.#list();
        if (failure !== undefined) return this.#wait('watch', failure, again);
        if (heard || clock.nowMs() - startedMs >= WATCH_MS_MIN) return again();
        this.#wait('watch', undefined, again);
      },
    });
    this.#begin(() => {
      live = false;
      stop();
    });
  }

  #take(event: WatchEvent): void {
    const { cache, clock, namespace } = this.#options;
    if (event.kind === 'bookmark') {
      this.#revision = event.resourceVersion;
      cache.bookmark(event.resourceVersion, namespace);
    } else {
      this.#revision = event.object.metadata.resourceVersion;
      cache.take(event.kind, event.object, namespace);
    }
    this.#heard(clock.nowMs());
    this.#backoff.reset();
  }

  #wait(method: 'list' | 'watch', failure: KubeFailure | undefined, then: () => void): void {
    const { clock, cache, log } = this.#options;
    const ms = Math.max(this.#backoff.nextMs(), failure?.retryAfterMs ?? 0);
    if (failure !== undefined) {
      log.debug('reading the API server failed', {
        kind: cache.resource.kind,
        method,
        reason: failure.kind,
        status: failure.status,
        ms: Math.round(ms),
      });
    }
    this.#begin(clock.after(ms, then));
  }

  /** Ends the step before and remembers how to end this one. */
  #begin(stop: () => void): void {
    const before = this.#stopStep;
    this.#listing = false;
    this.#stopStep = stop;
    before?.();
    if (!this.#running) {
      this.#stopStep = undefined;
      stop();
    }
  }

  #heard(atMs: number): void {
    if (!this.#running) return;
    this.#heardMs = Math.max(this.#heardMs, atMs);
    this.#setFresh(this.ageMs <= STALE_MS);
  }

  #setFresh(fresh: boolean): void {
    if (fresh === this.#fresh) return;
    this.#fresh = fresh;
    this.#options.onFreshness?.(fresh);
  }

  /** The clock that catches silence: a watch that is open and says nothing. */
  #armStale(delayMs: number): void {
    this.#stopStale = this.#options.clock.after(delayMs, () => {
      const leftMs = STALE_MS - this.ageMs;
      if (leftMs >= 0) return this.#armStale(leftMs + 1);
      const { cache, log } = this.#options;
      if (this.#fresh) log.warn('the cache is stale', { kind: cache.resource.kind, ms: Math.round(this.ageMs) });
      this.#setFresh(false);
      this.#armStale(STALE_MS);
      // A list in progress has its own bound, and a slow one is not made faster by beginning again.
      if (!this.#listing) this.#list();
    });
  }

  #armRelist(): void {
    const { clock, random } = this.#options;
    const ms = RELIST_MS * (1 + RELIST_SPREAD * (2 * random.unit() - 1));
    this.#stopRelist?.();
    this.#stopRelist = clock.after(ms, () => this.#list());
  }
}
