/** Tokens by time: how many came in each tenth of a second of the last ten. */

export const BIN_MS = 100;
export const BINS = 100;
/** The number that is shown is a mean of this time. */
const RATE_MS = 1_000;

export type Speed = {
  /** Bin of the newest count: time ÷ {@link BIN_MS}, rounded down. */
  readonly newest: number;
  /** Tokens by bin, the newest last. */
  readonly bins: readonly number[];
};

export const noSpeed: Speed = { newest: 0, bins: Array.from({ length: BINS }, () => 0) };

/** With so many tokens more. Time that runs backwards counts into the newest bin. */
export function counted(speed: Speed, tokens: number, atMs: number): Speed {
  const moved = movedTo(speed, atMs);
  const bins = [...moved.bins];
  bins[BINS - 1] = (bins[BINS - 1] ?? 0) + tokens;
  return { ...moved, bins };
}

/** The same counts as seen at a later time. */
export function movedTo(speed: Speed, atMs: number): Speed {
  const newest = Math.max(speed.newest, Math.floor(atMs / BIN_MS));
  const by = Math.min(BINS, newest - speed.newest);
  if (by === 0) return speed;
  return { newest, bins: [...speed.bins.slice(by), ...Array.from({ length: by }, () => 0)] };
}

/**
 * Tokens per second over the last second, or since `sinceMs` where that is less: a stream that has just begun is not
 * measured with the silence before it.
 */
export function rate(speed: Speed, atMs: number, sinceMs: number): number {
  const { bins } = movedTo(speed, atMs);
  const spanMs = Math.min(RATE_MS, Math.max(BIN_MS, atMs - sinceMs));
  const tokens = bins.slice(-Math.ceil(spanMs / BIN_MS)).reduce((sum, count) => sum + count, 0);
  return (tokens * 1_000) / spanMs;
}
