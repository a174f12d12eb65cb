import { refusalOf, type Refusal, type ServedNames } from './acceptance.ts';
import { refOf, type Action, type Finding } from './action.ts';
import { chainInputs, type ChainInputs } from './chain-inputs.ts';
import { deploymentContext, filterOf, type DeploymentContext } from './deployment-context.ts';
import { deploymentStep, retireAll, type DeploymentStep } from './deployment-step.ts';
import type { StoredDeployment, StoredReplica } from './facts.ts';
import type { Diagnostic } from './nofit/diagnostic.ts';
import type { Wanting } from './place-all.ts';
import type { PlanMemo } from './plan-memo.ts';
import { replicaStep } from './replica-step.ts';
import {
  isSameView,
  replicaFacts,
  replicaView,
  type HeldWafer,
  type ReplicaFacts,
  type ReplicaView,
} from './replica-view.ts';
import { loadKey, type Snapshot } from './snapshot.ts';
import { deploymentStatus } from './status/deployment-status.ts';
import { replicaStatus } from './status/replica-status.ts';
import type { Step } from './step.ts';

/** A replica in a pass; `rests`: nothing of it has changed since it had nothing to do. */
export type ReplicaPart = { readonly view: ReplicaView; readonly step: Step; readonly rests: boolean };

/** One deployment with its replicas in a pass. */
export type Part = {
  readonly deployment: StoredDeployment;
  /** Absent: the deployment is left out of planning, see `refusal`. */
  readonly context: DeploymentContext | undefined;
  readonly refusal: Refusal | undefined;
  readonly replicas: readonly ReplicaPart[];
  readonly step: DeploymentStep;
  readonly desired: ReadonlyMap<string, number>;
};

/**
 * A deployment that had nothing to do, with everything that this was judged by. As long as that is the same and no
 * time that it waits for has come, it has nothing to do.
 */
export type RestingPart = {
  readonly part: Part;
  readonly basis: readonly unknown[];
  readonly wakeAtMs: number;
};

type Given = {
  readonly deployment: StoredDeployment;
  readonly held: ReadonlyMap<string, readonly HeldWafer[]>;
  readonly names: ServedNames;
};

/** What the deployment and its replicas do next. */
export function partOf(snapshot: Snapshot, memo: PlanMemo, given: Given): Part {
  const { deployment } = given;
  const refusal = refusalOf(snapshot, deployment, given.names);
  const context = refusal === undefined ? deploymentContext(snapshot, memo, deployment) : undefined;
  const before = memo.resting(deployment.meta.uid)?.part.replicas ?? [];
  const replicas = factsOf(snapshot, given).map((facts, index) => replicaPart(facts, before[index]));
  const views = replicas.map(({ view }) => view);
  const desired = new Map(
    deployment.spec.regions.map((region) => [region.region, targetOf(snapshot, { deployment, views, region })]),
  );
  const step = stepOf({ snapshot, memo, deployment, context, refusal, views, desired });
  return { deployment, context, refusal, replicas, step, desired };
}

/** One that rested and sees the same does so still, until a time that it waits for. */
function replicaPart(facts: ReplicaFacts, before: ReplicaPart | undefined): ReplicaPart {
  if (before !== undefined && isSameView(facts, before.view) && facts.nowMs < (before.step.wakeAtMs ?? Infinity)) {
    return { ...before, rests: true };
  }
  const view = replicaView(facts);
  return { view, step: replicaStep(view), rests: false };
}

function factsOf(snapshot: Snapshot, { deployment, held }: Given): readonly ReplicaFacts[] {
  return (snapshot.replicas.get(deployment.meta.uid) ?? []).map((replica) => replicaFacts(snapshot, replica, held));
}

/** Whether the deployment still rests; see {@link RestingPart}. */
export function isResting(snapshot: Snapshot, resting: RestingPart, given: Given): boolean {
  if (snapshot.nowMs >= resting.wakeAtMs) return false;
  const basis = basisOf(snapshot, given.deployment);
  if (!basis.every((value, index) => value === resting.basis[index])) return false;
  const views = factsOf(snapshot, given);
  const { replicas } = resting.part;
  return views.length === replicas.length && views.every((view, index) => isSameAs(view, replicas[index]));
}

function isSameAs(view: ReplicaFacts, before: ReplicaPart | undefined): boolean {
  return before !== undefined && isSameView(view, before.view);
}

/** Everything beside its replicas that a deployment's step reads. */
function basisOf(snapshot: Snapshot, deployment: StoredDeployment): readonly unknown[] {
  const { classes, phases, tiers, models, deployments, scales, layout } = snapshot;
  return [deployment, classes, phases, tiers, models, deployments, scales, layout];
}

/**
 * What is remembered of a part that wrote nothing. Only chains that are Ready without repairs behind them are judged by
 * their views alone; any other waits for a time of its own.
 */
export function restingPart(snapshot: Snapshot, part: Part, written: readonly Action[]): RestingPart | undefined {
  const isQuiet = written.length === 0 && part.step.findings.length === 0 && part.context !== undefined;
  const isCalm = part.replicas.every(({ view, step }) => step.phase === 'Ready' && !view.replica.status?.attempts);
  if (!isQuiet || !isCalm) return undefined;
  const wakes = [part.step.wakeAtMs, ...part.replicas.map(({ step }) => step.wakeAtMs)];
  const wakeAtMs = wakes.reduce<number>((least, atMs) => Math.min(least, atMs ?? Infinity), Infinity);
  return { part, basis: basisOf(snapshot, part.deployment), wakeAtMs };
}

type Judged = Omit<Stepping, 'context'> & Pick<Part, 'deployment' | 'context' | 'refusal'>;

/** A deployment that is being deleted needs no model and no name of its own to go. */
function stepOf({ deployment, context, refusal, ...given }: Judged): DeploymentStep {
  if (deployment.meta.deletionMs !== undefined) {
    return retireAll(given.snapshot, { deployment, views: given.views, reason: 'DeploymentDeleted' });
  }
  if (context !== undefined) return contextStep({ ...given, context });
  const { reason, detail } = refusal ?? { reason: 'ModelNotFound', detail: deployment.spec.modelRef.name };
  return { actions: [], findings: [{ kind: 'blocked', subject: refOf(deployment), reason, detail }] };
}

type Stepping = {
  readonly snapshot: Snapshot;
  readonly memo: PlanMemo;
  readonly context: DeploymentContext;
  readonly views: readonly ReplicaView[];
  readonly desired: ReadonlyMap<string, number>;
};

function contextStep({ snapshot, memo, context, views, desired }: Stepping): DeploymentStep {
  const { deployment } = context;
  const inputs = new Map<string, ChainInputs>();
  const inputsOf = (region: Region): ChainInputs => {
    const known =
      inputs.get(region.region) ??
      chainInputs({ snapshot, memo, context, filter: filterOf(snapshot, memo, { deployment, region }) });
    inputs.set(region.region, known);
    return known;
  };
  const step = deploymentStep(snapshot, {
    context,
    views,
    target: ({ region }) => desired.get(region) ?? 0,
    inputs: (region) => inputsOf(region).inputs,
  });
  const unfit = [...inputs.values()].flatMap(({ diagnostics }): Finding[] =>
    diagnostics === undefined ? [] : [{ kind: 'noFit', subject: refOf(deployment), diagnostics }],
  );
  return unfit.length === 0 ? step : { ...step, findings: [...step.findings, ...unfit] };
}

type Region = StoredDeployment['spec']['regions'][number];
type Target = {
  readonly deployment: StoredDeployment;
  readonly views: readonly ReplicaView[];
  readonly region: Region;
};

/** Without a word of the autoscaler the present number holds, within its bounds. */
function targetOf(snapshot: Snapshot, { deployment, views, region }: Target): number {
  const { replicas, scaling } = region;
  if (replicas !== undefined || scaling === undefined) return replicas ?? 0;
  const running = views.filter(({ replica }) => isWanted(replica, region.region)).length;
  const desired = snapshot.scales.get(loadKey(deployment.meta.uid, region.region))?.desired ?? running;
  return Math.min(scaling.max, Math.max(scaling.min, desired));
}

function isWanted({ spec }: StoredReplica, region: string): boolean {
  return spec.region === region && spec.desired === 'Run';
}

/** Replicas that need a plan and are not told to retire in this pass. */
export function wantingOf(snapshot: Snapshot, memo: PlanMemo, part: Part): readonly Wanting[] {
  const { context, replicas, deployment } = part;
  if (context === undefined) return [];
  const retired = retiredIn(part);
  return replicas.flatMap(({ view, step: { wants } }) => {
    const { spec, meta } = view.replica;
    const region = deployment.spec.regions.find((each) => each.region === spec.region);
    if (wants === undefined || region === undefined || retired.has(meta.uid)) return [];
    return [{ view, wants, context, filter: filterOf(snapshot, memo, { deployment, region }) }];
  });
}

/** Uids of the replicas that the deployment tells to retire. */
export function retiredIn({ step }: Part): ReadonlySet<string> {
  return new Set(step.actions.filter(({ kind }) => kind === 'retire').map(({ target }) => target.uid));
}

/** What placement found for the replicas of a part, by uid. */
export type Found = {
  readonly actions: ReadonlyMap<string, readonly Action[]>;
  readonly diagnostics: ReadonlyMap<string, readonly Diagnostic[]>;
};

/** The writes of a part: the deployment's own, then each replica's, then statuses that say something else. */
export function writesOf(snapshot: Snapshot, part: Part, found: Found): readonly Action[] {
  const retired = retiredIn(part);
  const own = part.replicas.flatMap(({ view, step, rests }) => {
    const { uid } = view.replica.meta;
    if (rests || retired.has(uid)) return [];
    const placed = found.actions.get(uid) ?? [];
    return [...step.actions, ...placed, ...replicaStatus(view, step, found.diagnostics.get(uid) ?? [])];
  });
  const status = deploymentStatus({
    deployment: part.deployment,
    revision: part.context?.revision,
    refusal: part.refusal,
    views: part.replicas.map(({ view }) => view),
    desired: part.desired,
    unplaced: new Set(found.diagnostics.keys()),
    findings: part.step.findings,
    nowMs: snapshot.nowMs,
  });
  return [...part.step.actions, ...own, ...status];
}

/** When time alone would change the part. */
export function wakesOf({ step, replicas }: Part): readonly number[] {
  return [step.wakeAtMs, ...replicas.map((replica) => replica.step.wakeAtMs)].filter((atMs) => atMs !== undefined);
}
