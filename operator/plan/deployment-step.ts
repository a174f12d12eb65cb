import { refOf, type Action, type Finding } from './action.ts';
import type { DeploymentContext } from './deployment-context.ts';
import { utcText } from './digest/utc-text.ts';
import type { RetireReason, StoredDeployment, StoredReplica } from './facts.ts';
import { DRAIN_FINALIZER, isEnded, isReady, type ReplicaView } from './replica-view.ts';
import { replicaName } from './replica-name.ts';
import { moveReason } from './rollout/moves.ts';
import { isStalled, rolloutStep, type Member, type RegionRollout, type RolloutStep } from './rollout/rollout.ts';
import type { Snapshot } from './snapshot.ts';

type Region = StoredDeployment['spec']['regions'][number];

/** One deployment with its replicas, by region. */
export type DeploymentView = {
  readonly context: DeploymentContext;
  readonly views: readonly ReplicaView[];
  /** Wanted replicas of a region (OPERATOR §14). */
  readonly target: (region: Region) => number;
  /** S of a new chain in a region, with what it was chosen from; undefined: no length fits. */
  readonly inputs: (region: Region) => StoredReplica['spec']['inputs'] | undefined;
};

export type DeploymentStep = {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
  readonly wakeAtMs?: number;
};

/** Creates and retires replicas: at most one write per region, and a rollout in one region at a time. */
export function deploymentStep(snapshot: Snapshot, given: DeploymentView): DeploymentStep {
  const { context, views } = given;
  const { deployment } = context;
  const listed = new Set(deployment.spec.regions.map(({ region }) => region));
  const actions: Action[] = [];
  const findings: Finding[] = [];
  const wakes: number[] = [];
  for (const view of views) {
    if (!listed.has(view.replica.spec.region)) actions.push(...retireAction(snapshot, view, 'RegionRemoved'));
  }
  let isFirstUnfinished = true;
  for (const region of deployment.spec.regions) {
    const rollout = regionRollout(snapshot, given, region);
    if (rollout === undefined) continue;
    const { step, isRolling } = heldInOrder(rollout, isFirstUnfinished);
    if (isRolling) isFirstUnfinished = false;
    const outcome = outcomeOf({ snapshot, given, region }, step);
    actions.push(...outcome.actions);
    findings.push(...outcome.findings);
    if (step.kind === 'wait' && step.wakeAtMs !== undefined) wakes.push(step.wakeAtMs);
  }
  return { actions, findings, ...earliest(wakes) };
}

/** The region's step; behind another region that still rolls out, chains of other revisions stay. */
function heldInOrder(
  rollout: RegionRollout,
  isFirst: boolean,
): { readonly step: RolloutStep; readonly isRolling: boolean } {
  const isRolling = rollout.members.some(
    ({ isNew, isRetiring, moves }) => !isNew && !isRetiring && moves === undefined,
  );
  return { step: rolloutStep(isFirst ? rollout : { ...rollout, isHeld: true }), isRolling };
}

function earliest(wakes: readonly number[]): { readonly wakeAtMs?: number } {
  return wakes.length === 0 ? {} : { wakeAtMs: wakes.reduce((least, atMs) => Math.min(least, atMs)) };
}

function regionRollout(snapshot: Snapshot, given: DeploymentView, region: Region): RegionRollout | undefined {
  const { context, views } = given;
  const { rollout } = context.deployment.spec;
  const own = views.filter(({ replica }) => replica.spec.region === region.region);
  const wafers = given.inputs(region)?.shape.wafers ?? own[0]?.replica.spec.inputs.shape.wafers;
  if (wafers === undefined) return undefined;
  const made = {
    nowMs: snapshot.nowMs,
    target: given.target(region),
    wafers: Math.max(1, wafers),
    maxSurgeWafers: rollout.maxSurgeWafers ?? Math.max(1, wafers),
    maxUnavailable: rollout.maxUnavailable,
    bakeSeconds: rollout.bakeSeconds,
    progressDeadlineSeconds: rollout.progressDeadlineSeconds,
  };
  const kept = keptRevision(given, own);
  const members = own.map((view) => memberOf(snapshot, view, kept ?? context.revision));
  const isHeld = kept !== undefined || rollout.paused;
  const region0 = { ...made, members, isHeld };
  return { ...region0, isHeld: isHeld || (rollout.onFailure === 'Pause' && isStalled(region0)) };
}

/**
 * The revision that goes on instead of the latest one: after a failed rollout with `onFailure: Rollback`, as the
 * Progressing condition of this generation says. Without it the latest is tried once more.
 */
function keptRevision({ context }: DeploymentView, own: readonly ReplicaView[]): string | undefined {
  const { status, meta } = context.deployment;
  const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
  if (progressing?.reason !== 'RolledBack' || progressing.observedGeneration !== meta.generation) return undefined;
  return own.find(({ replica }) => replica.spec.revision !== context.revision)?.replica.spec.revision;
}

function memberOf(snapshot: Snapshot, view: ReplicaView, revision: string): Member {
  const { replica, presence } = view;
  const moves = moveReason(snapshot, view);
  return {
    uid: replica.meta.uid,
    name: replica.meta.name,
    isNew: replica.spec.revision === revision && moves === undefined,
    isRetiring: replica.spec.desired === 'Retire' || replica.meta.deletionMs !== undefined,
    isReady: isReady(view),
    readySinceMs: view.readySinceMs,
    creationMs: replica.meta.creationMs,
    wafers: Math.max(view.held.length, replica.spec.desired === 'Run' ? replica.spec.inputs.shape.wafers : 0),
    sessions: presence?.epoch === replica.spec.epoch ? presence.residentSessions : undefined,
    ...(moves === undefined ? {} : { moves }),
  };
}

type Place = { readonly snapshot: Snapshot; readonly given: DeploymentView; readonly region: Region };

function outcomeOf({ snapshot, given, region }: Place, step: RolloutStep): DeploymentStep {
  const { context, views } = given;
  const subject = refOf(context.deployment);
  switch (step.kind) {
    case 'create': {
      const inputs = given.inputs(region);
      const action = inputs && createAction(given, region, { inputs, because: step.because });
      return { actions: action === undefined ? [] : [action], findings: [] };
    }
    case 'retire': {
      const view = views.find(({ replica }) => replica.meta.uid === step.member.uid);
      return { actions: view === undefined ? [] : retireAction(snapshot, view, step.reason), findings: [] };
    }
    case 'blocked': {
      const detail = `${region.region}: a new chain takes ${step.need} wafers, ${Math.max(0, step.have)} may be used`;
      return { actions: [], findings: [{ kind: 'blocked', subject, reason: step.reason, detail }] };
    }
    case 'wait': {
      if (step.reason !== 'RolloutStalled') return { actions: [], findings: [] };
      return { actions: [], findings: [{ kind: 'blocked', subject, reason: step.reason, detail: region.region }] };
    }
    case 'done':
      return { actions: [], findings: [] };
  }
}

type Creation = { readonly inputs: StoredReplica['spec']['inputs']; readonly because: 'RollingOut' | 'ScalingUp' };

function createAction({ context, views }: DeploymentView, { region }: Region, { inputs, because }: Creation): Action {
  const { deployment, revision } = context;
  const { name, uid } = deployment.meta;
  const names = new Set(views.map(({ replica }) => replica.meta.name));
  let ordinal = 0;
  while (names.has(replicaName(name, region, revision, ordinal))) ordinal += 1;
  const labels = { 'reticle.dev/deployment': name, 'reticle.dev/region': region, 'reticle.dev/revision': revision };
  const spec = { deployment: { name, uid }, region, ordinal, revision, inputs };
  const body = { name: replicaName(name, region, revision, ordinal), spec, labels };
  return { kind: 'createReplica', target: refOf(deployment), because, body };
}

/** Asks a replica to retire, once; its present epoch ends with it. */
export function retireAction(
  snapshot: Snapshot,
  { replica, deployment }: ReplicaView,
  reason: RetireReason,
): readonly Action[] {
  const { spec } = replica;
  if (spec.desired === 'Retire') return [];
  const retire = {
    epoch: spec.epoch,
    reason,
    requestedAt: utcText(snapshot.nowMs),
    deadlineSeconds: deployment?.spec.drain.timeoutSeconds ?? DRAIN_SECONDS,
  };
  // An epoch that is ended already keeps the record of its end: it never changes (rule mr7).
  const body = {
    desired: 'Retire' as const,
    retire: isEnded(spec) && spec.retire !== undefined ? spec.retire : retire,
  };
  return [{ kind: 'retire', target: refOf(replica), because: 'Retiring', body }];
}

const DRAIN_SECONDS = 120;

type Ending = {
  readonly deployment: StoredDeployment;
  readonly views: readonly ReplicaView[];
  readonly reason: RetireReason;
};

/** Retires every replica, then lets the deployment go. */
export function retireAll(snapshot: Snapshot, { deployment, views, reason }: Ending): DeploymentStep {
  const actions = views.flatMap((view) => retireAction(snapshot, view, reason));
  if (views.length > 0 || !deployment.meta.finalizers.includes(DRAIN_FINALIZER)) return { actions, findings: [] };
  const body = { finalizer: DRAIN_FINALIZER };
  const release: Action = { kind: 'release', target: refOf(deployment), because: 'Retiring', body };
  return { actions: [release], findings: [] };
}
