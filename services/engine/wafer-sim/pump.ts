import { assert } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';

/** Shortest sleep while streams run (WAFER §6.1: woken about every millisecond). */
const WAKE_MS = 1;
/** Sleeps end this much after the instant they wait for, so that rounding never wakes one in vain. */
const MARGIN_MS = 0.001;

/** `timer` sleeps between steps; `busy` burns a core, for benches of the gap between tokens. */
export type Pace = 'timer' | 'busy';

export type PumpOptions = {
  readonly clock: Clock;
  readonly pace: Pace;
  /** Calls back in the next turn of the event loop (`setImmediate`); needed for `busy` only. */
  readonly immediate?: (callback: () => void) => void;
  readonly wake: () => void;
};

/** Wakes the simulator: one armed timer at most, none at rest. */
export class Pump {
  readonly #options: PumpOptions;
  #disarm: (() => void) | undefined;
  #armedUs = Infinity;
  #closed = false;

  constructor(options: PumpOptions) {
    assert(options.pace === 'timer' || options.immediate !== undefined, 'busy pace needs an immediate port');
    this.#options = options;
  }

  nowUs(): number {
    return this.#options.clock.nowMs() * 1000;
  }

  /** Wakes in the next turn of the event loop: something is to be told. */
  soon(): void {
    this.#arm(-Infinity, 0);
  }

  /** Wakes at `atUs`, or a little later; an earlier wake stays. Infinity asks for nothing. */
  at(atUs: number): void {
    if (atUs === Infinity || atUs >= this.#armedUs) return;
    if (this.#options.pace === 'busy') this.#arm(atUs, undefined);
    else this.#arm(atUs, Math.max(WAKE_MS, (atUs - this.nowUs()) / 1000 + MARGIN_MS));
  }

  close(): void {
    this.#closed = true;
    this.#disarm?.();
  }

  #arm(atUs: number, delayMs: number | undefined): void {
    if (this.#closed || (this.#disarm !== undefined && this.#armedUs <= atUs)) return;
    this.#disarm?.();
    this.#armedUs = atUs;
    this.#disarm = delayMs === undefined ? this.#inNextTurn() : this.#options.clock.after(delayMs, this.#fire);
  }

  #inNextTurn(): () => void {
    let armed = true;
    this.#options.immediate?.(() => {
      if (armed) this.#fire();
    });
    return () => {
      armed = false;
    };
  }

  readonly #fire = (): void => {
    this.#disarm = undefined;
    this.#armedUs = Infinity;
    this.#options.wake();
  };
}
