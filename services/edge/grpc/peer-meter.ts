import type { Clock } from '@reticle/core/flow';

export const PEER_RESETS_MAX = 500;
/** PING frames of a peer within a second: clients that probe the bandwidth send one per round trip with data. */
export const PINGS_PER_SECOND_MAX = 1_000;
export const SETTINGS_PER_SECOND_MAX = 100;

const SECOND_MS = 1_000;

/** What the peer of one connection did: resets of its life, PING and SETTINGS since a moment within the last second. */
export class PeerMeter {
  readonly #clock: Clock;
  #sinceMs: number;
  #resets = 0;
  #pings = 0;
  #settings = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
  }

  /** Counts a stream that the peer reset; true for the one at which the connection is to be recycled. */
  reset(): boolean {
    this.#resets += 1;
    return this.#resets === PEER_RESETS_MAX;
  }

  /** Counts a PING; true when they are a flood. */
  ping(): boolean {
    this.#newSecond();
    this.#pings += 1;
    return this.#pings > PINGS_PER_SECOND_MAX;
  }

  /** Counts a SETTINGS frame; true when they are a flood. */
  settings(): boolean {
    this.#newSecond();
    this.#settings += 1;
    return this.#settings > SETTINGS_PER_SECOND_MAX;
  }

  #newSecond(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#sinceMs < SECOND_MS) return;
    this.#sinceMs = nowMs;
    this.#pings = 0;
    this.#settings = 0;
  }
}
