import type { Clock } from '@reticle/core/flow';
import { BusError, type BusFailure } from './bus.ts';

type Pending = {
  readonly resolve: (payload: Uint8Array) => void;
  readonly reject: (error: BusError) => void;
  readonly cancelTimer: () => void;
};

/**
 * Requests that wait for their first answer.
 *
 * Invariants
 * 1. Every request settles exactly once: by an answer, by a failure, or by its time limit.
 * 2. What comes after that, for example a second answer, is nobody's.
 */
export class PendingRequests {
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Opens a request; `onTimeout` runs before its promise rejects with `timeout`. */
  open(timeoutMs: number, onTimeout?: (id: string) => void): { id: string; answer: Promise<Uint8Array> } {
    const id = (this.#count++).toString(36);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const cancelTimer = this.#clock.after(timeoutMs, () => {
      onTimeout?.(id);
      this.fail(id, 'timeout');
    });
    this.#pending.set(id, { resolve, reject, cancelTimer });
    return { id, answer: promise };
  }

  answer(id: string, payload: Uint8Array): void {
    this.#take(id)?.resolve(payload);
  }

  fail(id: string, failure: BusFailure): void {
    this.#take(id)?.reject(new BusError(failure));
  }

  failAll(failure: BusFailure): void {
    for (const id of this.#pending.keys()) this.fail(id, failure);
  }

  #take(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimer();
    return pending;
  }
}
