import type { Reason } from '@reticle/operator/api';
import type { Refusal } from '../acceptance.ts';
import { refOf, type Action, type Finding } from '../action.ts';
import type { StoredDeployment } from '../facts.ts';
import { isReady, type ReplicaView } from '../replica-view.ts';
import { sameValue } from '../same-value.ts';
import { conditions, type Said } from './conditions.ts';

type Status = NonNullable<StoredDeployment['status']>;
type RegionStatus = NonNullable<Status['regions']>[number];

/** What a deployment's status is made of. */
export type DeploymentFigures = {
  readonly deployment: StoredDeployment;
  /** Undefined: it is left out of planning, or going away. */
  readonly revision: string | undefined;
  readonly refusal: Refusal | undefined;
  readonly views: readonly ReplicaView[];
  readonly desired: ReadonlyMap<string, number>;
  readonly unplaced: ReadonlySet<string>;
  readonly findings: readonly Finding[];
  readonly nowMs: number;
};

/** Writes the deployment's status when it says something else. */
export function deploymentStatus(figures: DeploymentFigures): readonly Action[] {
  const { deployment } = figures;
  const status = statusOf(figures);
  if (deployment.status !== undefined && sameValue(status, deployment.status)) return [];
  const because = status.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'AsExpected';
  return [{ kind: 'setStatus', target: refOf(deployment), because, body: { status } }];
}

function statusOf(figures: DeploymentFigures): Status {
  const { deployment, revision, views, nowMs } = figures;
  const regions = deployment.spec.regions.map(({ region }) => regionStatus(figures, region));
  const sum = (of: (region: RegionStatus) => number): number =>
    regions.reduce((total, region) => total + of(region), 0);
  const wafers = views.reduce((total, { held }) => total + held.length, 0);
  const { maxUnavailable } = deployment.spec.rollout;
  const surge = regions.reduce((total, { replicas, desired }) => total + Math.max(0, replicas - desired), 0);
  const breached = regions.filter(({ ready, desired }) => ready < desired - maxUnavailable).length;
  const current = views.find(isReady)?.replica.spec.revision ?? deployment.status?.currentRevision;
  const reserved = views
    .filter(({ replica }) => replica.spec.fence?.outcome === 'Pending')
    .reduce((total, { held }) => total + held.length, 0);
  return {
    observedGeneration: deployment.meta.generation,
    ...(current === undefined ? {} : { currentRevision: current }),
    ...(revision === undefined ? {} : { updatedRevision: revision }),
    regions,
    totals: {
      desired: sum(({ desired }) => desired),
      ready: sum(({ ready }) => ready),
      updated: sum(({ updated }) => updated),
      wafers,
      surge,
      gated: views.filter(({ pods }) => pods.some(({ gates }) => gates.length > 0)).length,
      minBreached: breached,
    },
    regionsText: regions.map(({ region, ready, desired }) => `${region} ${ready}/${desired}`).join(', '),
    ledger: { total: wafers, inUse: wafers - reserved, reserved, rolloutExtra: 0, unknown: unknownWafers(views) },
    conditions: conditions(deployment, said(figures, { regions, breached }), nowMs),
  };
}

function unknownWafers(views: readonly ReplicaView[]): number {
  return views.reduce((sum, { held }) => sum + held.filter(({ state }) => state.fault === 'unknown').length, 0);
}

function regionStatus({ views, desired, unplaced, revision }: DeploymentFigures, region: string): RegionStatus {
  const own = views.filter(({ replica }) => replica.spec.region === region);
  const live = own.filter(({ replica }) => replica.spec.desired === 'Run');
  return {
    region,
    desired: desired.get(region) ?? 0,
    replicas: live.length,
    ready: live.filter(isReady).length,
    updated: live.filter(({ replica }) => replica.spec.revision === revision).length,
    retiring: own.length - live.length,
    noFit: live.filter(({ replica }) => unplaced.has(replica.meta.uid)).length,
  };
}

type Counted = { readonly regions: readonly RegionStatus[]; readonly breached: number };

function said(figures: DeploymentFigures, { regions, breached }: Counted): readonly Said[] {
  const { deployment, refusal, findings } = figures;
  if (refusal !== undefined) {
    return [
      { type: 'Accepted', status: 'False', ...refusal },
      { type: 'Ready', status: 'False', ...refusal },
    ];
  }
  const blocked = findings.find((finding) => finding.kind === 'blocked');
  const short = regions.find(({ ready, desired }) => ready < desired);
  const isDone = regions.every(({ ready, desired, updated, replicas, retiring }) => {
    return ready === desired && updated === replicas && replicas === desired && retiring === 0;
  });
  return [
    { type: 'Accepted', status: 'True', reason: 'AsExpected' },
    short === undefined
      ? { type: 'Ready', status: 'True', reason: 'AllReplicasReady' }
      : {
          type: 'Ready',
          status: 'False',
          reason: whyShort(short),
          detail: `${short.region} ${short.ready}/${short.desired}`,
        },
    breached === 0
      ? { type: 'Available', status: 'True', reason: 'AsExpected' }
      : { type: 'Available', status: 'False', reason: short === undefined ? 'PodsNotReady' : whyShort(short) },
    progressing(deployment, { isDone, blocked }),
  ];
}

function whyShort({ noFit, replicas, desired, retiring }: RegionStatus): Reason {
  if (noFit > 0) return 'NoFit';
  if (replicas < desired) return 'ScalingUp';
  return retiring > 0 ? 'RollingOut' : 'PodsNotReady';
}

type Progress = { readonly isDone: boolean; readonly blocked: Extract<Finding, { kind: 'blocked' }> | undefined };

function progressing(deployment: StoredDeployment, { isDone, blocked }: Progress): Said {
  if (isRolledBack(deployment, blocked)) return { type: 'Progressing', status: 'False', reason: 'RolledBack' };
  if (blocked !== undefined) {
    return { type: 'Progressing', status: 'False', reason: blocked.reason, detail: blocked.detail };
  }
  if (isDone) return { type: 'Progressing', status: 'True', reason: 'AsExpected' };
  return { type: 'Progressing', status: 'True', reason: deployment.spec.rollout.paused ? 'Paused' : 'RollingOut' };
}

/** A rollout that was rolled back stays so until the spec changes. */
function isRolledBack({ spec, status, meta }: StoredDeployment, blocked: Progress['blocked']): boolean {
  const before = status?.conditions?.find(({ type }) => type === 'Progressing');
  if (before?.reason === 'RolledBack' && before.observedGeneration === meta.generation) return true;
  return blocked?.reason === 'RolloutStalled' && spec.rollout.onFailure === 'Rollback';
}
