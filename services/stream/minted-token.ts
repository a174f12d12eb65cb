import type { SessionPlace, SessionPorts } from './session-facts.ts';
import { mintToken } from './session-facts.ts';

/** A token is told again for this long; it expires this much earlier then than a new one would. */
const TOLD_AGAIN_MS = 1_000;

/**
 * The resume token of a session. A creation, an attach and a turn's start follow one another within milliseconds and
 * tell the same claims: one token does for them.
 */
export class MintedToken {
  readonly #ports: SessionPorts;
  #token = '';
  #of = '';
  #untilMs = 0;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
  }

  of(place: SessionPlace): string {
    const nowMs = this.#ports.clock.nowMs();
    const { state, engine } = place;
    const of = `${state.epoch} ${state.holder} ${engine.engineId} ${engine.replicaEpoch} ${engine.address}`;
    if (of !== this.#of || nowMs >= this.#untilMs) {
      this.#token = mintToken(place, this.#ports);
      this.#of = of;
      this.#untilMs = nowMs + TOLD_AGAIN_MS;
    }
    return this.#token;
  }
}
