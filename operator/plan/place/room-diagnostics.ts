import type { NoFitCode } from '@reticle/operator/api';
import type { Diagnostic, Nearest } from '../nofit/diagnostic.ts';
import { isSufficient } from '../shard/sharded-chain.ts';
import { chainOf } from '../shard/sweep.ts';
import type { BoardPool } from './board.ts';
import type { Demand } from './demand.ts';
import { holderOf, type Earmark } from './earmark.ts';
import type { Ground } from './ground.ts';
import { largestRun } from './window.ts';

type Room = {
  readonly pool: BoardPool;
  readonly name: string;
  readonly slots: number;
  readonly minHot: number;
  readonly free: number;
  readonly run: number;
  /** Wafers whose node is not known or lost. */
  readonly unknown: number;
  readonly draining: number;
};
type Asked = { readonly demand: Demand; readonly allowed: readonly BoardPool[]; readonly earmarks: readonly Earmark[] };
type Finding = { readonly need: number; readonly have: number; readonly unit: string };
/** A named check of one pool's room. */
type RoomCheck = (demand: Demand, room: Room) => Finding | undefined;

const poolTooSmall: RoomCheck = ({ wafers }, { slots, minHot }) =>
  slots - minHot < wafers ? { need: wafers + minHot, have: slots, unit: 'slots' } : undefined;

const freeWafersShort: RoomCheck = ({ wafers }, { slots, minHot, free }) =>
  slots - minHot >= wafers && free < wafers ? { need: wafers + minHot, have: free, unit: 'free wafers' } : undefined;

const windowShort: RoomCheck = ({ wafers }, { free, run }) =>
  free >= wafers && run < wafers ? { need: wafers, have: run, unit: 'wafers side by side' } : undefined;

const sparesShort: RoomCheck = ({ wafers, repair }, { slots, minHot, free }) =>
  !repair && slots - minHot >= wafers && free >= wafers && free - wafers < minHot
    ? { need: minHot, have: free - wafers, unit: 'spares' }
    : undefined;

const wafersUnknown: RoomCheck = ({ wafers }, { minHot, free, unknown }) =>
  unknown > 0 && free < wafers + minHot && free + unknown >= wafers + minHot
    ? { need: wafers + minHot, have: free, unit: `known wafers, ${unknown} unknown` }
    : undefined;

const checks: readonly (readonly [NoFitCode, RoomCheck])[] = [
  ['PoolTooSmall', poolTooSmall],
  ['FreeWafersShort', freeWafersShort],
  ['WindowShort', windowShort],
  ['SparesShort', sparesShort],
  ['WafersUnknown', wafersUnknown],
];

/** Each failing check once, for the allowed pool that comes nearest; what a drain would free is named. */
export function roomDiagnostics(ground: Ground, { demand, allowed, earmarks }: Asked): readonly Diagnostic[] {
  const rooms = allowed
    .map((pool) => roomIn(ground, pool))
    .toSorted((a, b) => b.free - a.free || a.pool.rank - b.pool.rank);
  const found = checks.flatMap(([code, check]): Diagnostic[] => {
    const failed = rooms.flatMap((room) => {
      const finding = check(demand, room);
      return finding === undefined ? [] : [{ room, finding }];
    });
    const nearest = failed.toSorted((a, b) => b.finding.have - a.finding.have)[0];
    if (nearest === undefined || (code === 'PoolTooSmall' && failed.length < rooms.length)) return [];
    const detail = { ...nearest.finding, nearest: nearestTo(ground, { demand, rooms, code }) };
    return [{ code, subject: nearest.room.name, detail }];
  });
  return [...found, ...earmarked(demand, rooms, earmarks)];
}

function earmarked(demand: Demand, rooms: readonly Room[], earmarks: readonly Earmark[]): readonly Diagnostic[] {
  return rooms
    .filter(({ pool, free, run }) => (demand.repair ? Math.min(free, run) : pool.room) >= demand.wafers)
    .flatMap(({ pool, name }): Diagnostic[] => {
      const holder = holderOf(demand, pool, earmarks);
      if (holder === undefined) return [];
      const detail = { need: demand.wafers, have: pool.room, unit: `wafers kept for ${holder.subject}`, nearest: [] };
      return [{ code: 'Earmarked', subject: name, detail }];
    });
}

function roomIn({ draining }: Ground, pool: BoardPool): Room {
  const { meta, spec } = pool.state.pool;
  const isSwitched = spec.fabric.topology === 'Switched';
  return {
    pool,
    name: meta.name,
    slots: spec.fabric.slots,
    minHot: spec.spares.minHot,
    free: pool.free.length,
    run: isSwitched ? pool.free.length : largestRun(spec.fabric, pool.free),
    unknown: pool.state.wafers.filter(({ fault }) => fault === 'unknown' || fault === 'lost').length,
    draining: draining.get(meta.name) ?? 0,
  };
}

type Search = { readonly demand: Demand; readonly rooms: readonly Room[]; readonly code: NoFitCode };

/** A pool that a drain will free; where no pool is large enough, the longest chain that one could hold. */
function nearestTo(ground: Ground, { demand, rooms, code }: Search): readonly Nearest[] {
  if (code === 'PoolTooSmall') return shorterChain(ground, demand, rooms);
  const soon = rooms.find(({ free, draining, minHot }) => draining > 0 && free + draining >= demand.wafers + minHot);
  return soon === undefined ? [] : [{ pool: soon.name }];
}

function shorterChain({ memo }: Ground, demand: Demand, rooms: readonly Room[]): readonly Nearest[] {
  const longest = rooms.reduce((most, { slots, minHot }) => Math.max(most, slots - minHot), 0);
  for (let wafers = Math.min(longest, demand.wafers - 1); wafers >= 1; wafers -= 1) {
    for (const { pool } of rooms) {
      const request = demand.requestOn(pool.state);
      const chain = request && chainOf(request, wafers, memo);
      if (request !== undefined && chain !== undefined && isSufficient(request, chain)) {
        return [{ wafers, streams: chain.streams }];
      }
    }
  }
  return [];
}
