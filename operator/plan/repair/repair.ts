import { utcMs } from '@reticle/operator/api';
import { refOf, type Action } from '../action.ts';
import { utcText } from '../digest/utc-text.ts';
import type { StoredDeployment } from '../facts.ts';
import { rackCrossings } from '../place/window.ts';
import type { Objective } from '../place/demand.ts';
import type { PoolState, WaferState } from '../pool-state.ts';
import { hasBeenReady, isCommitted, podsNow, type ReplicaView } from '../replica-view.ts';
import { isSufficient, shardedChain, type ShardedChain, type ShardRequest } from '../shard/sharded-chain.ts';
import { wornChain } from '../shard/worn-chain.ts';

/*
 * Repair of OPERATOR §12: find what is broken, end the epoch, and choose how the next one is made.
 *
 *   SamePlacement    the same wafers, epoch + 1; not where a wafer is the cause, nor past `attempts`
 *   SpareSwap        the broken stages on free wafers of the same pool; the stage index is kept
 *   ColdReplacement  a full placement anywhere in the region, the old wafers given back
 */

const DEFAULTS = { unhealthyAfterSeconds: 10, attempts: 2, timeoutSeconds: 120 } as const;

/** A wafer of the chain that can no longer carry it; being closed or drained is a planned move, not damage. */
const damaging = new Set<WaferState['fault']>(['unknown', 'lost', 'mismatch', 'unhealthy']);

type Damage = { readonly detail: string };

/** What is broken in a running chain; undefined when nothing is. */
export function damageOf(view: ReplicaView): Damage | { readonly recheckAtMs: number } | undefined {
  if (!isCommitted(view.replica)) return undefined;
  const wafer = view.held.find(({ state }) => damaging.has(state.fault));
  if (wafer !== undefined) return { detail: `wafer ${wafer.state.wafer.meta.name} ${wafer.state.fault ?? ''}` };
  const failed = podsNow(view).find(({ phase, deletionMs }) => phase === 'Failed' || deletionMs !== undefined);
  if (failed !== undefined) return { detail: `pod ${failed.name} ended` };
  const missing = missingPod(view);
  if (hasBeenReady(view)) return missing ?? unreadyPod(view);
  return missing && afterReserve(view, missing);
}

/** Right after the commit a cache of pods may lack some of them; past the deadline of the reservation it does not. */
function afterReserve({ replica, nowMs }: ReplicaView, damage: Damage): Damage | { readonly recheckAtMs: number } {
  const deadlineMs = utcMs(replica.spec.fence?.deadline ?? '') ?? 0;
  return nowMs > deadlineMs ? damage : { recheckAtMs: deadlineMs + 1 };
}

function missingPod(view: ReplicaView): Damage | undefined {
  const present = new Set(podsNow(view).map(({ stage }) => stage));
  const missing = view.replica.spec.plan?.stages.find(({ stage }) => !present.has(stage));
  return missing === undefined ? undefined : { detail: `stage ${missing.stage} has no pod` };
}

function unreadyPod(view: ReplicaView): Damage | { readonly recheckAtMs: number } | undefined {
  const seconds = view.deployment?.spec.repair.unhealthyAfterSeconds ?? DEFAULTS.unhealthyAfterSeconds;
  const unready = podsNow(view).filter(({ ready }) => !ready);
  const first = unready.toSorted((a, b) => a.readySinceMs - b.readySinceMs)[0];
  if (first === undefined) return undefined;
  const dueMs = first.readySinceMs + seconds * 1_000;
  return view.nowMs > dueMs ? { detail: `pod ${first.name} is not Ready` } : { recheckAtMs: dueMs + 1 };
}

/** Ends the epoch of a broken chain. It runs on with another. */
export function endBroken({ replica, deployment, nowMs }: ReplicaView): Action {
  const deadlineSeconds = deployment?.spec.drain.timeoutSeconds ?? DEFAULTS.timeoutSeconds;
  const retire = { epoch: replica.spec.epoch, reason: 'Repair', requestedAt: utcText(nowMs), deadlineSeconds } as const;
  return { kind: 'retire', target: refOf(replica), because: 'Repairing', body: { desired: 'Run', retire } };
}

/** How the next epoch of a replica is made. */
export type RepairPlan =
  | {
      readonly mode: 'SamePlacement' | 'SpareSwap';
      readonly wafers: readonly WaferState[];
      readonly chain: ShardedChain;
      readonly objective: Objective;
    }
  | { readonly mode: 'ColdReplacement' };

type Ground = {
  readonly pool: PoolState | undefined;
  /** Free wafers of the pool that no other plan of this pass has taken; spares included. */
  readonly free: readonly WaferState[];
  readonly request: ShardRequest | undefined;
  readonly whole: ShardedChain | undefined;
};

/** The first mode of the deployment's list that works. */
export function repairPlan(view: ReplicaView, ground: Ground): RepairPlan {
  const modes = view.deployment?.spec.repair.modes ?? (['SamePlacement', 'SpareSwap', 'ColdReplacement'] as const);
  for (const mode of modes) {
    const found = tries[mode](view, ground);
    if (found !== undefined) return found;
  }
  return { mode: 'ColdReplacement' };
}

type Mode = StoredDeployment['spec']['repair']['modes'][number];
type Try = (view: ReplicaView, ground: Ground) => RepairPlan | undefined;

const samePlacement: Try = (view, ground) => {
  const attempts = view.replica.status?.attempts ?? 0;
  if (attempts >= (view.deployment?.spec.repair.attempts ?? DEFAULTS.attempts)) return undefined;
  const wafers = keptWafers(view);
  return wafers.every((wafer) => wafer !== undefined) ? chainOn('SamePlacement', wafers, ground) : undefined;
};

/** A line or ring keeps its stages side by side, so a spare from elsewhere is no stage of it. */
const spareSwap: Try = (view, ground) => {
  if (ground.pool?.pool.spec.fabric.topology !== 'Switched') return undefined;
  const kept = keptWafers(view);
  const spares = [...ground.free].toSorted((a, b) => a.defectPermille - b.defectPermille);
  const missing = kept.filter((wafer) => wafer === undefined).length;
  if (missing === 0 || missing > spares.length) return undefined;
  const wafers = kept.map((wafer) => wafer ?? spares.shift());
  return wafers.every((wafer) => wafer !== undefined) ? chainOn('SpareSwap', wafers, ground) : undefined;
};

const coldReplacement: Try = () => ({ mode: 'ColdReplacement' });

const tries: Readonly<Record<Mode, Try>> = {
  SamePlacement: samePlacement,
  SpareSwap: spareSwap,
  ColdReplacement: coldReplacement,
};

/** The sound wafers that the replica still holds, by stage; undefined where one is missing. */
function keptWafers({ replica, held }: ReplicaView): (WaferState | undefined)[] {
  const bySound = new Map(
    held.filter(({ state }) => state.fault === undefined).map(({ state }) => [state.wafer.meta.name, state]),
  );
  return (replica.spec.plan?.stages ?? []).map(({ wafer }) => (wafer === undefined ? undefined : bySound.get(wafer)));
}

/** Refused when the chain on these wafers would not hold what the tier is promised. */
function chainOn(
  mode: 'SamePlacement' | 'SpareSwap',
  wafers: readonly WaferState[],
  { request, whole }: Ground,
): RepairPlan | undefined {
  if (request === undefined || whole === undefined || wafers.length === 0) return undefined;
  const chain = wornChain(
    request,
    whole,
    wafers.map(({ defectPermille }) => defectPermille),
  );
  if (chain === undefined || !isSufficient(request, shardedChain(request, chain.plan))) return undefined;
  const { hopUs, crossRackUs } = request.profile;
  const hopNanos = Math.round((wafers.length * hopUs + rackCrossings(wafers) * crossRackUs) * 1_000);
  const objective = { spreadViolations: 0, hopNanos, fragmentationDelta: 0, stranded: 0, imbalancePermille: 0 };
  return { mode, wafers, chain, objective };
}
