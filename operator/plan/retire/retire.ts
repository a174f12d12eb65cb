import { utcMs } from '@reticle/operator/api';
import { refOf, type Action, type Ref } from '../action.ts';
import type { PodFact, PresenceFact, StoredReplica } from '../facts.ts';
import { releaseActions } from '../reserve/reserve.ts';
import { DRAIN_FINALIZER, PRESENCE_FRESH_MS, type HeldWafer, type ReplicaView } from '../replica-view.ts';
import type { Step } from '../step.ts';

/*
 * One machine for drain, rollout, scale-down, repair, evacuation, preemption and deletion (OPERATOR §11).
 *
 *   Cordoned → Draining → Parking → Stopping → Releasing
 *
 * The state is worked out from evidence and from the time of the request, never remembered: presence at the retired
 * epoch moves it on early, the bounds always move it on. No word from the engine is no evidence, so it costs the whole
 * bound. Invariants: no pod is stopped while sessions live, except past the bound; no claim is released while its pod
 * is there, except on a lost wafer; a chain that ended by itself enters at Stopping.
 */

/** The gateways have the snapshot that says so, or had time to. */
export const CORDON_MS = 2_000;
/** Engines drain themselves within this on SIGTERM, beyond their own timeout. */
export const GRACE_EXTRA_SECONDS = 30;
/** For so long an ended epoch keeps its sound wafers for the next plan of the same replica. */
export const HOLD_MS = 120_000;

const DEFAULT_PARK_SECONDS = 30;

type Retiring = {
  readonly view: ReplicaView;
  readonly retire: NonNullable<StoredReplica['spec']['retire']>;
  readonly requestedMs: number;
};

/** The next step of a replica whose epoch is ended. */
export function retireStep(view: ReplicaView): Step {
  const { retire } = view.replica.spec;
  if (retire === undefined) return releasing(view);
  const retiring = { view, retire, requestedMs: utcMs(retire.requestedAt) ?? 0 };
  const step = isRunning(view) ? drainSteps(retiring) : undefined;
  return step ?? stopStep(retiring) ?? releasing(view);
}

/** A chain with a pod gone, failed or on a lost wafer serves nobody: its gateways have failed over. */
function isRunning({ replica, pods, held }: ReplicaView): boolean {
  const own = pods.filter(({ epoch }) => epoch === replica.spec.epoch);
  const isWhole = own.length === (replica.spec.plan?.stages.length ?? 0) && own.length > 0;
  const isAlive = own.every(({ phase, deletionMs }) => phase === 'Running' && deletionMs === undefined);
  const isLost = held.some(({ state }) => state.fault === 'lost' || state.fault === 'unknown');
  return isWhole && isAlive && !isLost && replica.spec.fence?.outcome === 'Committed';
}

/** Cordoned, Draining, Parking; undefined when the chain may be stopped. */
function drainSteps(retiring: Retiring): Step | undefined {
  const { view, retire, requestedMs } = retiring;
  const { draining = false, liveTurns, residentSessions } = evidence(view, retire.epoch) ?? {};
  const cordonedBy = requestedMs + CORDON_MS;
  const drainedBy = cordonedBy + retire.deadlineSeconds * 1_000;
  const parkedBy = parkedAt(view, drainedBy);
  if (!draining && view.nowMs < cordonedBy)
    return signalled(view, { phase: 'Cordoned', signal: 'drain', untilMs: cordonedBy });
  if (liveTurns !== 0 && view.nowMs < drainedBy)
    return signalled(view, { phase: 'Draining', signal: 'drain', untilMs: drainedBy });
  if (residentSessions === 0 || view.nowMs >= parkedBy) return undefined;
  return signalled(view, { phase: 'Parking', signal: 'park', untilMs: parkedBy });
}

function parkedAt({ replica, deployment }: ReplicaView, drainedBy: number): number {
  const seconds = deployment?.spec.drain.parkSeconds ?? DEFAULT_PARK_SECONDS;
  return parkingSinceMs(replica, drainedBy) + seconds * 1_000;
}

/** What the head says of the ended epoch, while it is fresh. */
function evidence({ presence, nowMs }: ReplicaView, epoch: number): PresenceFact | undefined {
  return presence?.epoch === epoch && nowMs - presence.atMs <= PRESENCE_FRESH_MS ? presence : undefined;
}

/** Without a status that knows when parking began, its bound begins where draining's ends. */
function parkingSinceMs({ status }: StoredReplica, drainedBy: number): number {
  const sinceMs =
    status?.phase === 'Parking' && status.retireSince !== undefined ? utcMs(status.retireSince) : undefined;
  return Math.min(sinceMs ?? drainedBy, drainedBy);
}

type Signalled = {
  readonly phase: 'Cordoned' | 'Draining' | 'Parking';
  readonly signal: 'drain' | 'park';
  readonly untilMs: number;
};

/** The signal is sent again with every step until its answer shows: it is idempotent. */
function signalled(view: ReplicaView, { phase, signal, untilMs }: Signalled): Step {
  const { replica } = view;
  const isAnswered = signal === 'drain' && evidence(view, replica.spec.epoch)?.draining === true;
  const body = { signal, epoch: replica.spec.epoch };
  const actions: Action[] = isAnswered ? [] : [{ kind: 'signal', target: refOf(replica), because: 'Retiring', body }];
  return { phase, reason: 'Retiring', actions, wakeAtMs: untilMs };
}

/** Stopping; undefined when no pod is left that could run. */
function stopStep({ view, retire }: Retiring): Step | undefined {
  const left = view.pods.filter((pod) => !isOnLostWafer(view, pod));
  if (left.length === 0) return forgetStep(view);
  const graceSeconds = retire.deadlineSeconds + GRACE_EXTRA_SECONDS;
  const stopping = left.filter(({ deletionMs }) => deletionMs === undefined);
  if (stopping.length === 0) return { phase: 'Stopping', reason: 'Retiring', actions: [] };
  const body = {
    budgets: budgetsOf(view),
    pods: stopping.toSorted((a, b) => a.stage - b.stage).map(podRef),
    graceSeconds,
  };
  const action: Action = { kind: 'stopPods', target: refOf(view.replica), because: 'Retiring', body };
  return { phase: 'Stopping', reason: 'Retiring', actions: [action] };
}

/**
 * Pods on lost wafers have nobody who would end them: they are taken off the API server without grace. One that still
 * runs on a host out of reach is refused by the host's own fence (OPERATOR §10).
 */
function forgetStep(view: ReplicaView): Step | undefined {
  if (view.pods.length === 0) return undefined;
  const body = { budgets: budgetsOf(view), pods: view.pods.map(podRef), graceSeconds: 0 };
  const action: Action = { kind: 'stopPods', target: refOf(view.replica), because: 'NodeLost', body };
  return { phase: 'Stopping', reason: 'NodeLost', actions: [action] };
}

function isOnLostWafer({ held, replica }: ReplicaView, pod: PodFact): boolean {
  if (pod.epoch !== replica.spec.epoch) return false;
  return held.some(({ state, claim }) => claim.stage === pod.stage && state.fault === 'lost');
}

function budgetsOf({ children }: ReplicaView): readonly Ref[] {
  return children
    .filter(({ kind }) => kind === 'PodDisruptionBudget')
    .map(({ kind, namespace, name, uid, resourceVersion }) => ({ kind, namespace, name, uid, resourceVersion }));
}

/** A pod as a target. */
export function podRef({ namespace, name, uid, resourceVersion }: PodFact): Ref {
  return { kind: 'Pod', namespace, name, uid, resourceVersion };
}

/** Claims, then the finalizer; a replica that runs on keeps its sound wafers for the next plan. */
function releasing(view: ReplicaView): Step {
  const { replica, held } = view;
  if (replica.spec.desired === 'Run') return nextEpoch(view);
  if (held.length > 0) return { phase: 'Releasing', reason: 'Retiring', actions: releaseActions(view, held) };
  if (!replica.meta.finalizers.includes(DRAIN_FINALIZER))
    return { phase: 'Releasing', reason: 'Retiring', actions: [] };
  const action: Action = {
    kind: 'release',
    target: refOf(replica),
    because: 'Retiring',
    body: { finalizer: DRAIN_FINALIZER },
  };
  return { phase: 'Releasing', reason: 'Retiring', actions: [action] };
}

function nextEpoch(view: ReplicaView): Step {
  const { nowMs, held } = view;
  const untilMs = heldUntilMs(view);
  const given = nowMs < untilMs ? held.filter(({ state }) => !isSound(state)) : held;
  if (given.length > 0) return { phase: 'Releasing', reason: 'Repairing', actions: releaseActions(view, given) };
  const wakes = held.length > 0 ? { wakeAtMs: untilMs } : {};
  return { phase: 'Pending', reason: 'Repairing', actions: [], wants: 'repair', ...wakes };
}

/** Without a status that knows when the pods were gone, the hold begins where every bound before it ends. */
function heldUntilMs({ replica: { spec, status } }: ReplicaView): number {
  const { retire } = spec;
  const isStopped = status?.phase === 'Releasing' || status?.phase === 'Pending';
  const sinceMs = isStopped && status?.retireSince !== undefined ? utcMs(status.retireSince) : undefined;
  if (retire === undefined) return 0;
  const boundsMs = CORDON_MS + (2 * retire.deadlineSeconds + GRACE_EXTRA_SECONDS + DEFAULT_PARK_SECONDS) * 1_000;
  return (sinceMs ?? (utcMs(retire.requestedAt) ?? 0) + boundsMs) + HOLD_MS;
}

/** Whether a held wafer may carry the next epoch. */
export function isSound({ fault }: HeldWafer['state']): boolean {
  return fault === undefined;
}
