import { assert } from '@reticle/core/domain';
import { Backoff, type Random } from '@reticle/core/flow';

export type RedialOptions = {
  readonly random: Random;
  /** How many targets there are. */
  readonly targets: number;
  /** The first one to use. */
  readonly target: number;
};

/** A stream ended or could not be opened. */
export type RedialLoss = {
  readonly nowMs: number;
  /** What the target itself asked to wait. */
  readonly retryAfterMs?: number | undefined;
};

export type Attempt = { readonly target: number; readonly delayMs: number };

/** Jitter of the first attempt at a target that was lost: clients that lost it together do not return in one instant. */
const FIRST_MS = 50;
/** Attempts are this dense while a supervisor may be about to start the gateway again. */
const DENSE = { fromMs: 50, toMs: 250, spanMs: 3_000 } as const;
const BACKOFF = { baseMs: 500, capMs: 2_000 } as const;

/**
 * Where and when the next attach of an outage goes.
 *
 *     attempt     target              delay
 *     1 … n−1     each other target   0
 *     n           round robin on      uniform [0, 50)
 *     then        round robin on      uniform [50, 250) for the first 3 s, then exponential up to 2 s with full jitter
 *
 * A target that asked for a delay is passed over until it is due; when all did, the one that is due first is taken.
 */
export class Redial {
  readonly #options: RedialOptions;
  readonly #backoff: Backoff;
  /** Monotonic ms before which a target wants no attempt. */
  readonly #notBeforeMs: number[];
  #target: number;
  #attempts = 0;
  #sinceMs: number | undefined;

  constructor(options: RedialOptions) {
    assert(options.targets > 0 && options.target < options.targets, 'there is a target');
    this.#options = options;
    this.#target = options.target;
    this.#backoff = new Backoff({ random: options.random, ...BACKOFF });
    this.#notBeforeMs = Array.from({ length: options.targets }, () => 0);
  }

  /** The target in use. */
  get target(): number {
    return this.#target;
  }

  /** When the outage began; undefined outside one. */
  get sinceMs(): number | undefined {
    return this.#sinceMs;
  }

  /** The target in use was lost. */
  lost({ nowMs, retryAfterMs = 0 }: RedialLoss): Attempt {
    this.#sinceMs ??= nowMs;
    this.#notBeforeMs[this.#target] = nowMs + retryAfterMs;
    const plannedMs = this.#plannedMs(nowMs - this.#sinceMs);
    this.#attempts++;
    this.#target = this.#next(nowMs);
    const waitMs = (this.#notBeforeMs[this.#target] ?? 0) - nowMs;
    return { target: this.#target, delayMs: Math.max(0, plannedMs, waitMs) };
  }

  /** The target in use asks its clients to leave: the next one, without an outage. */
  leave(): number {
    this.#target = (this.#target + 1) % this.#options.targets;
    return this.#target;
  }

  /** The outage is over. */
  steady(): void {
    this.#attempts = 0;
    this.#sinceMs = undefined;
    this.#backoff.reset();
  }

  #plannedMs(outageMs: number): number {
    const { random, targets } = this.#options;
    const round = this.#attempts - (targets - 1);
    if (round < 0) return 0;
    if (round === 0) return random.unit() * FIRST_MS;
    if (outageMs < DENSE.spanMs) return DENSE.fromMs + random.unit() * (DENSE.toMs - DENSE.fromMs);
    return this.#backoff.nextMs();
  }

  #next(nowMs: number): number {
    const { targets } = this.#options;
    const inOrder = Array.from({ length: targets }, (_, step) => (this.#target + 1 + step) % targets);
    const dueMs = (target: number): number => Math.max(nowMs, this.#notBeforeMs[target] ?? 0);
    return inOrder.reduce((best, target) => (dueMs(target) < dueMs(best) ? target : best));
  }
}
