import { assert } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { errorFields } from './log-fields.ts';
import type { Logger } from './log.ts';

/** What a lifecycle can own. A function counts as its own disposal. */
export type Owned = AsyncDisposable | Disposable | (() => void | Promise<void>);

/** What a drain step is told. */
export type DrainNotice = {
  /** A constant word: `SIGTERM`, `supervisor_gone`, … */
  readonly reason: string;
  /** Milliseconds that all steps have together. */
  readonly timeLeftMs: number;
};

export type DrainStep = (notice: DrainNotice) => void | Promise<void>;

/** How an end went, by the names given to `own` and `onDrain`. */
export type LifecycleEnd = {
  readonly reason: string;
  /** Threw or rejected; already logged. */
  readonly failed: readonly string[];
  /** Had not settled at its bound; what it does afterwards is not waited for. */
  readonly unfinished: readonly string[];
};

export type LifecycleOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bound on all drain steps together (PROMISES P21: 120 s). */
  readonly drainBoundMs?: number;
  /** Bound on all disposals together; P21 allows a second past the drain bound. */
  readonly closeBoundMs?: number;
};

const DRAIN_BOUND_MS = 120_000;
const CLOSE_BOUND_MS = 500;

type Named<T> = { readonly name: string; readonly value: T };
type Outcome = { readonly failed: string[]; readonly unfinished: Set<Named<unknown>> };

/**
 * Owns what a process (or a part of one) has opened, and ends it once, in bounded time.
 *
 *     running ── drain ──▶ draining ── steps settled, or drainBound ──▶ closing ── disposed, or closeBound ──▶ ended
 *     running ── asyncDispose ───────────────────────────────────────▶ closing
 *
 * Invariants:
 * 1. Drain steps run together; disposals run one after the other, last owned first.
 * 2. Each step and each disposal is begun exactly once: at closeBound the rest are begun without waiting.
 * 3. A step or disposal that fails stops no other.
 */
export class Lifecycle implements AsyncDisposable {
  readonly #options: LifecycleOptions;
  readonly #owned: Named<Owned>[] = [];
  readonly #steps: Named<DrainStep>[] = [];
  #end: Promise<LifecycleEnd> | undefined;
  readonly #ended = Promise.withResolvers<LifecycleEnd>();
  readonly #hurry = Promise.withResolvers<void>();

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  /** True from the first `drain` or disposal on. */
  get ending(): boolean {
    return this.#end !== undefined;
  }

  /** Settles when everything is disposed or given up; never rejects. */
  get ended(): Promise<LifecycleEnd> {
    return this.#ended.promise;
  }

  /** Disposes `owned` at the end, before everything owned earlier; gives it back. A defect once ending. */
  own<T extends Owned>(name: string, owned: T): T {
    assert(!this.ending, 'nothing is opened while the lifecycle ends');
    this.#owned.push({ name, value: owned });
    return owned;
  }

  /** Runs `step` at the start of a drain: turn readiness off, tell clients, let running work finish. */
  onDrain(name: string, step: DrainStep): void {
    assert(!this.ending, 'nothing is opened while the lifecycle ends');
    this.#steps.push({ name, value: step });
  }

  /**
   * Drains, then disposes. The first call decides reason and bound; a later one only waits with it, but a
   * smaller bound given then still ends the drain sooner.
   */
  drain(reason: string, boundMs = this.#options.drainBoundMs ?? DRAIN_BOUND_MS): Promise<LifecycleEnd> {
    if (this.#end === undefined) this.#begin(reason, boundMs);
    else {
      const cancel = this.#options.clock.after(boundMs, this.#hurry.resolve);
      void this.ended.then(cancel);
    }
    return this.ended;
  }

  /** Disposes without draining (or waits for the end under way). Rejects with what failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === undefined) this.#begin('disposed', 0);
    const { failed } = await this.ended;
    if (failed.length > 0) throw new Error(`disposal failed: ${failed.join(', ')}`);
  }

  #begin(reason: string, boundMs: number): void {
    this.#end = this.#run(reason, boundMs);
    this.#end.then(this.#ended.resolve, this.#ended.reject);
  }

  async #run(reason: string, boundMs: number): Promise<LifecycleEnd> {
    const outcome: Outcome = { failed: [], unfinished: new Set() };
    if (boundMs > 0) {
      const notice: DrainNotice = { reason, timeLeftMs: boundMs };
      const steps = this.#steps.map((step) => this.#settle(step, () => step.value(notice), outcome));
      await this.#within(boundMs, Promise.all(steps), this.#hurry.promise);
    }
    await this.#close(outcome);
    const end = { reason, failed: outcome.failed, unfinished: [...outcome.unfinished].map(({ name }) => name) };
    for (const name of end.unfinished) this.#options.logger.warn('not ended at its bound', { component: name });
    return end;
  }

  async #close(outcome: Outcome): Promise<void> {
    let late = false;
    const disposeAll = async (): Promise<void> => {
      for (let owned = this.#owned.pop(); owned !== undefined; owned = this.#owned.pop()) {
        const one = owned;
        const settled = this.#settle(one, () => dispose(one.value), outcome);
        if (!late) await settled;
      }
    };
    const boundMs = this.#options.closeBoundMs ?? CLOSE_BOUND_MS;
    if (await this.#within(boundMs, disposeAll())) return;
    late = true;
    await disposeAll();
  }

  /** Runs one piece, never rejects; `unfinished` holds its name while it runs. */
  async #settle(piece: Named<unknown>, run: () => unknown, outcome: Outcome): Promise<void> {
    outcome.unfinished.add(piece);
    try {
      await run();
    } catch (error) {
      outcome.failed.push(piece.name);
      this.#options.logger.error('end of a component failed', { component: piece.name, ...errorFields(error) });
    }
    outcome.unfinished.delete(piece);
  }

  /** False when the bound passed, or `early` settled, before `work` did. */
  async #within(boundMs: number, work: Promise<unknown>, early?: Promise<void>): Promise<boolean> {
    const bound = Promise.withResolvers<boolean>();
    const cancel = this.#options.clock.after(boundMs, () => bound.resolve(false));
    early?.then(() => bound.resolve(false), bound.reject);
    work.then(() => bound.resolve(true), bound.reject);
    try {
      return await bound.promise;
    } finally {
      cancel();
    }
  }
}

function dispose(owned: Owned): void | Promise<void> | PromiseLike<void> {
  if (typeof owned === 'function') return owned();
  if (Symbol.asyncDispose in owned) return owned[Symbol.asyncDispose]();
  return owned[Symbol.dispose]();
}
