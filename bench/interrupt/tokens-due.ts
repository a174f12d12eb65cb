/** A turn's absolute schedule, known from any token of it (WAFER §6.1): one token per constant step. */
export type KnownPace = {
  readonly newestOffset: number;
  /** Due time of that token on the engine's clock, µs modulo 2^32. */
  readonly newestMicros: number;
  readonly stepMicros: number;
};

/**
 * Tokens of the turn that are due at a moment of the engine's clock (µs, not reduced): the count that an engine
 * without any delay would have generated. The moment is within 35 minutes of the known token's.
 */
export function tokensDue({ newestOffset, newestMicros, stepMicros }: KnownPace, atMicros: number): number {
  // Exact modulo 2^32 for any atMicros: ToInt32 reduces, and keeps the sign of a near moment.
  const sinceMicros = (Math.floor(atMicros) - newestMicros) | 0;
  return newestOffset + 1 + Math.floor(sinceMicros / stepMicros);
}
