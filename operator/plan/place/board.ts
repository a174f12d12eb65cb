import { assert } from '@reticle/core/domain';
import { WORN_PERMILLE, type PoolState, type WaferState } from '../pool-state.ts';
import { largestRun, runLengths, windowIn } from './window.ts';

/*
 * The free wafers of a region's pools while one pass places chains on them: taken, given back, undone.
 *
 * Pools stand in buckets by their room, the longest chain that they hold with `minHot` spares left. A chain of S looks
 * from bucket S upward, so its cost follows the pools that could hold it, not the cell.
 */

/** A pool on the board. */
export type BoardPool = {
  readonly state: PoolState;
  /** Position among the pools by name: the last tie. */
  readonly rank: number;
  /** Unclaimed wafers without a fault, by rising slot. */
  free: readonly WaferState[];
  /** Longest chain that may be placed; negative when spares are short. */
  room: number;
  /** Equal pools whose choices can differ by name alone; absent on a line or ring, and with worn wafers. */
  plain: string | undefined;
};

/** Undoes what was taken since it was made. */
export type Undo = () => void;

/** Slots of the largest pool (OPERATOR §3). */
export const SLOTS_MAX = 256;

export class Board {
  readonly #pools = new Map<string, BoardPool>();
  readonly #buckets: Set<BoardPool>[] = Array.from({ length: SLOTS_MAX + 1 }, () => new Set());

  /** `admits` leaves out free wafers that no chain may take, such as those of a phase that is not open. */
  constructor(pools: readonly PoolState[], admits: (wafer: WaferState) => boolean) {
    for (const [rank, state] of pools.entries()) {
      const free = state.free.every(admits) ? state.free : state.free.filter(admits);
      const pool = { state, rank, free, room: roomOf(state, free), plain: plainOf(state, free) };
      this.#pools.set(state.pool.meta.name, pool);
      this.#bucket(pool.room)?.add(pool);
    }
  }

  pool(name: string): BoardPool | undefined {
    return this.#pools.get(name);
  }

  pools(): IterableIterator<BoardPool> {
    return this.#pools.values();
  }

  /** Pools with exactly this room. */
  withRoom(room: number): ReadonlySet<BoardPool> {
    return this.#bucket(room) ?? new Set();
  }

  /** Takes free wafers of a pool. */
  take(pool: BoardPool, wafers: readonly WaferState[]): Undo {
    const before = pool.free;
    const taken = new Set(wafers);
    const free = before.filter((wafer) => !taken.has(wafer));
    assert(free.length === before.length - wafers.length, 'only free wafers are taken, each once');
    this.#set(pool, free);
    return () => this.#set(pool, before);
  }

  /** Puts wafers back that are not free, as if their chain were gone. */
  give(pool: BoardPool, wafers: readonly WaferState[]): Undo {
    const before = pool.free;
    const free = [...before, ...wafers].toSorted((a, b) => a.wafer.spec.slot - b.wafer.spec.slot);
    this.#set(pool, free);
    return () => this.#set(pool, before);
  }

  #set(pool: BoardPool, free: readonly WaferState[]): void {
    this.#bucket(pool.room)?.delete(pool);
    pool.free = free;
    pool.room = roomOf(pool.state, free);
    pool.plain = plainOf(pool.state, free);
    this.#bucket(pool.room)?.add(pool);
  }

  #bucket(room: number): Set<BoardPool> | undefined {
    return room < 0 ? undefined : this.#buckets[room];
  }
}

/** Racks are of one class, so hop costs of whole racks are equal too; a class with dear rack edges is compared. */
function plainOf({ pool }: PoolState, free: readonly WaferState[]): string | undefined {
  const { classRef, fabric, spares } = pool.spec;
  if (fabric.topology !== 'Switched' || free.some(({ defectPermille }) => defectPermille > WORN_PERMILLE))
    return undefined;
  return `${classRef} ${fabric.rackSize} ${spares.minHot}`;
}

/** Longest chain that these free wafers hold, `minHot` of them left over. */
export function roomOf(state: PoolState, free: readonly WaferState[]): number {
  const { fabric, spares } = state.pool.spec;
  const left = free.length - spares.minHot;
  return fabric.topology === 'Switched' ? left : Math.min(left, largestRun(fabric, free));
}

/** Wafers for a chain of this length in stage order, or undefined when the pool has no such window. */
export function windowOf(pool: BoardPool, wafers: number): readonly WaferState[] | undefined {
  return windowIn(pool.state.pool.spec.fabric, pool.free, wafers);
}

/** Free wafers that a chain of this length could not use when the pool is filled with such chains. */
export function unusable(pool: BoardPool, free: readonly WaferState[], wafers: number): number {
  const { fabric, spares } = pool.state.pool.spec;
  if (fabric.topology === 'Switched') return Math.max(0, free.length - spares.minHot) % wafers;
  return runLengths(fabric, free).reduce((sum, length) => sum + (length % wafers), 0);
}
