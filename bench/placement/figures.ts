import { cellOf } from '../run.ts';
import { costAtMost, countAtMost, type Cell, type Goal } from '../result.ts';
import { spread } from '../statistics.ts';

/** One size of cell, every round. Times in ms of this process's CPU. */
export type PlacementResult = {
  readonly wafers: number;
  readonly chains: number;
  readonly bound: number;
  /** Every chain placed anew. */
  readonly fullMs: readonly number[];
  /** One wafer changed in a cell at rest: the snapshot after it, and its plan. */
  readonly deltaMs: readonly number[];
  /** Actions of a plan at rest. */
  readonly writesAtRest: number;
  readonly rssMiB: number;
};

/** Sizes that goals are judged at (OPERATOR §22). */
export const LARGEST = 10_000;
const FULL_MS = 100;
const DELTA_MS = 2;
const EXPONENT = 1.1;

export function placementCells(results: readonly PlacementResult[]): readonly Cell[] {
  return results.map(({ wafers, chains, bound, fullMs, deltaMs, writesAtRest, rssMiB }) =>
    cellOf({
      id: `wafers-${wafers}`,
      sut: 'operator/plan',
      lost: 0,
      doubled: 0,
      rigCpu: 0,
      rssMiB,
      figures: { chains, chainsBound: bound, fullMs: spread(fullMs), deltaMs: spread(deltaMs), writesAtRest },
      notes: ['CPU of one process: fullMs places every chain anew, deltaMs is one changed wafer at rest'],
    }),
  );
}

export function placementGoals(results: readonly PlacementResult[]): readonly Goal[] {
  const largest = results.find(({ wafers }) => wafers === LARGEST);
  const median = (values: readonly number[] | undefined): number | null =>
    values === undefined ? null : spread(values).median;
  const missing = largest === undefined ? null : largest.bound - largest.chains;
  return [
    costAtMost(
      {
        id: 'B5-full',
        limit: `plan of ${LARGEST} wafers ≤ ${FULL_MS} ms`,
        target: FULL_MS,
        measured: median(largest?.fullMs),
      },
      true,
    ),
    costAtMost(
      { id: 'B5-delta', limit: `one change ≤ ${DELTA_MS} ms`, target: DELTA_MS, measured: median(largest?.deltaMs) },
      true,
    ),
    costAtMost(
      { id: 'B5-exponent', limit: `time exponent ≤ ${EXPONENT}`, target: EXPONENT, measured: exponentOf(results) },
      true,
    ),
    countAtMost({
      id: 'B5-chains',
      limit: 'every chain of ⌊(slots − spares)/S⌋ is placed',
      target: 0,
      measured: missing,
    }),
    countAtMost({ id: 'B5-rest', limit: 'no write at rest', target: 0, measured: largest?.writesAtRest ?? null }),
  ];
}

/** Slope of log time over log wafers between the smallest and the largest cell; null with fewer than two. */
export function exponentOf(results: readonly PlacementResult[]): number | null {
  const sorted = results.toSorted((a, b) => a.wafers - b.wafers);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const time = Math.log(spread(last.fullMs).median / spread(first.fullMs).median);
  return time / Math.log(last.wafers / first.wafers);
}
