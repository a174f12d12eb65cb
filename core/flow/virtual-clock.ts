import { assert } from '@reticle/core/domain';
import type { Clock } from './clock.ts';

/** Callbacks that may run at one instant before it is taken for a timer that re-arms itself with delay 0. */
const INSTANT_CALLBACKS_MAX = 1_000_000;

type Timer = { readonly dueMs: number; readonly order: number; readonly callback: () => void };

export type VirtualClockOptions = {
  /** Monotonic start; only differences mean anything. Default 0. */
  readonly nowMs?: number;
  /** Wall time at the start, Unix milliseconds. Default 2026-01-01T00:00:00Z. */
  readonly wallMs?: number;
};

/**
 * A clock that moves only when it is told to. Timers run in order of (due time, insertion), with `nowMs` set
 * to each timer's due time, so that a run is a function of its inputs.
 *
 * Invariants:
 * 1. `nowMs` never goes back.
 * 2. No timer runs inside `after`, not even with delay 0; none runs twice, none after its cancel.
 * 3. A timer that a callback adds runs in the same `advance` when it is due within it.
 */
export class VirtualClock implements Clock {
  /** Latest first, so that the next timer is popped from the end. */
  readonly #timers: Timer[] = [];
  #nowMs: number;
  #wallOffsetMs: number;
  #order = 0;
  #running = false;

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.nowMs ?? 0;
    this.#wallOffsetMs = (options.wallMs ?? 1_767_225_600_000) - this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Moves wall time alone, forwards or back: a clock jump. Timers do not notice. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** A delay below 0 counts as 0. */
  after(delayMs: number, callback: () => void): () => void {
    assert(Number.isFinite(delayMs), 'a timer has a finite delay');
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.splice(this.#position(timer), 0, timer);
    return () => {
      const at = this.#position(timer);
      if (this.#timers[at] === timer) this.#timers.splice(at, 1);
    };
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Monotonic time at which the next timer is due; undefined when none is armed. */
  get nextMs(): number | undefined {
    return this.#timers.at(-1)?.dueMs;
  }

  /**
   * Moves to the next timer and runs it alone; false when none is armed. A simulation that has promises
   * in flight drains microtasks between two steps.
   */
  step(): boolean {
    assert(!this.#running, 'a timer callback does not move the clock');
    const timer = this.#timers.pop();
    if (timer === undefined) return false;
    this.#nowMs = timer.dueMs;
    this.#running = true;
    try {
      timer.callback();
    } finally {
      this.#running = false;
    }
    return true;
  }

  /** Moves time on by `ms` and runs every timer that is due on the way. */
  advance(ms: number): void {
    assert(Number.isFinite(ms) && ms >= 0, 'time moves forward by a finite amount');
    const untilMs = this.#nowMs + ms;
    this.#runUntil(untilMs);
    this.#nowMs = untilMs;
  }

  /**
   * Runs timers until none is armed (true; time stays at the last one), or until the next one lies more than
   * `limitMs` away from the start (false; time moves to the limit).
   */
  runUntilIdle(limitMs: number): boolean {
    assert(Number.isFinite(limitMs) && limitMs >= 0, 'the limit is finite');
    const untilMs = this.#nowMs + limitMs;
    this.#runUntil(untilMs);
    if (this.#timers.length === 0) return true;
    this.#nowMs = untilMs;
    return false;
  }

  #runUntil(untilMs: number): void {
    assert(!this.#running, 'a timer callback does not move the clock');
    let callbacks = 0;
    for (let dueMs = this.nextMs; dueMs !== undefined && dueMs <= untilMs; dueMs = this.nextMs) {
      callbacks = dueMs > this.#nowMs ? 1 : callbacks + 1;
      assert(callbacks <= INSTANT_CALLBACKS_MAX, 'a timer re-arms itself without time passing');
      this.step();
    }
  }

  /** Index of the first timer that runs no later than `timer`: its own place, when it is armed. */
  #position(timer: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle] as Timer;
      const runsLater = other.dueMs > timer.dueMs || (other.dueMs === timer.dueMs && other.order > timer.order);
      if (runsLater) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
