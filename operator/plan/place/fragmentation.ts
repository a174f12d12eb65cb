import type { WaferState } from '../pool-state.ts';
import { unusable, type BoardPool } from './board.ts';

/**
 * Lengths of the chains that live deployments want, with their share: fragmentation is counted against what is really
 * asked for (the gradient of FGD, OPERATOR §9.3).
 */
export type ChainMix = {
  readonly lengths: readonly { readonly wafers: number; readonly permille: number }[];
  /** Smallest S of a live deployment; 1 without any. */
  readonly smallest: number;
};

/** The mix of so many chains of each length. */
export function chainMix(chains: readonly { readonly wafers: number; readonly count: number }[]): ChainMix {
  const counts = new Map<number, number>();
  for (const { wafers, count } of chains) {
    if (wafers > 0 && count > 0) counts.set(wafers, (counts.get(wafers) ?? 0) + count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const lengths = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([wafers, count]) => ({ wafers, permille: Math.floor((count * 1_000) / total) }));
  return { lengths, smallest: lengths[0]?.wafers ?? 1 };
}

/** Σ_m p_m · wafers that chains of length m could not use, in thousandths of a wafer. */
export function fragmentation(mix: ChainMix, pool: BoardPool, free: readonly WaferState[]): number {
  return mix.lengths.reduce((sum, { wafers, permille }) => sum + permille * unusable(pool, free, wafers), 0);
}

/** Free wafers left over when the pool is filled with the smallest live chain. */
export function stranded(mix: ChainMix, pool: BoardPool, free: readonly WaferState[]): number {
  return unusable(pool, free, mix.smallest);
}
