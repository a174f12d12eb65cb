import type { Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';

export type SocketLifeOptions = {
  readonly clock: Clock;
  readonly ping: () => void;
  /** True while the peer owes us room: its answers may be stuck behind what it does not read. */
  readonly isBehind: () => boolean;
  /** No message came in time. */
  readonly onUnused: () => void;
  /** A minute is left: the socket ends as soon as no response runs. */
  readonly onAged: () => void;
  /** The peer does not answer pings. */
  readonly onDead: () => void;
};

const FIRST_MESSAGE_MS = 5 * 60_000;
/** Time left when the peer is told (§4.3). */
export const LAST_MINUTE_MS = 60_000;
const PING_MS = 30_000;
/** A peer's budget: one ping per second, and as many at once as a short absence saves up. */
const PING_BURST = 30;
const PING_PERIOD_MS = 1_000;

/** The clock of one socket: first message, age, pings both ways (PROTOCOL §4.3, Life). */
export class SocketLife {
  readonly #options: SocketLifeOptions;
  readonly #cancelAge: () => void;
  #cancelFirst: () => void;
  #cancelPing: () => void = () => {};
  #isAlive = true;
  #pings = PING_BURST;
  #pingedMs: number;

  constructor(options: SocketLifeOptions) {
    this.#options = options;
    const { clock, onUnused, onAged } = options;
    this.#pingedMs = clock.nowMs();
    this.#cancelFirst = clock.after(FIRST_MESSAGE_MS, onUnused);
    this.#cancelAge = clock.after(limits.streamAgeMsMax - LAST_MINUTE_MS, onAged);
    this.#armPing();
  }

  /** A message came. */
  used(): void {
    this.#cancelFirst();
    this.#cancelFirst = () => {};
    this.alive();
  }

  /** Anything came. */
  alive(): void {
    this.#isAlive = true;
  }

  /** A ping came; false when it is one too many. */
  pinged(): boolean {
    this.alive();
    const nowMs = this.#options.clock.nowMs();
    this.#pings = Math.min(PING_BURST, this.#pings + (nowMs - this.#pingedMs) / PING_PERIOD_MS) - 1;
    this.#pingedMs = nowMs;
    return this.#pings >= 0;
  }

  stop(): void {
    this.#cancelFirst();
    this.#cancelAge();
    this.#cancelPing();
  }

  #armPing(): void {
    const { clock, ping, isBehind, onDead } = this.#options;
    this.#cancelPing = clock.after(PING_MS, () => {
      if (!this.#isAlive && !isBehind()) {
        onDead();
        return;
      }
      this.#isAlive = false;
      ping();
      this.#armPing();
    });
  }
}
