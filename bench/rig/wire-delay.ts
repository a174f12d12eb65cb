/** When the bytes of one direction of a TCP connection arrive behind a wire that a relay stands for (PERFORMANCE §6.8). */

export type Wire = {
  readonly rttMs: number;
  /** The first bytes wait for TCP's handshake, which a relay on loopback does not delay. */
  readonly handshake?: boolean;
  /** Ten segments in the first round trip and twice as many in each that follows (RFC 6928, RFC 5681). */
  readonly slowStart?: boolean;
};

const INITIAL_WINDOW_BYTES = 10 * 1_460;

export class WireDelay {
  readonly #wire: Wire;
  readonly #openedMs: number;
  #bytes = 0;
  #firstMs: number | undefined;
  #arrivesMs = 0;

  /** @param openedMs when the connection was asked for */
  constructor(wire: Wire, openedMs: number) {
    this.#wire = wire;
    this.#openedMs = openedMs;
  }

  /** When a chunk that was handed over now arrives; never before the one before it. */
  arrivalMs(nowMs: number, bytes: number): number {
    const { rttMs, handshake = false, slowStart = false } = this.#wire;
    const leavesMs = handshake ? Math.max(nowMs, this.#openedMs + rttMs) : nowMs;
    this.#firstMs ??= leavesMs;
    this.#bytes += bytes;
    const windowMs = slowStart ? this.#firstMs + roundOf(this.#bytes) * rttMs : 0;
    this.#arrivesMs = Math.max(this.#arrivesMs, Math.max(leavesMs, windowMs) + rttMs / 2);
    return this.#arrivesMs;
  }
}

/** Round trips before the byte of this number may leave: after n of them (2^(n+1) − 1) windows have. */
function roundOf(bytes: number): number {
  return Math.max(0, Math.ceil(Math.log2(bytes / INITIAL_WINDOW_BYTES + 1)) - 1);
}
