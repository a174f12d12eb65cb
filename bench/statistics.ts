/** Median with its interquartile range. */
export type Spread = { readonly median: number; readonly iqr: readonly [number, number] };

export type Percentiles = { readonly p50: number; readonly p99: number };

/** Value at a fraction of the sorted values, linear between neighbours. */
function quantile(sorted: readonly number[], fraction: number): number {
  const place = (sorted.length - 1) * fraction;
  const below = Math.floor(place);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.ceil(place)] ?? NaN;
  return low + (high - low) * (place - below);
}

/** @throws RangeError without values */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('no values to take a median of');
  const sorted = values.toSorted((left, right) => left - right);
  return { median: quantile(sorted, 0.5), iqr: [quantile(sorted, 0.25), quantile(sorted, 0.75)] };
}

/** Spread of left ÷ right, round by round: both terms of a ratio come from one block of one run (PERFORMANCE §1). */
export function ratioSpread(left: readonly number[], right: readonly number[]): Spread {
  if (left.length !== right.length) throw new RangeError('a ratio needs both terms of every round');
  return spread(left.map((value, round) => value / (right[round] ?? NaN)));
}

/** Smallest value that at least the given fraction of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError('no values to take a percentile of');
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] as number;
}

/** Buckets below this are one unit wide; above, each power of two has half as many. */
const LINEAR = 128;
const HALF = LINEAR / 2;
const LINEAR_BITS = 7;
const BUCKETS = LINEAR + (32 - LINEAR_BITS) * HALF;

/**
 * Counts of non-negative 32-bit integers in buckets at most 1.6 % wide. Recording allocates nothing; the counts
 * travel between processes as a plain array.
 */
export class Histogram {
  readonly counts: Float64Array;
  total = 0;

  constructor(counts: Float64Array = new Float64Array(BUCKETS)) {
    this.counts = counts;
    for (const count of counts) this.total += count;
  }

  /** Negative values count as 0, larger ones than 2^32 - 1 as that. */
  record(value: number, times = 1): void {
    const index = bucketOf(Math.min(Math.max(0, Math.round(value)), 0xffff_ffff));
    this.counts[index] = (this.counts[index] ?? 0) + times;
    this.total += times;
  }

  add(other: Histogram): void {
    for (const [index, count] of other.counts.entries()) this.counts[index] = (this.counts[index] ?? 0) + count;
    this.total += other.total;
  }

  /** Upper end of the bucket that holds the nearest rank; 0 when nothing was recorded. */
  percentile(fraction: number): number {
    const rank = Math.max(1, Math.ceil(this.total * fraction));
    let seen = 0;
    for (const [index, count] of this.counts.entries()) {
      seen += count;
      if (seen >= rank) return upperEnd(index);
    }
    return 0;
  }
}

function bucketOf(value: number): number {
  if (value < LINEAR) return value;
  const shift = 32 - LINEAR_BITS - Math.clz32(value);
  return LINEAR + (shift - 1) * HALF + ((value >>> shift) - HALF);
}

function upperEnd(index: number): number {
  if (index < LINEAR) return index;
  const shift = Math.floor((index - LINEAR) / HALF) + 1;
  return (((index - LINEAR) % HALF) + HALF + 1) * 2 ** shift - 1;
}

/** p50 and p99 of a histogram of microseconds, in milliseconds. */
export function millisecondsOf(histogram: Histogram): Percentiles {
  return { p50: histogram.percentile(0.5) / 1000, p99: histogram.percentile(0.99) / 1000 };
}
