import { chainDiagnostics } from '../nofit/chain-diagnostics.ts';
import { DIAGNOSTICS_MAX, type Diagnostic } from '../nofit/diagnostic.ts';
import type { WaferState } from '../pool-state.ts';
import { isSufficient, type ShardedChain } from '../shard/sharded-chain.ts';
import { chainOf, longestChain } from '../shard/sweep.ts';
import { wornChain } from '../shard/worn-chain.ts';
import { SLOTS_MAX, windowOf, type Board, type BoardPool } from './board.ts';
import { byDemandOrder, type Demand, type Objective } from './demand.ts';
import { earmarkFor, mayTake, type Earmark } from './earmark.ts';
import { fragmentation, stranded } from './fragmentation.ts';
import type { Ground } from './ground.ts';
import { roomDiagnostics } from './room-diagnostics.ts';
import { rackCrossings, wornCount } from './window.ts';

/*
 * Placement of OPERATOR §9: demands in one order, each takes the best whole chain or nothing.
 *
 *   pool    fewest spread violations, then the smallest sufficient room, then worn wafers, hop cost, growth of
 *           fragmentation, stranded wafers, name
 *   window  best fit on a line or ring, whole racks on a switched fabric
 *
 * Packing chains of several lengths into pools is bin packing, hence greedy: largest first, best fit (§9.7 repairs what
 * that leaves over by proposals). A chain that has waited too long earmarks a pool, so that small ones cannot keep a
 * large one out for ever.
 */

/** Where a chain stands. */
export type Placement = {
  readonly demand: Demand;
  readonly pool: BoardPool;
  /** In stage order. */
  readonly wafers: readonly WaferState[];
  readonly chain: ShardedChain;
  readonly objective: Objective;
};

/** A chain without a place, with every reason. */
export type Unplaced = { readonly demand: Demand; readonly diagnostics: readonly Diagnostic[] };

export type Placed = {
  readonly placements: readonly Placement[];
  readonly unplaced: readonly Unplaced[];
  readonly earmarks: readonly Earmark[];
};

/** Places what it can; the board holds the result. */
export function place(ground: Ground, demands: readonly Demand[]): Placed {
  const placements: Placement[] = [];
  const unplaced: Unplaced[] = [];
  const earmarks: Earmark[] = [];
  for (const demand of demands.toSorted(byDemandOrder)) {
    const found = placeOne(ground, demand, earmarks);
    if (found !== undefined) {
      placements.push(found);
      continue;
    }
    unplaced.push({ demand, diagnostics: diagnose(ground, demand, earmarks) });
    const earmark = earmarkFor(ground, demand);
    if (earmark !== undefined) earmarks.push(earmark);
  }
  return { placements, unplaced, earmarks };
}

/** The best place of one chain, taken on the board; undefined leaves the board as it was. */
export function placeOne(ground: Ground, demand: Demand, earmarks: readonly Earmark[]): Placement | undefined {
  const best = bestChoice(ground, demand, earmarks);
  if (best === undefined) return undefined;
  ground.board.take(best.pool, best.wafers);
  ground.spread.add(demand.deploymentUid, best.pool.state.pool);
  const { pool, wafers, chain, objective } = best;
  return { demand, pool, wafers, chain, objective };
}

type Choice = Omit<Placement, 'demand'> & { readonly worn: number; readonly room: number };

/** A repair uses spares only where no pool keeps them. */
function bestChoice(ground: Ground, demand: Demand, earmarks: readonly Earmark[]): Choice | undefined {
  const { board } = ground;
  return (
    bestAmong(ground, { demand, earmarks, pools: withSpares(board, demand.wafers) }) ??
    (demand.repair ? bestAmong(ground, { demand, earmarks, pools: board.pools() }) : undefined)
  );
}

type Candidates = {
  readonly demand: Demand;
  readonly earmarks: readonly Earmark[];
  readonly pools: Iterable<BoardPool>;
};

function bestAmong(ground: Ground, { demand, earmarks, pools }: Candidates): Choice | undefined {
  let best: Choice | undefined;
  for (const pool of pools) {
    const { name } = pool.state.pool.meta;
    if (!demand.filter.allowed.has(name) || !mayTake(demand, pool, earmarks)) continue;
    if (best !== undefined && cannotWin(ground, demand, { pool, best })) continue;
    const choice = choiceIn(ground, demand, pool);
    if (choice !== undefined && (best === undefined || isBetter(choice, best))) best = choice;
  }
  return best;
}

/** Pools that keep their spares beside a chain of this length, by rising room. */
function* withSpares(board: Board, wafers: number): Iterable<BoardPool> {
  for (let room = wafers; room <= SLOTS_MAX; room += 1) yield* board.withRoom(room);
}

/**
 * What needs no window to be known: more violations, more room behind as many, or the same by everything else behind a
 * smaller name. Choices of switched pools without worn wafers and with equal room differ by their name alone.
 */
function cannotWin(
  { spread }: Ground,
  demand: Demand,
  { pool, best }: { readonly pool: BoardPool; readonly best: Choice },
): boolean {
  const more = spread.violations(demand, pool.state.pool) - best.objective.spreadViolations || pool.room - best.room;
  if (more !== 0) return more > 0;
  return pool.plain !== undefined && pool.plain === best.pool.plain && pool.rank > best.pool.rank;
}

function isBetter(a: Choice, b: Choice): boolean {
  const byCost =
    a.objective.spreadViolations - b.objective.spreadViolations ||
    a.room - b.room ||
    a.worn - b.worn ||
    a.objective.hopNanos - b.objective.hopNanos ||
    a.objective.fragmentationDelta - b.objective.fragmentationDelta ||
    a.objective.stranded - b.objective.stranded;
  return byCost === 0 ? a.pool.rank < b.pool.rank : byCost < 0;
}

function choiceIn(ground: Ground, demand: Demand, pool: BoardPool): Choice | undefined {
  const wafers = windowOf(pool, demand.wafers);
  const request = demand.requestOn(pool.state);
  if (wafers === undefined || request === undefined) return undefined;
  const whole = chainOf(request, demand.wafers, ground.memo);
  const chain =
    whole &&
    wornChain(
      request,
      whole,
      wafers.map((wafer) => wafer.defectPermille),
    );
  if (chain === undefined) return undefined;
  const taken = new Set(wafers);
  const left = pool.free.filter((wafer) => !taken.has(wafer));
  const { hopUs, crossRackUs } = request.profile;
  const objective: Objective = {
    spreadViolations: ground.spread.violations(demand, pool.state.pool),
    hopNanos: Math.round((wafers.length * hopUs + rackCrossings(wafers) * crossRackUs) * 1_000),
    fragmentationDelta: fragmentation(ground.mix, pool, left) - fragmentation(ground.mix, pool, pool.free),
    stranded: stranded(ground.mix, pool, left),
    imbalancePermille: imbalance(chain),
  };
  return { pool, wafers, chain, objective, worn: wornCount(wafers), room: pool.room };
}

/** How much less the weakest stage holds than the mean of all. */
function imbalance({ plan }: ShardedChain): number {
  const mean = plan.stages.reduce((sum, stage) => sum + stage.kvTokens, 0) / plan.stages.length;
  return mean <= 0 ? 0 : Math.max(0, Math.round(1_000 * (1 - plan.kvTokens / mean)));
}

/** Every failing check: of the pools, of the chain on each class that is left, of the room that they have. */
function diagnose(ground: Ground, demand: Demand, earmarks: readonly Earmark[]): readonly Diagnostic[] {
  const allowed = [...ground.board.pools()].filter((pool) => demand.filter.allowed.has(pool.state.pool.meta.name));
  const chain = chainFaults(ground, demand, allowed);
  const room = chain.length > 0 ? [] : roomDiagnostics(ground, { demand, allowed, earmarks });
  return [...chain, ...room, ...demand.filter.refused].slice(0, DIAGNOSTICS_MAX);
}

function chainFaults(ground: Ground, demand: Demand, allowed: readonly BoardPool[]): readonly Diagnostic[] {
  const { wafers, subject } = demand;
  const judged = new Set<string>();
  const found: Diagnostic[] = [];
  for (const { state } of allowed) {
    const request = demand.requestOn(state);
    if (request === undefined || judged.has(state.pool.spec.classRef)) continue;
    judged.add(state.pool.spec.classRef);
    const chain = chainOf(request, wafers, ground.memo);
    if (chain !== undefined && isSufficient(request, chain)) return [];
    const longest = longestChain(request, demand.filter.sizes);
    found.push(...chainDiagnostics({ request, wafers, longest, subject, memo: ground.memo }));
  }
  return found;
}
