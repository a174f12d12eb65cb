import { refOf, type Action, type Finding } from './action.ts';
import { chainInputs, type ChainInputs } from './chain-inputs.ts';
import { deploymentContext, filterOf, type DeploymentContext } from './deployment-context.ts';
import { deploymentStep, retireAction, type DeploymentStep } from './deployment-step.ts';
import type { StoredDeployment, StoredReplica } from './facts.ts';
import type { Diagnostic } from './nofit/diagnostic.ts';
import { placeAll, type Wanting } from './place-all.ts';
import { phaseActions } from './phase/phase-status.ts';
import type { PoolFilter } from './place/pool-filter.ts';
import type { PlanMemo } from './plan-memo.ts';
import { replicaStep } from './replica-step.ts';
import { heldByReplica, replicaView, type HeldWafer, type ReplicaView } from './replica-view.ts';
import { loadKey, type Snapshot } from './snapshot.ts';
import { deploymentStatus } from './status/deployment-status.ts';
import { replicaStatus } from './status/replica-status.ts';
import type { Step } from './step.ts';

/*
 * One pass (OPERATOR §8): every deployment decides which replicas it wants, every replica its next step, and the ones
 * without wafers are placed together. Pure and synchronous; the same snapshot gives the same bytes, whatever the memo
 * holds. A replica does one thing at a time: one that is told to retire in a pass does nothing else in it.
 */

export type Plan = {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
  /** When time alone would change the plan. */
  readonly wakeAtMs?: number;
};

/** One deployment in a pass. */
type Part = {
  readonly deployment: StoredDeployment;
  readonly context: DeploymentContext | undefined;
  readonly replicas: readonly { readonly view: ReplicaView; readonly step: Step }[];
  readonly step: DeploymentStep;
  readonly desired: ReadonlyMap<string, number>;
};

export function plan(snapshot: Snapshot, memo: PlanMemo): Plan {
  const held = heldByReplica(snapshot);
  const parts = [...snapshot.deployments.values()].map((deployment) => partOf(snapshot, memo, { deployment, held }));
  const orphans = orphanSteps(snapshot, held);
  const wanting = parts.flatMap((part) => wantingOf(snapshot, part));
  const placed = placeAll(snapshot, memo, wanting);
  const actions: Action[] = [];
  const findings: Finding[] = [...placed.findings];
  const wakes: number[] = [];
  for (const part of parts) {
    const retired = new Set(part.step.actions.filter(({ kind }) => kind === 'retire').map(({ target }) => target.uid));
    actions.push(...part.step.actions);
    findings.push(...part.step.findings);
    for (const { view, step } of part.replicas) {
      if (retired.has(view.replica.meta.uid)) continue;
      actions.push(...step.actions, ...(placed.actions.get(view.replica.meta.uid) ?? []));
      actions.push(...replicaStatus(view, step, placed.diagnostics.get(view.replica.meta.uid) ?? []));
      findings.push(...(step.findings ?? []));
      if (step.wakeAtMs !== undefined) wakes.push(step.wakeAtMs);
    }
    actions.push(...statusOf(snapshot, part, placed.diagnostics));
    if (part.step.wakeAtMs !== undefined) wakes.push(part.step.wakeAtMs);
  }
  const phases = phaseActions(snapshot);
  actions.push(...orphans, ...phases.actions);
  wakes.push(...phases.wakes);
  const wakeAtMs = wakes
    .filter((atMs) => atMs > snapshot.nowMs)
    .reduce((least, atMs) => Math.min(least, atMs), Infinity);
  return { actions, findings, ...(wakeAtMs === Infinity ? {} : { wakeAtMs }) };
}

type Given = { readonly deployment: StoredDeployment; readonly held: ReadonlyMap<string, readonly HeldWafer[]> };

function partOf(snapshot: Snapshot, memo: PlanMemo, { deployment, held }: Given): Part {
  const context = deploymentContext(snapshot, memo, deployment);
  const own = snapshot.replicas.get(deployment.meta.uid) ?? [];
  const replicas = own.map((replica) => stepOf(snapshot, replicaView(snapshot, replica, held)));
  const views = replicas.map(({ view }) => view);
  const desired = new Map(
    deployment.spec.regions.map((region) => [region.region, targetOf(snapshot, { deployment, views, region })]),
  );
  const step =
    context === undefined
      ? { actions: [], findings: [blockedBy(deployment)] }
      : contextStep({ snapshot, memo, context, views, desired });
  return { deployment, context, replicas, step, desired };
}

function blockedBy(deployment: StoredDeployment): Finding {
  const detail = deployment.spec.modelRef.name;
  return { kind: 'blocked', subject: refOf(deployment), reason: 'ModelNotFound', detail };
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
      chainInputs({ snapshot, memo, context, filter: filterOf(snapshot, deployment, region) });
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

function stepOf(snapshot: Snapshot, view: ReplicaView): { readonly view: ReplicaView; readonly step: Step } {
  const pool = view.replica.spec.plan?.pool;
  return { view, step: replicaStep(view, pool === undefined ? undefined : snapshot.pools.get(pool)) };
}

function wantingOf(snapshot: Snapshot, { context, replicas, step, deployment }: Part): readonly Wanting[] {
  if (context === undefined) return [];
  const retired = new Set(step.actions.filter(({ kind }) => kind === 'retire').map(({ target }) => target.uid));
  const filters = new Map<string, PoolFilter>();
  return replicas.flatMap(({ view, step: { wants } }) => {
    const { spec, meta } = view.replica;
    const region = deployment.spec.regions.find((each) => each.region === spec.region);
    if (wants === undefined || region === undefined || retired.has(meta.uid)) return [];
    const filter = filters.get(spec.region) ?? filterOf(snapshot, deployment, region);
    filters.set(spec.region, filter);
    return [{ view, wants, context, filter }];
  });
}

function statusOf(
  snapshot: Snapshot,
  { deployment, context, replicas, step, desired }: Part,
  diagnostics: ReadonlyMap<string, readonly Diagnostic[]>,
): readonly Action[] {
  return deploymentStatus({
    deployment,
    revision: context?.revision,
    views: replicas.map(({ view }) => view),
    desired,
    unplaced: new Set(diagnostics.keys()),
    findings: step.findings,
    nowMs: snapshot.nowMs,
  });
}

/** Replicas whose deployment is gone finish what they do; with nobody to want them they are retired. */
function orphanSteps(snapshot: Snapshot, held: ReadonlyMap<string, readonly HeldWafer[]>): readonly Action[] {
  const actions: Action[] = [];
  for (const [uid, replicas] of snapshot.replicas) {
    if (snapshot.deployments.has(uid)) continue;
    for (const replica of replicas) {
      const view = replicaView(snapshot, replica, held);
      const retire = retireAction(snapshot, view, 'DeploymentDeleted');
      actions.push(...(retire.length > 0 ? retire : stepOf(snapshot, view).step.actions));
    }
  }
  return actions;
}
