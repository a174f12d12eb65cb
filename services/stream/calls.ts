import { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';

type Pending<T> = {
  readonly resolve: (value: T) => void;
  readonly reject: (error: ReticleError) => void;
  readonly cancel: () => void;
};

/** Answers that a unary call waits for, by call number. A late or repeated answer reaches nobody. */
export class Calls<T> {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Answers that are waited for. */
  get size(): number {
    return this.#pending.size;
  }

  /** Rejects with `engine_lost` after `waitMs` without an answer. */
  wait(call: number, waitMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(waitMs, () => {
        this.#pending.delete(call);
        reject(new ReticleError('engine_lost', 'the engine did not answer in time', { retryAfterMs: waitMs }));
      });
      this.#pending.set(call, { resolve, reject, cancel });
    });
  }

  resolve(call: number, value: T): void {
    this.#take(call)?.resolve(value);
  }

  reject(call: number, error: ReticleError): void {
    this.#take(call)?.reject(error);
  }

  /** Whoever waits is told that no answer comes. */
  rejectAll(error: ReticleError): void {
    for (const call of this.#pending.keys()) this.reject(call, error);
  }

  #take(call: number): Pending<T> | undefined {
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    pending?.cancel();
    return pending;
  }
}
