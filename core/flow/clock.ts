/**
 * Time as a port. Every other module takes a `Clock`; only a composition root or a simulation makes one.
 * Monotonic time carries all behaviour (leases, timeouts, pacing); wall time is for expiries and logs alone.
 */
export interface Clock {
  /** Monotonic milliseconds, fractions kept; the origin has no meaning. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Calls `callback` once, not before `delayMs` from now. The returned function cancels and may be called again. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Randomness as a port; seeded in tests, the system's source in processes. */
export interface Random {
  /** Fresh bytes; unpredictable in processes. */
  bytes(count: number): Uint8Array;
  /** Uniform in [0, 1); for jitter, never for ids. */
  unit(): number;
}
