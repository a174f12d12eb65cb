/**
 * Bench `placement`: the planner on cells of 100 to 10,000 wafers in pools of 64, every chain placed anew and one wafer
 * changed at rest (OPERATOR §22). One process, no network; CPU time of the process, so that a neighbour costs little.
 */
import { changed, plan, PlanMemo, snapshotOf, type Facts, type StoredObject } from '@reticle/operator/plan';
import { largest, type Bench } from '../run.ts';
import { carriedOut, chainsBound, unplanned, withStatuses } from './cell.ts';
import { LARGEST, placementCells, placementGoals, type PlacementResult } from './figures.ts';

const SIZES = [100, 1_000, LARGEST];
const WARM_ROUNDS = 3;
const DELTAS = 50;
const MIB = 1024 * 1024;

// oxlint-disable-next-line require-await -- a bench is asynchronous; this one only computes
export const placementBench: Bench = async (options, say) => {
  const wanted = SIZES.filter((wafers) => options.only === undefined || `wafers-${wafers}`.startsWith(options.only));
  const results = wanted.map((wafers) => {
    const result = runSize(wafers, options.rounds);
    say(
      `${wafers} wafers: ${result.chains} of ${result.bound} chains, full ${list(result.fullMs)} ms, delta ${list(result.deltaMs)} ms`,
    );
    return result;
  });
  return { cells: placementCells(results), goals: placementGoals(results), skipped: [] };
};

function list(values: readonly number[]): string {
  return values.map((value) => value.toFixed(2)).join(' ');
}

function runSize(wafers: number, rounds: number): PlacementResult {
  const memo = new PlanMemo();
  const given = unplanned(wafers, revisionOf());
  const snapshot = snapshotOf(given);
  for (let round = 0; round < WARM_ROUNDS; round += 1) plan(snapshot, memo);
  const fullMs = Array.from({ length: rounds }, () => cpuMs(() => void plan(snapshot, memo)));
  const placed = plan(snapshot, memo);
  const resting = atRest(carriedOut(given, placed.actions), memo);
  const deltaMs = Array.from({ length: rounds }, () => deltaOf(resting, memo));
  return {
    wafers,
    chains: placed.actions.filter(({ kind }) => kind === 'writePlan').length,
    bound: chainsBound(snapshot),
    fullMs,
    deltaMs,
    writesAtRest: plan(snapshotOf(resting), memo).actions.length,
    rssMiB: largest([process.memoryUsage.rss() / MIB]),
  };
}

/** The revision that the planner gives the deployments of the cell, so that none of them rolls. */
function revisionOf(): string {
  const { actions } = plan(snapshotOf(unplanned(1, 'aaaaaa')), new PlanMemo());
  const status = actions.find(({ kind, target }) => kind === 'setStatus' && target.kind === 'ModelDeployment');
  const found =
    status?.kind === 'setStatus' && 'updatedRevision' in status.body.status
      ? status.body.status.updatedRevision
      : undefined;
  if (found === undefined) throw new Error('a plan names the revision of a deployment');
  return found;
}

/** Statuses settle within a few plans: each replica's, then its deployment's. */
function atRest(given: Facts, memo: PlanMemo): Facts {
  let facts = given;
  for (let pass = 0; pass < 4; pass += 1) facts = withStatuses(facts, plan(snapshotOf(facts), memo).actions);
  return facts;
}

/** Mean of many single changes, each of another wafer. */
function deltaOf(resting: Facts, memo: PlanMemo): number {
  let snapshot = snapshotOf(resting);
  plan(snapshot, memo);
  const wafers: readonly StoredObject[] = resting.objects.filter(({ kind }) => kind === 'Wafer');
  const step = Math.max(1, Math.floor(wafers.length / DELTAS));
  const touched = wafers.filter((_, index) => index % step === 0).slice(0, DELTAS);
  const total = cpuMs(() => {
    for (const wafer of touched) {
      const next = { ...wafer, meta: { ...wafer.meta, resourceVersion: '2' } } as StoredObject;
      snapshot = changed(snapshot, { nowMs: snapshot.nowMs + 1, objects: [next] });
      plan(snapshot, memo);
    }
  });
  return total / touched.length;
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
