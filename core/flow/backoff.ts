import { assert } from '@reticle/core/domain';
import type { Random } from './clock.ts';

export type BackoffOptions = {
  readonly random: Random;
  /** Ceiling of the first delay. */
  readonly baseMs: number;
  /** Ceiling of every delay. */
  readonly capMs: number;
};

/**
 * Delays between attempts: exponential with full jitter, so that callers that failed together do not come
 * back together.
 *
 *     delay(n) = uniform[0, min(capMs, baseMs · 2ⁿ)), n = attempts since the last reset
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    assert(options.baseMs > 0 && options.capMs >= options.baseMs, 'backoff has 0 < baseMs ≤ capMs');
    assert(Number.isFinite(options.capMs), 'backoff has a finite cap');
    this.#options = options;
  }

  /** Delays given out since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The delay before the next attempt, milliseconds. */
  nextMs(): number {
    const { random, baseMs, capMs } = this.#options;
    const ceilingMs = Math.min(capMs, baseMs * 2 ** this.#attempts);
    this.#attempts++;
    return random.unit() * ceilingMs;
  }

  /** Call when an attempt has succeeded and stayed so. */
  reset(): void {
    this.#attempts = 0;
  }
}
