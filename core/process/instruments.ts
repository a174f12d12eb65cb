import { assert } from '@reticle/core/domain';
import { metricTable, type MetricName, type MetricRow } from './metric-table.ts';
import type { Counter, Gauge, Histogram, Labels, Metrics } from './metrics.ts';

/** Names of the table by kind. */
export type NameOf<Kind extends MetricRow['kind']> = {
  [Name in MetricName]: (typeof metricTable)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** Values for the labels of one metric; an absent one is left out of the series. */
export type LabelsOf<Name extends MetricName> = {
  readonly [Label in keyof (typeof metricTable)[Name]['labels']]?: string | undefined;
};

const MODEL = 'gen_ai.request.model';
const ERROR = 'error.type';
const OTHER = 'other';
/** Served names with series of their own (STYLE §2 row 14). */
const MODELS_MAX = 1_000;

/**
 * Instruments of the metric table, each series made when it is first asked for. Asking costs a look-up; who counts per
 * frame keeps what it was given.
 *
 * Label sets are bounded: values come from closed words, and models past 1,000, or past 1,000 pairs of model and error,
 * fold to `other`.
 */
export class Instruments {
  readonly #metrics: Metrics;
  readonly #models = new Set<string>();
  readonly #failures = new Set<string>();
  readonly #held = new Map<string, Counter | Gauge | Histogram>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  counter<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>): Counter {
    return this.#hold(name, labels, (given) => this.#metrics.counter(name, given)) as Counter;
  }

  gauge<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>): Gauge {
    return this.#hold(name, labels, (given) => this.#metrics.gauge(name, given)) as Gauge;
  }

  histogram<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>): Histogram {
    const { bounds }: MetricRow = metricTable[name];
    assert(bounds !== undefined, 'a histogram has bounds in the table');
    return this.#hold(name, labels, (given) => this.#metrics.histogram(name, bounds, given)) as Histogram;
  }

  /** A value that its owner keeps anyhow; `read` is called at each export. Once per series. */
  observe<Name extends NameOf<'counter' | 'gauge'>>(name: Name, labels: LabelsOf<Name>, read: () => number): void {
    const { kind } = metricTable[name];
    this.#metrics.observe(kind as 'counter' | 'gauge', name, read, this.#checked(name, labels));
  }

  #hold(
    name: MetricName,
    labels: Readonly<Record<string, string | undefined>>,
    make: (labels: Labels) => Counter | Gauge | Histogram,
  ): Counter | Gauge | Histogram {
    const given = this.#checked(name, labels);
    const key = `${name} ${JSON.stringify(given)}`;
    let held = this.#held.get(key);
    if (held === undefined) this.#held.set(key, (held = make(given)));
    return held;
  }

  /** In the table's order, so that one series has one key. */
  #checked(name: MetricName, labels: Readonly<Record<string, string | undefined>>): Labels {
    const { labels: known }: MetricRow = metricTable[name];
    const given: Record<string, string> = {};
    for (const label of Object.keys(known)) {
      const value = labels[label];
      if (value !== undefined) given[label] = value;
    }
    assert(
      Object.keys(labels).every((label) => label in known),
      `${name} has these labels alone`,
    );
    return this.#folded(given);
  }

  #folded(labels: Record<string, string>): Labels {
    const { [MODEL]: model, [ERROR]: error } = labels;
    if (model === undefined) return labels;
    const fits = bounded(this.#models, model) && (error === undefined || bounded(this.#failures, `${model} ${error}`));
    return fits ? labels : { ...labels, [MODEL]: OTHER };
  }
}

/** True when the value is one of the first, and is remembered as such. */
function bounded(values: Set<string>, value: string): boolean {
  if (values.has(value)) return true;
  if (values.size >= MODELS_MAX) return false;
  values.add(value);
  return true;
}
