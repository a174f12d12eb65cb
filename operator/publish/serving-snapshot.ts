import { assert } from '@reticle/core/domain';
import { podName } from '@reticle/operator/plan';
import type { Deployment__Input } from '@reticle/proto/gen/serving/v1/Deployment';
import type { Region__Input } from '@reticle/proto/gen/serving/v1/Region';
import type { Replica__Input } from '@reticle/proto/gen/serving/v1/Replica';
import { ReplicaState } from '@reticle/proto/gen/serving/v1/ReplicaState';
import type { ServingSnapshot__Input } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import type { Tier__Input } from '@reticle/proto/gen/serving/v1/Tier';
import { SNAPSHOT_FORMAT } from '@reticle/proto/serving';
import { rates, wireTier } from './access-rows.ts';
import type { ServingDeployment, ServingObject, ServingObjects, ServingReplica } from './serving-objects.ts';

/** The cell that a snapshot is for. */
export type ServingCell = { readonly name: string; readonly region: string };

/** How the head of a chain is known to gateways. */
export type ServingHeads = {
  /** Id that the engine of a replica announces, by the replica's uid. */
  readonly engineId: (replicaUid: string) => string;
  readonly port: number;
};

export type SnapshotOptions = {
  readonly objects: readonly ServingObject[];
  readonly cell: ServingCell;
  readonly heads: ServingHeads;
};

/** Everything of a snapshot but its number and its tenants. */
export type RouteRows = Omit<ServingSnapshot__Input, 'regions' | 'tenants' | 'term' | 'seq'> & {
  readonly regions: (Region__Input & { readonly name: string })[];
};

/** Takes every new session. */
const FULL_WEIGHT = 100;

/**
 * What the caches say of models and engines, as a cell's gateways need it, without its number (OPERATOR §16). What they
 * could not use is left out rather than sent: a deployment in no known region, a replica that is not committed. Equal
 * objects give equal rows in equal order.
 */
export function routeRows(all: ServingObjects, { cell, heads }: Omit<SnapshotOptions, 'objects'>): RouteRows {
  const regions = regionRows(all, cell);
  const known = new Set(regions.map(({ name }) => name));
  const deployments = all.of('ModelDeployment').flatMap((deployment) => deploymentRow(deployment, known) ?? []);
  const served = new Set(deployments.map(({ uid }) => uid));
  const weights = weightsByPool(all);
  const contexts = contextsByDeployment(all);
  const replicas = all.of('ModelReplica').flatMap((replica): Replica__Input[] => {
    const { deployment, region, plan } = replica.spec;
    if (!served.has(deployment.uid) || !known.has(region) || plan === undefined) return [];
    const row = replicaRow(replica, heads);
    if (row === undefined) return [];
    const weightPercent = plan.pool === undefined ? FULL_WEIGHT : (weights.get(plan.pool) ?? 0);
    return [{ ...row, weightPercent, contextTokens: contexts.get(deployment.uid) ?? 0 }];
  });
  return {
    format: SNAPSHOT_FORMAT,
    cell: cell.name,
    region: cell.region,
    regions,
    deployments,
    replicas,
    tiers: tierRows(all),
    phases: all.of('CapacityPhase').map(({ meta, status }) => ({
      name: meta.name,
      weightPercent: status?.weightPercent ?? 0,
    })),
  };
}

/** A region's residency is what all of its pools have: work of one region is not told apart by pool. */
function regionRows(all: ServingObjects, cell: ServingCell): RouteRows['regions'] {
  const words = new Map<string, readonly string[]>();
  for (const { spec } of all.of('WaferPool')) {
    const before = words.get(spec.region) ?? spec.residency;
    words.set(
      spec.region,
      before.filter((word) => spec.residency.includes(word)),
    );
  }
  if (!words.has(cell.region)) words.set(cell.region, []);
  return [...words]
    .map(([name, residency]) => ({ name, residency: residency.toSorted() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function deploymentRow({ meta, spec }: ServingDeployment, known: ReadonlySet<string>): Deployment__Input | undefined {
  const regions = spec.regions
    .filter(({ region }) => known.has(region))
    .map(({ region, fallback }) => ({ region, fallback: fallback.filter((name) => known.has(name)) }));
  if (regions.length === 0) return undefined;
  return {
    uid: meta.uid,
    namespace: meta.namespace ?? '',
    name: meta.name,
    servedName: spec.servedName,
    residency: [...spec.residency],
    regions,
    tiers: (spec.tiers ?? []).map(({ name, sharePercent, floorTokensPerSecond }) => ({
      tier: wireTier[name],
      ...(sharePercent === undefined ? {} : { sharePercent }),
      floorTokensPerSecond: floorTokensPerSecond ?? 0,
    })),
    spillTo: spec.spill.to.map(({ deployment }) => deployment),
    spillAccepts: spec.spill.accepts.map((tier) => wireTier[tier]),
  };
}

/** A replica whose fence holds at its epoch; any other one has no engine that may serve. */
function replicaRow({ meta, spec, status }: ServingReplica, heads: ServingHeads): Replica__Input | undefined {
  const { epoch, fence, plan, inputs } = spec;
  if (plan === undefined || fence?.outcome !== 'Committed' || fence.epoch !== epoch) return undefined;
  assert(meta.namespace !== undefined, 'a replica has a namespace');
  return {
    uid: meta.uid,
    namespace: meta.namespace,
    name: meta.name,
    deploymentUid: spec.deployment.uid,
    engineId: heads.engineId(meta.uid),
    region: spec.region,
    pool: plan.pool ?? '',
    epoch,
    planDigest: plan.digest,
    modelDigest: inputs.modelDigest,
    headAddress: `${podName(meta.name, epoch, 0)}.${meta.name}.${meta.namespace}.svc:${heads.port}`,
    state: stateOf(spec, status),
    slots: plan.predicted.streams,
    kvTokens: plan.predicted.kvTokens,
    tokensPerSecond: plan.predicted.tokensPerSecond,
  };
}

/** A replica is leaving from the moment that its retirement is written down, whatever its status says yet. */
function stateOf(spec: ServingReplica['spec'], status: ServingReplica['status']): ReplicaState {
  if (spec.desired === 'Retire' || spec.retire?.epoch === spec.epoch) return ReplicaState.REPLICA_STATE_DRAINING;
  if (status?.observedEpoch !== spec.epoch) return ReplicaState.REPLICA_STATE_STARTING;
  return stateOfPhase[status.phase ?? 'Pending'] ?? ReplicaState.REPLICA_STATE_STARTING;
}

/** Phases of a replica that say more than that it has not begun. */
const stateOfPhase: Readonly<Record<string, ReplicaState>> = {
  Ready: ReplicaState.REPLICA_STATE_READY,
  Degraded: ReplicaState.REPLICA_STATE_DEGRADED,
  Cordoned: ReplicaState.REPLICA_STATE_DRAINING,
  Draining: ReplicaState.REPLICA_STATE_DRAINING,
  Parking: ReplicaState.REPLICA_STATE_DRAINING,
  Stopping: ReplicaState.REPLICA_STATE_DRAINING,
  Releasing: ReplicaState.REPLICA_STATE_DRAINING,
};

/** How far the phase of each pool is online; a pool without a phase is all there (OPERATOR §23 "Evidence"). */
function weightsByPool(all: ServingObjects): ReadonlyMap<string, number> {
  const phases = new Map(
    all.of('CapacityPhase').map(({ meta, status }) => [meta.name, status?.weightPercent ?? 0] as const),
  );
  return new Map(
    all.of('WaferPool').map(({ meta, spec: { phaseRef } }) => {
      return [meta.name, phaseRef === undefined ? FULL_WEIGHT : (phases.get(phaseRef) ?? 0)] as const;
    }),
  );
}

/** Context of each deployment's model, by uid of the deployment. */
function contextsByDeployment(all: ServingObjects): ReadonlyMap<string, number> {
  const models = new Map(
    all.of('Model').map(({ meta, spec }) => [`${meta.namespace}/${meta.name}`, spec.contextTokens] as const),
  );
  return new Map(
    all.of('ModelDeployment').flatMap(({ meta, spec }) => {
      const tokens = models.get(`${meta.namespace}/${spec.modelRef.name}`);
      return tokens === undefined ? [] : [[meta.uid, tokens] as const];
    }),
  );
}

function tierRows(all: ServingObjects): Tier__Input[] {
  return all.of('AccessTier').map(({ meta, spec }) => ({
    // Sound because the kind takes no other name.
    tier: wireTier[meta.name as keyof typeof wireTier],
    priority: spec.priority ?? 0,
    weight: spec.weight ?? 0,
    floorTokensPerSecond: spec.floorTokensPerSecond ?? 0,
    rates: rates(spec.limits ?? {}),
    regions: [...spec.regions],
    residency: [...spec.residency],
    spillTo: spec.spill.map(({ to }) => wireTier[to]),
  }));
}
