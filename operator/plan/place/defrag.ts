import type { Finding } from '../action.ts';
import type { WaferState } from '../pool-state.ts';
import type { Snapshot } from '../snapshot.ts';
import type { BoardPool } from './board.ts';
import type { Demand } from './demand.ts';
import type { Ground } from './ground.ts';

/**
 * Proposes the chains whose move would open a window of S: on a line or ring with enough free wafers and no run of S,
 * the window that fewest chains stand in (OPERATOR §9.7). Only a proposal.
 */
export function defragFor(snapshot: Snapshot, ground: Ground, demand: Demand): Finding | undefined {
  let best: { readonly pool: BoardPool; readonly moves: readonly string[] } | undefined;
  for (const pool of ground.board.pools()) {
    const moves = isScattered(demand, pool) ? fewestMoves(pool, demand.wafers) : undefined;
    if (moves !== undefined && moves.length < (best?.moves.length ?? Infinity)) best = { pool, moves };
  }
  if (best === undefined) return undefined;
  const moves = best.moves.map((uid) => nameOf(snapshot, uid));
  return { kind: 'defrag', subject: demand.subject, pool: best.pool.state.pool.meta.name, moves };
}

/** Enough free wafers beside the spares, and no run of them. */
function isScattered({ filter, wafers }: Demand, { state: { pool }, free, room }: BoardPool): boolean {
  const { defrag, fabric, spares } = pool.spec;
  const isAllowed = filter.allowed.has(pool.meta.name) && defrag !== 'Off' && fabric.topology !== 'Switched';
  return isAllowed && free.length - spares.minHot >= wafers && room < wafers;
}

/** Holders inside the window of S slots that has fewest of them; a broken wafer cannot be moved. */
function fewestMoves(pool: BoardPool, wafers: number): readonly string[] | undefined {
  const { topology, slots } = pool.state.pool.spec.fabric;
  const bySlot = new Map(pool.state.wafers.map((state) => [state.wafer.spec.slot, state]));
  const starts = topology === 'Ring' ? slots : slots - wafers + 1;
  let best: readonly string[] | undefined;
  for (let start = 0; start < starts; start += 1) {
    const window = Array.from({ length: wafers }, (_, index) => bySlot.get((start + index) % slots));
    if (!window.every(isMovable)) continue;
    const holders = new Set(window.flatMap((state) => state?.wafer.spec.claim?.uid ?? []));
    if (best === undefined || holders.size < best.length) best = [...holders];
  }
  return best;
}

function isMovable(state: WaferState | undefined): boolean {
  return state !== undefined && state.fault === undefined;
}

function nameOf(snapshot: Snapshot, uid: string): string {
  for (const replicas of snapshot.replicas.values()) {
    const found = replicas.find(({ meta }) => meta.uid === uid);
    if (found !== undefined) return `mr/${found.meta.name}`;
  }
  return uid;
}
