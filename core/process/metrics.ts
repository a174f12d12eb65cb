import { assert } from '@reticle/core/domain';

/** Labels of one series: constant words from closed sets. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  /** Adds a count ≥ 0; allocates nothing. */
  add(count: number): void;
}

export interface Gauge {
  /** Allocates nothing. */
  set(value: number): void;
}

export interface Histogram {
  /** Allocates nothing. A value that is not finite is counted apart and enters no bucket. */
  record(value: number): void;
}

/**
 * Instruments by name. A series (name and labels) is registered once, at start, by the component that owns it:
 * a second registration is a defect, since two owners would write one number. A name has one kind.
 */
export interface Metrics {
  counter(name: string, labels?: Labels): Counter;
  gauge(name: string, labels?: Labels): Gauge;
  /** `bounds` are inclusive upper ends, ascending; a last bucket without end is added. */
  histogram(name: string, bounds: readonly number[], labels?: Labels): Histogram;
  /** A value that its owner keeps anyhow: `read` is called once per snapshot. */
  observe(kind: ValueSnapshot['kind'], name: string, read: () => number, labels?: Labels): void;
  /** Every series as it stands, in order of registration. */
  snapshot(): readonly MetricSnapshot[];
}

export type ValueSnapshot = {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
};

export type HistogramSnapshot = {
  readonly kind: 'histogram';
  readonly name: string;
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** Values per bucket, not cumulative; one longer than `bounds`. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
  /** Smallest and largest value; 0 when there is none. */
  readonly min: number;
  readonly max: number;
  /** Values that were not finite. */
  readonly invalid: number;
};

export type MetricSnapshot = ValueSnapshot | HistogramSnapshot;

/** Seconds between tokens: 1,000 tok/s is 1 ms, so the buckets begin well below. */
export const tokenGapBoundsSeconds: readonly number[] = [
  0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.001_5, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1,
];

/** Seconds of requests, queue waits and first tokens. */
export const latencyBoundsSeconds: readonly number[] = [
  0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600,
];

/** Bounds memory and the length of an export; a label set that grows with traffic meets it in tests. */
const SERIES_MAX = 16_384;
const NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
/** Slots of a histogram before its buckets. */
const SUM = 0;
const MIN = 1;
const MAX = 2;
const INVALID = 3;
const BUCKETS = 4;

type Kind = MetricSnapshot['kind'];
type Series = { readonly kind: Kind; readonly snapshot: () => MetricSnapshot };

/** Counts in typed arrays of this process (PERFORMANCE H9); nothing leaves it but by `snapshot`. */
export function createMetrics(): Metrics {
  const series = new Map<string, Series>();
  const kinds = new Map<string, Kind>();
  const register = (name: string, labels: Labels, added: Series): void => {
    assert(NAME.test(name), `metric name ${name} is not dotted lower snake case`);
    assert((kinds.get(name) ?? added.kind) === added.kind, `metric ${name} has one kind`);
    const key = seriesKey(name, labels);
    assert(!series.has(key), `metric ${key} is registered once`);
    assert(series.size < SERIES_MAX, 'label sets are closed');
    kinds.set(name, added.kind);
    series.set(key, added);
  };
  const valueSeries = (kind: 'counter' | 'gauge', name: string, labels: Labels): Float64Array => {
    const cell = new Float64Array(1);
    register(name, labels, { kind, snapshot: () => ({ kind, name, labels, value: cell[0] ?? 0 }) });
    return cell;
  };
  return {
    counter: (name, labels = {}) => new CellCounter(valueSeries('counter', name, labels)),
    gauge: (name, labels = {}) => new CellGauge(valueSeries('gauge', name, labels)),
    histogram: (name, bounds, labels = {}) => {
      const histogram = new ArrayHistogram(bounds);
      register(name, labels, { kind: 'histogram', snapshot: () => histogram.snapshot(name, labels) });
      return histogram;
    },
    observe: (kind, name, read, labels = {}) => {
      register(name, labels, { kind, snapshot: () => ({ kind, name, labels, value: read() }) });
    },
    snapshot: () => Array.from(series.values(), (each) => each.snapshot()),
  };
}

function seriesKey(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, ...pairs]);
}

class CellCounter implements Counter {
  readonly #cell: Float64Array;

  constructor(cell: Float64Array) {
    this.#cell = cell;
  }

  add(count: number): void {
    assert(count >= 0, 'a counter only grows');
    this.#cell[0] = (this.#cell[0] as number) + count;
  }
}

class CellGauge implements Gauge {
  readonly #cell: Float64Array;

  constructor(cell: Float64Array) {
    this.#cell = cell;
  }

  set(value: number): void {
    this.#cell[0] = value;
  }
}

class ArrayHistogram implements Histogram {
  readonly #bounds: Float64Array;
  readonly #slots: Float64Array;

  constructor(bounds: readonly number[]) {
    assert(bounds.length > 0, 'a histogram has at least one bound');
    for (const [index, bound] of bounds.entries()) {
      assert(Number.isFinite(bound) && bound > (bounds[index - 1] ?? -Infinity), 'bounds are finite and ascend');
    }
    this.#bounds = Float64Array.from(bounds);
    this.#slots = new Float64Array(BUCKETS + bounds.length + 1);
    this.#slots[MIN] = Infinity;
    this.#slots[MAX] = -Infinity;
  }

  record(value: number): void {
    const slots = this.#slots;
    if (!Number.isFinite(value)) {
      slots[INVALID] = (slots[INVALID] as number) + 1;
      return;
    }
    const slot = BUCKETS + this.#bucket(value);
    slots[slot] = (slots[slot] as number) + 1;
    slots[SUM] = (slots[SUM] as number) + value;
    if (value < (slots[MIN] as number)) slots[MIN] = value;
    if (value > (slots[MAX] as number)) slots[MAX] = value;
  }

  snapshot(name: string, labels: Labels): HistogramSnapshot {
    const counts = Array.from(this.#slots.subarray(BUCKETS));
    const count = counts.reduce((sum, each) => sum + each, 0);
    const at = (slot: number): number => (count === 0 ? 0 : (this.#slots[slot] as number));
    return {
      kind: 'histogram',
      name,
      labels,
      bounds: Array.from(this.#bounds),
      counts,
      count,
      sum: at(SUM),
      min: at(MIN),
      max: at(MAX),
      invalid: this.#slots[INVALID] as number,
    };
  }

  /** First bucket whose upper end is not below the value. */
  #bucket(value: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bounds[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * The value below which a fraction of the recorded values lies, estimated by a straight line inside its
 * bucket; bucket ends are tightened by the smallest and largest value seen. Undefined without values.
 * The error is at most the width of one bucket. `fraction` is from 0 to 1.
 */
export function percentile(histogram: HistogramSnapshot, fraction: number): number | undefined {
  assert(fraction >= 0 && fraction <= 1, 'a percentile is a fraction from 0 to 1');
  if (histogram.count === 0) return undefined;
  const { bounds, counts, min, max } = histogram;
  const rank = fraction * histogram.count;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = Math.max(min, bounds[index - 1] ?? min);
      const to = Math.min(max, bounds[index] ?? max);
      const share = (rank - below) / count;
      // Rounding must not lead past the bucket, nor short of its end.
      return share === 1 ? to : Math.min(to, from + (to - from) * share);
    }
    below += count;
  }
  return max;
}
