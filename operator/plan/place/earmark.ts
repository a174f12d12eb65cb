import type { BoardPool } from './board.ts';
import type { Demand } from './demand.ts';
import type { Ground } from './ground.ts';

/** A chain that has waited for longer earmarks a pool (OPERATOR §9.5). */
export const STARVED_MS = 300_000;

/** A pool that is kept for a chain. */
export type Earmark = { readonly pool: string; readonly demand: Demand };

/** The pool that can hold a starved chain soonest: the one with most wafers that are free or being given back. */
export function earmarkFor({ board, draining, nowMs }: Ground, demand: Demand): Earmark | undefined {
  if (nowMs - demand.waitingSinceMs <= STARVED_MS) return undefined;
  let best: { readonly pool: BoardPool; readonly soon: number } | undefined;
  for (const pool of board.pools()) {
    const { meta, spec } = pool.state.pool;
    if (!demand.filter.allowed.has(meta.name) || spec.fabric.slots - spec.spares.minHot < demand.wafers) continue;
    const soon = pool.free.length + (draining.get(meta.name) ?? 0);
    if (best === undefined || soon > best.soon) best = { pool, soon };
  }
  return best && { pool: best.pool.state.pool.meta.name, demand };
}

/** Whether no other chain of equal or higher priority has the pool earmarked. */
export function mayTake(demand: Demand, pool: BoardPool, earmarks: readonly Earmark[]): boolean {
  return holderOf(demand, pool, earmarks) === undefined;
}

/** The chain that keeps this one out of the pool. */
export function holderOf(demand: Demand, pool: BoardPool, earmarks: readonly Earmark[]): Demand | undefined {
  const { name } = pool.state.pool.meta;
  return earmarks.find((earmark) => earmark.pool === name && demand.priority <= earmark.demand.priority)?.demand;
}
