/** What the meter needs of a frame. */
export type MeteredFrame = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  /** When its newest token was due at the engine, µs modulo 2^32. */
  readonly engineMicros: number;
};

const MICROS_MODULUS = 2 ** 32;

/**
 * Speed of one turn as its reader sees it.
 *
 *     firstTokenMs    = first frame − start
 *     tokensPerSecond = (tokens − tokens of the first instant) / max(span of the reader, span of the engine)
 *
 * Both spans go from the first frame to the last. A reader that comes late reads a burst; the engine's own span
 * keeps that from looking faster than the tokens were made. Frames that carry the first frame's due time are parts of
 * one burst and belong to the first instant.
 */
export class TurnMeter {
  readonly #startMs: number;
  #firstMs: number | undefined;
  #lastMs = 0;
  #firstTokens = 0;
  #tokens = 0;
  #engineMicros = 0;
  #lastEngineMicros = 0;
  /** Offset from which tokens carry the time of another engine; undefined when all that came do. */
  #movesAt: number | undefined;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** From this offset on the turn runs on another engine, whose clock is another one. */
  moved(startOffset: number): void {
    this.#movesAt = startOffset;
  }

  /** A frame was read at `nowMs`. */
  frame({ firstOffset, tokenCount, engineMicros }: MeteredFrame, nowMs: number): void {
    const isElsewhere = this.#movesAt !== undefined && firstOffset + tokenCount > this.#movesAt;
    if (isElsewhere) {
      this.#movesAt = undefined;
      this.#lastEngineMicros = engineMicros;
    }
    if (this.#firstMs === undefined) {
      this.#firstMs = nowMs;
      this.#firstTokens = tokenCount;
    } else {
      this.#engineMicros += (engineMicros - this.#lastEngineMicros + MICROS_MODULUS) % MICROS_MODULUS;
      if (this.#engineMicros === 0) this.#firstTokens += tokenCount;
    }
    this.#lastEngineMicros = engineMicros;
    this.#lastMs = nowMs;
    this.#tokens += tokenCount;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Undefined before the first token. */
  get firstTokenMs(): number | undefined {
    return this.#firstMs === undefined ? undefined : this.#firstMs - this.#startMs;
  }

  /** Undefined while there is no interval to measure. */
  get tokensPerSecond(): number | undefined {
    if (this.#firstMs === undefined) return undefined;
    const spanMs = Math.max(this.#lastMs - this.#firstMs, this.#engineMicros / 1_000);
    const tokens = this.#tokens - this.#firstTokens;
    return spanMs <= 0 || tokens <= 0 ? undefined : (tokens * 1_000) / spanMs;
  }
}
