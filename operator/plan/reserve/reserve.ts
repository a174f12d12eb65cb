import { utcMs } from '@reticle/operator/api';
import { refOf, type Action } from '../action.ts';
import type { PlannedStage, ReplicaPlan, StoredReplica, WaferClaim } from '../facts.ts';
import { planName, podName } from '../replica-name.ts';
import { COMMIT_GATE, podsNow, type HeldWafer, type ReplicaView } from '../replica-view.ts';
import { sameValue } from '../same-value.ts';
import type { Step } from '../step.ts';
import type { WaferState } from '../pool-state.ts';

/*
 * Steps 2 to 6 of OPERATOR §10, each from what is observed, so that any of them can be the first after a crash.
 *
 *   claim    every stage's wafer carries (uid, epoch, digest) at the planned wafer epoch
 *   objects  ConfigMap, Service, budget, gated pods
 *   commit   the one commit point
 *   bind     our gate off, after the commit alone
 *   abort    a lost race, a wafer that cannot be had, or the deadline; then pods, then claims
 *
 * Invariants: nothing is claimed while pods of an earlier epoch live; a plan is committed only with all its claims;
 * claims of an aborted epoch are cleared only when its pods are gone.
 */

/** The epoch that is being reserved. */
type Pending = {
  readonly view: ReplicaView;
  readonly plan: ReplicaPlan;
};

/** The next step of a replica whose fence is Pending. */
export function reserveStep(view: ReplicaView): Step {
  const { plan, fence } = view.replica.spec;
  if (plan === undefined || fence === undefined)
    return { phase: 'Pending', reason: 'Reserving', actions: [], wants: 'place' };
  const pending = { view, plan };
  const deadlineMs = fence.deadline === undefined ? undefined : utcMs(fence.deadline);
  if (deadlineMs !== undefined && view.nowMs > deadlineMs) return abort(view, 'ReserveTimedOut');
  const step = claimStep(pending) ?? objectsStep(pending) ?? commitStep(pending);
  return deadlineMs === undefined ? step : { ...step, wakeAtMs: deadlineMs + 1 };
}

function abort(view: ReplicaView, because: 'ReserveTimedOut' | 'ClaimConflict' | 'WaferUnhealthy'): Step {
  const { epoch } = view.replica.spec;
  const action: Action = { kind: 'abort', target: refOf(view.replica), because, body: { epoch } };
  return { phase: 'Reserving', reason: because, actions: [action] };
}

/** Step 2; undefined when every claim is there. */
function claimStep(pending: Pending): Step | undefined {
  const { view, plan } = pending;
  const { pool } = view;
  const missing = plan.stages.filter((stage) => stage.wafer !== undefined && !isClaimed(pending, stage));
  if (missing.length === 0) return undefined;
  const earlier = view.pods.filter(({ epoch }) => epoch < view.replica.spec.epoch);
  if (earlier.length > 0) return { phase: 'Reserving', reason: 'Reserving', actions: [] };
  const actions: Action[] = [];
  for (const stage of missing) {
    const found = pool?.wafers.find(({ wafer }) => wafer.meta.name === stage.wafer);
    const refusal = found === undefined ? 'ClaimConflict' : whyNot(view, found, stage);
    if (found === undefined || refusal !== undefined) return abort(view, refusal ?? 'ClaimConflict');
    actions.push({
      kind: 'claim',
      target: refOf(found.wafer),
      because: 'Reserving',
      body: { epoch: stage.waferEpoch ?? 1, claim: claimOf(view.replica, plan, stage) },
    });
  }
  return { phase: 'Reserving', reason: 'Reserving', actions };
}

/** What the claim of a stage says. */
export function claimOf({ meta, spec }: StoredReplica, plan: ReplicaPlan, stage: PlannedStage): WaferClaim {
  return {
    namespace: meta.namespace ?? '',
    replica: meta.name,
    uid: meta.uid,
    stage: stage.stage,
    replicaEpoch: spec.epoch,
    planDigest: plan.digest,
  };
}

function isClaimed({ view, plan }: Pending, stage: PlannedStage): boolean {
  const held = view.held.find(({ state }) => state.wafer.meta.name === stage.wafer);
  return held !== undefined && sameValue(held.claim, claimOf(view.replica, plan, stage));
}

/** A wafer that another has, that moved on, or that can take no chain any more. */
function whyNot(
  view: ReplicaView,
  { wafer, fault }: WaferState,
  stage: PlannedStage,
): 'ClaimConflict' | 'WaferUnhealthy' | undefined {
  const { claim, epoch } = wafer.spec;
  if (claim !== undefined && claim.uid !== view.replica.meta.uid) return 'ClaimConflict';
  if (stage.waferEpoch !== epoch + 1) return 'ClaimConflict';
  return fault === undefined ? undefined : 'WaferUnhealthy';
}

/** Step 3; undefined when every object is there. */
function objectsStep({ view, plan }: Pending): Step | undefined {
  const { pool } = view;
  const { meta, spec } = view.replica;
  const { epoch } = spec;
  const target = refOf(view.replica);
  const children = [...missingChildren(view)];
  const present = new Set(podsNow(view).map(({ stage }) => stage));
  const nodes = new Map(pool?.wafers.map(({ wafer }) => [wafer.meta.name, wafer.spec.nodeName]));
  for (const { stage, wafer } of plan.stages) {
    if (present.has(stage)) continue;
    const node = wafer === undefined ? undefined : nodes.get(wafer);
    const name = podName(meta.name, epoch, stage);
    const body = { child: 'Pod' as const, name, epoch, stage, ...(node === undefined ? {} : { node }) };
    children.push({ kind: 'createChild', target, because: 'Reserving', body });
  }
  return children.length === 0 ? undefined : { phase: 'Reserving', reason: 'Reserving', actions: children };
}

/** What a chain needs beside its pods, and lacks; somebody may have deleted it under a running one. */
export function missingChildren({ replica, children }: ReplicaView): readonly Action[] {
  const { meta, spec } = replica;
  const { epoch } = spec;
  const wanted = [
    { child: 'ConfigMap', name: planName(meta.name, epoch) },
    { child: 'Service', name: meta.name },
    { child: 'PodDisruptionBudget', name: meta.name },
  ] as const;
  return wanted
    .filter(({ child, name }) => !children.some((each) => each.kind === child && each.name === name))
    .map((each) => ({
      kind: 'createChild',
      target: refOf(replica),
      because: 'Reserving',
      body: { ...each, epoch },
    }));
}

/** Step 4: a pod with another gate, or one that is going away, holds the commit back. */
function commitStep({ view, plan }: Pending): Step {
  const pods = podsNow(view);
  if (pods.some(({ gates }) => gates.some((gate) => gate !== COMMIT_GATE))) {
    return { phase: 'Reserving', reason: 'ExternallyGated', actions: [] };
  }
  if (pods.some(({ deletionMs, phase }) => deletionMs !== undefined || phase === 'Failed'))
    return abort(view, 'ClaimConflict');
  const wafers = plan.stages.flatMap(({ wafer }) => (wafer === undefined ? [] : [wafer]));
  const body = { epoch: view.replica.spec.epoch, digest: plan.digest, wafers };
  const action: Action = { kind: 'commit', target: refOf(view.replica), because: 'Committed', body };
  return { phase: 'Reserving', reason: 'Reserving', actions: [action] };
}

/** Step 5: pods of a committed epoch that still hold our gate. */
export function bindActions(view: ReplicaView): readonly Action[] {
  const { epoch } = view.replica.spec;
  return podsNow(view)
    .filter(({ gates, deletionMs }) => gates.includes(COMMIT_GATE) && deletionMs === undefined)
    .map(({ namespace, name, uid, resourceVersion }) => ({
      kind: 'bind',
      target: { kind: 'Pod', namespace, name, uid, resourceVersion },
      because: 'Committed',
      body: { epoch, gate: COMMIT_GATE },
    }));
}

/** Step 6 after the abort: pods, then claims, then a new plan once the wait is over. */
export function abortedStep(view: ReplicaView): Step {
  const waiting = { phase: 'Pending', reason: 'Reserving' } as const;
  if (view.pods.length > 0) return { ...waiting, actions: stopAll(view) };
  if (view.held.length > 0) return { ...waiting, actions: releaseActions(view, view.held) };
  const atMs = retryAtMs(view);
  if (view.nowMs < atMs) return { ...waiting, actions: [], wakeAtMs: atMs };
  return { ...waiting, actions: [], wants: 'place' };
}

/** Waits double with each attempt; the deadline of the aborted fence is the only time that the spec keeps of it. */
const RETRY_MS = 1_000;
const RETRY_DOUBLINGS_MAX = 6;

function retryAtMs({ replica, nowMs }: ReplicaView): number {
  const { status, meta } = replica;
  const condition = status?.conditions?.find(({ type }) => type === 'Reserved');
  if (condition === undefined || condition.observedGeneration !== meta.generation) return nowMs;
  const sinceMs = utcMs(condition.lastTransitionTime) ?? nowMs;
  return sinceMs + RETRY_MS * 2 ** Math.min(RETRY_DOUBLINGS_MAX, status?.attempts ?? 0);
}

/** Nothing of an aborted epoch has run, so its pods need no grace. */
function stopAll(view: ReplicaView): readonly Action[] {
  const pods = view.pods.map(({ namespace, name, uid, resourceVersion }) => ({
    kind: 'Pod',
    namespace,
    name,
    uid,
    resourceVersion,
  }));
  const budgets = view.children
    .filter(({ kind }) => kind === 'PodDisruptionBudget')
    .map(({ kind, namespace, name, uid, resourceVersion }) => ({ kind, namespace, name, uid, resourceVersion }));
  const body = { budgets, pods, graceSeconds: 0 };
  return [{ kind: 'stopPods', target: refOf(view.replica), because: 'Reserving', body }];
}

/** Gives claims back. */
export function releaseActions(view: ReplicaView, held: readonly HeldWafer[]): readonly Action[] {
  return held.map(({ state }) => ({
    kind: 'release',
    target: refOf(state.wafer),
    because: 'Retiring',
    body: { claim: view.replica.meta.uid },
  }));
}
