import { costAtMost, countAtMost, type Figures, type Goal } from '../result.ts';
import { largest, sum } from '../run.ts';
import { percentile } from '../statistics.ts';
import type { CutRecord } from './client-process.ts';

/** Target of this bench: our receipt is to cost at most half again what three bare processes take. */
const RECEIPT_OVER_BARE_MAX = 1.5;

type Cuts = readonly CutRecord[];

/** Figures of one chain's cuts. @throws RangeError without cuts */
export function figuresOf(cuts: Cuts): Figures {
  const after = valuesOf(cuts, 'after');
  const receiptMicros = valuesOf(cuts, 'ackMicros');
  return {
    cuts: cuts.length,
    ...quantiles('generatedAfterSend', after),
    shareWithinOne: after.filter((tokens) => tokens <= 1).length / after.length,
    shareWithinThree: after.filter((tokens) => tokens <= 3).length / after.length,
    ...quantiles('wastedTokens', valuesOf(cuts, 'wasted')),
    receiptMsP50: percentile(receiptMicros, 0.5) / 1000,
    receiptMsP99: percentile(receiptMicros, 0.99) / 1000,
    staleTokens: sum(valuesOf(cuts, 'stale')),
    offsetsFrom: Math.min(...valuesOf(cuts, 'due')),
    offsetsTo: largest(valuesOf(cuts, 'due')),
  };
}

/** Ours ÷ bare, both of one run; a count that is 0 on the bare chain has no ratio. */
export function ratiosOf(ours: Cuts, bare: Cuts): Figures {
  return {
    generatedAfterSendP50OverBare: over(ours, bare, 'after', 0.5) ?? 'none: bare is 0',
    generatedAfterSendP99OverBare: over(ours, bare, 'after', 0.99) ?? 'none: bare is 0',
    receiptMsP50OverBare: over(ours, bare, 'ackMicros', 0.5) ?? 'none: bare is 0',
  };
}

/** G6 of our chain alone, and its receipt beside the bare chain's. */
export function goalsOf(ours: Cuts, bare: Cuts, decidable: boolean): Goal[] {
  const after = valuesOf(ours, 'after');
  const limit = 'tokens generated after the send, step clock';
  const receipt = over(ours, bare, 'ackMicros', 0.5) ?? null;
  const receiptLimit = `send to receipt, p50 ÷ bare chain ≤ ${RECEIPT_OVER_BARE_MAX}`;
  return [
    costAtMost({ id: 'G6 p50', limit: `${limit} ≤ 1`, target: 1, measured: percentile(after, 0.5) }, decidable),
    costAtMost({ id: 'G6 p99', limit: `${limit} ≤ 3`, target: 3, measured: percentile(after, 0.99) }, decidable),
    costAtMost(
      { id: 'receipt ratio', limit: receiptLimit, target: RECEIPT_OVER_BARE_MAX, measured: receipt },
      decidable,
    ),
    countAtMost({
      id: 'stale tokens after a receipt',
      limit: '0',
      target: 0,
      measured: sum(valuesOf(ours, 'stale')),
    }),
  ];
}

function valuesOf(cuts: Cuts, field: keyof CutRecord): number[] {
  return cuts.map((cut) => cut[field]);
}

function over(ours: Cuts, bare: Cuts, field: keyof CutRecord, fraction: number): number | undefined {
  const divisor = percentile(valuesOf(bare, field), fraction);
  return divisor > 0 ? percentile(valuesOf(ours, field), fraction) / divisor : undefined;
}

function quantiles(name: string, values: readonly number[]): Readonly<Record<string, number>> {
  return {
    [`${name}P50`]: percentile(values, 0.5),
    [`${name}P99`]: percentile(values, 0.99),
    [`${name}Max`]: largest(values),
  };
}
