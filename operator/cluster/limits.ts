/**
 * How fast and how long controllers may ask. One token bucket for all requests; a 429 halves its rate, which grows back
 * in steps while none comes. Invariants:
 * 1. Requests start in the order in which they were asked for.
 * 2. None starts before the time that a server's Retry-After named has passed.
 * 3. A request that has not ended in its time is aborted and answers `timeout`. Watches have no time and take no token.
 */
import type { Clock } from '@reticle/core/flow';
import { noAnswer, failed } from './failure.ts';
import { keyOf, type ObjectKey } from './object.ts';
import type { CallOptions, Kube, KubeFailure, KubeResult, ObjectRef, Resource } from './port.ts';

export type LimitsOptions = {
  readonly kube: Kube;
  readonly clock: Clock;
  /** Requests per second; default 200. */
  readonly ratePerSecond?: number;
  /** Requests that may start at once after a rest; default 400. */
  readonly burst?: number;
  /** Told of every answer; for metrics. */
  readonly onAnswer?: (answer: LimitedAnswer) => void;
};

export type Verb = 'list' | 'get' | 'create' | 'patch' | 'delete';
export type LimitedAnswer = {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly failure: KubeFailure | undefined;
  readonly ms: number;
};

const RATE_PER_SECOND = 200;
const BURST = 400;
const WAKE_MS_MIN = 1;
const REQUEST_MS_MAX = 10_000;
const LIST_MS_MAX = 60_000;
/** Floor of the halved rate, as a share of the full one, and what a second without 429 gives back. */
const RATE_SHARE_MIN = 1 / 64;
const REGROWN_SHARE_PER_SECOND = 0.05;
/** Objects whose writes are counted each; the rest is counted together. */
const COUNTED_OBJECTS_MAX = 100_000;

export class Limits implements Kube {
  readonly #options: LimitsOptions;
  readonly #ratePerSecond: number;
  readonly #burst: number;
  readonly #waiting: (() => void)[] = [];
  readonly #writes = new Map<ObjectKey, number>();
  #writesTotal = 0;
  #tokens: number;
  #filledMs: number;
  /** Present rate as a share of the full one. */
  #share = 1;
  #pausedUntilMs = -Infinity;
  #stopTimer: (() => void) | undefined;

  constructor(options: LimitsOptions) {
    this.#options = options;
    this.#ratePerSecond = options.ratePerSecond ?? RATE_PER_SECOND;
    this.#burst = options.burst ?? BURST;
    this.#tokens = this.#burst;
    this.#filledMs = options.clock.nowMs();
  }

  /** Writes that were sent, whatever came of them. */
  get writes(): number {
    return this.#writesTotal;
  }

  /** Writes sent for one object; those past the first 100,000 objects are not told apart. */
  writesOf(key: ObjectKey): number {
    return this.#writes.get(key) ?? 0;
  }

  list: Kube['list'] = (resource, options = {}) =>
    this.#run({ verb: 'list', resource, options, limitMs: LIST_MS_MAX }, (signal) =>
      this.#options.kube.list(resource, { ...options, signal }),
    );

  watch: Kube['watch'] = (resource, options, listener) => this.#options.kube.watch(resource, options, listener);

  get: Kube['get'] = (resource, ref, options = {}) =>
    this.#run({ verb: 'get', resource, options, limitMs: REQUEST_MS_MAX }, (signal) =>
      this.#options.kube.get(resource, ref, { ...options, signal }),
    );

  create: Kube['create'] = (resource, manifest, options = {}) =>
    this.#write({ verb: 'create', resource, ref: manifest.metadata, options }, (signal) =>
      this.#options.kube.create(resource, manifest, { ...options, signal }),
    );

  patch: Kube['patch'] = (resource, ref, patch, options = {}) =>
    this.#write({ verb: 'patch', resource, ref, options }, (signal) =>
      this.#options.kube.patch(resource, ref, patch, { ...options, signal }),
    );

  delete: Kube['delete'] = (resource, ref, options = {}) =>
    this.#write({ verb: 'delete', resource, ref, options }, (signal) =>
      this.#options.kube.delete(resource, ref, { ...options, signal }),
    );

  #write<T>(
    { ref, ...call }: { verb: Verb; resource: Resource; ref: ObjectRef; options: CallOptions },
    send: (signal: AbortSignal) => Promise<KubeResult<T>>,
  ): Promise<KubeResult<T>> {
    return this.#run({ ...call, limitMs: REQUEST_MS_MAX }, (signal) => {
      const key = keyOf(call.resource, ref);
      this.#writesTotal++;
      const known = this.#writes.get(key);
      if (known !== undefined || this.#writes.size < COUNTED_OBJECTS_MAX) this.#writes.set(key, (known ?? 0) + 1);
      return send(signal);
    });
  }

  /** The request's own time begins when it is sent. */
  async #run<T>(
    call: { verb: Verb; resource: Resource; options: CallOptions; limitMs: number },
    send: (signal: AbortSignal) => Promise<KubeResult<T>>,
  ): Promise<KubeResult<T>> {
    const { clock, onAnswer } = this.#options;
    const outer = call.options.signal;
    await this.#turn();
    if (outer?.aborted === true) return failed(noAnswer('timeout', 'given up before it was sent', false));
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    outer?.addEventListener('abort', stop, { once: true });
    const startedMs = clock.nowMs();
    const cancel = clock.after(call.limitMs, stop);
    const result = await send(abort.signal);
    cancel();
    outer?.removeEventListener('abort', stop);
    const failure = result.ok ? undefined : result.failure;
    if (failure?.kind === 'throttled') this.#throttled(failure);
    onAnswer?.({ verb: call.verb, resource: call.resource, failure, ms: clock.nowMs() - startedMs });
    return result;
  }

  #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#pump();
    return promise;
  }

  #pump(): void {
    const { clock } = this.#options;
    this.#fill();
    while (this.#waiting.length > 0) {
      const nowMs = clock.nowMs();
      const pausedMs = this.#pausedUntilMs - nowMs;
      if (pausedMs > 0) return this.#wake(pausedMs);
      if (this.#tokens < 1) return this.#wake(((1 - this.#tokens) * 1_000) / (this.#ratePerSecond * this.#share));
      this.#tokens--;
      this.#waiting.shift()?.();
    }
  }

  #wake(delayMs: number): void {
    this.#stopTimer?.();
    // A rest of a token by rounding would be waited for in steps that no clock can make.
    this.#stopTimer = this.#options.clock.after(Math.max(WAKE_MS_MIN, delayMs), () => {
      this.#stopTimer = undefined;
      this.#pump();
    });
  }

  #fill(): void {
    const nowMs = this.#options.clock.nowMs();
    const seconds = (nowMs - this.#filledMs) / 1_000;
    this.#filledMs = nowMs;
    this.#tokens = Math.min(this.#burst, this.#tokens + seconds * this.#ratePerSecond * this.#share);
    this.#share = Math.min(1, this.#share + seconds * REGROWN_SHARE_PER_SECOND);
  }

  #throttled({ retryAfterMs = 0 }: KubeFailure): void {
    this.#fill();
    this.#share = Math.max(RATE_SHARE_MIN, this.#share / 2);
    this.#tokens = Math.min(this.#tokens, this.#burst * this.#share);
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#options.clock.nowMs() + retryAfterMs);
  }
}
