import { assert } from '@reticle/core/domain';
import { refOf, type Action, type Finding } from './action.ts';
import { needsWafers } from './chain-inputs.ts';
import { requestOn, type DeploymentContext } from './deployment-context.ts';
import type { StoredReplica } from './facts.ts';
import type { Diagnostic } from './nofit/diagnostic.ts';
import { Board } from './place/board.ts';
import { defragFor } from './place/defrag.ts';
import type { Demand } from './place/demand.ts';
import { chainMix } from './place/fragmentation.ts';
import type { Ground } from './place/ground.ts';
import { place, type Placement, type Unplaced } from './place/place.ts';
import { isPhaseOpen, type PoolFilter } from './place/pool-filter.ts';
import { preemptFor } from './place/preempt.ts';
import { SpreadCount } from './place/spread.ts';
import type { PlanMemo } from './plan-memo.ts';
import type { PoolState, WaferState } from './pool-state.ts';
import { repairPlan, type RepairPlan } from './repair/repair.ts';
import type { ReplicaView } from './replica-view.ts';
import { hostPlanAction } from './reserve/host-plan.ts';
import { releaseActions } from './reserve/reserve.ts';
import { writePlanAction } from './reserve/write-plan.ts';
import { chainOf } from './shard/sweep.ts';
import type { Snapshot } from './snapshot.ts';

/** A replica that needs a plan. */
export type Wanting = {
  readonly view: ReplicaView;
  readonly wants: 'place' | 'repair';
  readonly context: DeploymentContext;
  readonly filter: PoolFilter;
};

/** By the uid of the replica. */
export type PlacedAll = {
  readonly actions: ReadonlyMap<string, readonly Action[]>;
  readonly diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;
  readonly findings: readonly Finding[];
};

const NOTHING: PlacedAll = { actions: new Map(), diagnostics: new Map(), findings: [] };

/** Repairs in place first, then everything that needs a place, region by region. */
export function placeAll(snapshot: Snapshot, memo: PlanMemo, wanting: readonly Wanting[]): PlacedAll {
  if (wanting.length === 0) return NOTHING;
  const regions = new Map<string, Wanting[]>();
  for (const each of wanting) {
    const { region } = each.filter;
    const known = regions.get(region);
    if (known === undefined) regions.set(region, [each]);
    else known.push(each);
  }
  const parts = [...regions].map(([region, own]) => placeRegion(snapshot, memo, { region, own }));
  return {
    actions: new Map(parts.flatMap(({ actions }) => [...actions])),
    diagnostics: new Map(parts.flatMap(({ diagnostics }) => [...diagnostics])),
    findings: parts.flatMap(({ findings }) => findings),
  };
}

type Region = { readonly region: string; readonly own: readonly Wanting[] };

function placeRegion(snapshot: Snapshot, memo: PlanMemo, { region, own }: Region): PlacedAll {
  const ground = groundOf(snapshot, memo, region);
  const actions = new Map<string, readonly Action[]>();
  const demands = new Map<Demand, Wanting>();
  for (const each of own) {
    const { uid } = each.view.replica.meta;
    const inPlace = needsWafers(each.context.deployment)
      ? repaired(snapshot, memo, { ground, wanting: each })
      : [hostPlanAction(each.view, memo.geometry(each.context.model))];
    if (inPlace !== undefined) actions.set(uid, inPlace);
    else demands.set(demandOf(snapshot, memo, each), each);
  }
  const { placements, unplaced, earmarks } = place(ground, [...demands.keys()]);
  for (const placement of placements) {
    const wanted = demands.get(placement.demand);
    assert(wanted !== undefined, 'what is placed was asked for');
    actions.set(wanted.view.replica.meta.uid, [
      written(snapshot, memo, { replica: wanted.view.replica, ...placement, pool: placement.pool.state }),
    ]);
  }
  const refs = new Map([...demands].map(([demand, { view }]) => [demand.uid, refOf(view.replica)]));
  return {
    actions,
    diagnostics: new Map(unplaced.map(({ demand, diagnostics }) => [demand.uid, diagnostics])),
    findings: [
      ...placements.flatMap((placement) => findingsOf(placement, refs)),
      ...unplaced.flatMap((each) => unplacedFindings(snapshot, ground, { each, refs })),
      ...earmarks.map(({ pool, demand }): Finding => ({ kind: 'earmarked', pool, subject: demand.subject })),
    ],
  };
}

/**
 * Pools by name; wafers of a phase that is not open take no chain, whatever their pool says (R11), nor do those that a
 * plan is about to claim.
 */
function groundOf(snapshot: Snapshot, memo: PlanMemo, region: string): Ground {
  const pools = [...snapshot.pools.values()].filter(({ pool }) => pool.spec.region === region);
  const open = new Set([...snapshot.phases.keys()].filter((phase) => isPhaseOpen(snapshot, phase)));
  const promised = promisedWafers(snapshot);
  const admits = ({ wafer: { meta, spec } }: WaferState): boolean =>
    !promised.has(meta.name) && (spec.phaseRef === undefined || open.has(spec.phaseRef));
  const replicas = [...snapshot.replicas.values()].flat().filter(({ spec }) => spec.region === region);
  const running = replicas.filter(({ spec }) => spec.desired === 'Run');
  return {
    board: new Board(pools, admits),
    spread: spreadOf(snapshot, running),
    mix: chainMix(running.map(({ spec }) => ({ wafers: spec.inputs.shape.wafers, count: 1 }))),
    memo: memo.chains,
    nowMs: snapshot.nowMs,
    draining: drainingWafers(replicas),
  };
}

function spreadOf(snapshot: Snapshot, running: readonly StoredReplica[]): SpreadCount {
  const spread = new SpreadCount();
  for (const { spec } of running) {
    const state = spec.plan?.pool === undefined ? undefined : snapshot.pools.get(spec.plan.pool);
    if (state !== undefined) spread.add(spec.deployment.uid, state.pool);
  }
  return spread;
}

/** Wafers of each pool that retiring chains give back. */
function drainingWafers(replicas: readonly StoredReplica[]): ReadonlyMap<string, number> {
  const draining = new Map<string, number>();
  for (const { spec } of replicas) {
    const pool = spec.plan?.pool;
    if (spec.desired === 'Run' || pool === undefined) continue;
    draining.set(pool, (draining.get(pool) ?? 0) + (spec.plan?.stages.length ?? 0));
  }
  return draining;
}

/** Wafers of plans whose reservation is under way. */
function promisedWafers(snapshot: Snapshot): ReadonlySet<string> {
  const pending = [...snapshot.replicas.values()].flat().filter(({ spec }) => spec.fence?.outcome === 'Pending');
  const stages = pending.flatMap(({ spec }) => spec.plan?.stages ?? []);
  return new Set(stages.flatMap(({ wafer }) => (wafer === undefined ? [] : [wafer])));
}

type Repairing = { readonly ground: Ground; readonly wanting: Wanting };

/** Actions of a repair that needs no new place; undefined: it needs one. */
function repaired(snapshot: Snapshot, memo: PlanMemo, { ground, wanting }: Repairing): readonly Action[] | undefined {
  const { view, wants, context } = wanting;
  const { replica, pool } = view;
  if (wants !== 'repair') return undefined;
  const onBoard = pool && ground.board.pool(pool.pool.meta.name);
  if (pool === undefined || onBoard === undefined) return given(view);
  const { shape } = replica.spec.inputs;
  const request = requestOn({ snapshot, memo, context, shape }, pool);
  const whole = request && chainOf(request, shape.wafers, memo.chains);
  const found = repairPlan(view, { pool, free: onBoard.free, request, whole });
  if (found.mode === 'ColdReplacement') return given(view);
  const spares = found.wafers.filter((wafer) => onBoard.free.includes(wafer));
  ground.board.take(onBoard, spares);
  return [written(snapshot, memo, { replica, pool, ...found })];
}

/** A chain that goes elsewhere gives back what it holds first. */
function given(view: ReplicaView): readonly Action[] | undefined {
  return view.held.length > 0 ? releaseActions(view, view.held) : undefined;
}

type Chosen = { readonly replica: StoredReplica; readonly pool: PoolState } & Pick<
  Extract<RepairPlan, { wafers: unknown }>,
  'wafers' | 'chain' | 'objective'
>;

function written(snapshot: Snapshot, memo: PlanMemo, { replica, pool, wafers, chain, objective }: Chosen): Action {
  const waferClass = snapshot.classes.get(pool.pool.spec.classRef);
  assert(waferClass !== undefined, 'a chain is planned on a known class');
  return writePlanAction({
    replica,
    pool: pool.pool.meta.name,
    wafers,
    chain,
    objective,
    profileDigest: memo.digest(waferClass.spec.profile),
    inputsDigest: memo.inputsDigest(replica.spec.inputs),
    inventoryRevision: memo.inventoryRevision(pool),
    nowMs: snapshot.nowMs,
  });
}

function demandOf(snapshot: Snapshot, memo: PlanMemo, { view, wants, context, filter }: Wanting): Demand {
  const { replica } = view;
  const { shape } = replica.spec.inputs;
  const { spread, preemption } = context.deployment.spec;
  return {
    uid: replica.meta.uid,
    subject: `mr/${replica.meta.name}`,
    deploymentUid: context.deployment.meta.uid,
    repair: wants === 'repair',
    priority: context.priority,
    wafers: shape.wafers,
    creationMs: replica.meta.creationMs,
    waitingSinceMs: replica.meta.creationMs,
    spread,
    preemption,
    filter,
    requestOn: (pool) => requestOn({ snapshot, memo, context, shape }, pool),
  };
}

type Refs = ReadonlyMap<string, ReturnType<typeof refOf>>;

/** Below this share of the mean, the weakest stage wastes what the others hold (WAFER §8 UnevenLayers). */
const UNEVEN_PERMILLE = 200;

function findingsOf({ demand, chain, objective, pool }: Placement, refs: Refs): readonly Finding[] {
  const subject = refs.get(demand.uid);
  if (subject === undefined) return [];
  const found: Finding[] = [];
  if (chain.plan.drafterDropped) found.push({ kind: 'drafterDropped', subject });
  if (objective.imbalancePermille > UNEVEN_PERMILLE) {
    found.push({ kind: 'unevenLayers', subject, imbalancePermille: objective.imbalancePermille });
  }
  if (objective.stranded > 0)
    found.push({ kind: 'stranded', pool: pool.state.pool.meta.name, wafers: objective.stranded });
  return found;
}

type Unfitted = { readonly each: Unplaced; readonly refs: Refs };

function unplacedFindings(snapshot: Snapshot, ground: Ground, { each, refs }: Unfitted): readonly Finding[] {
  const subject = refs.get(each.demand.uid);
  const proposals = [preemptFor(snapshot, ground, each.demand), defragFor(snapshot, ground, each.demand)];
  const proposed = proposals.filter((found) => found !== undefined);
  return subject === undefined ? proposed : [{ kind: 'noFit', subject, diagnostics: each.diagnostics }, ...proposed];
}
