import { canonicalJson } from './digest/canonical-json.ts';
import type { StoredDeployment, StoredModel, StoredReplica } from './facts.ts';
import { poolFilter, type PoolFilter } from './place/pool-filter.ts';
import type { PlanMemo } from './plan-memo.ts';
import type { PoolState } from './pool-state.ts';
import { revisionName } from './replica-name.ts';
import type { ShardRequest } from './shard/sharded-chain.ts';
import { modelKeyOf, type Snapshot } from './snapshot.ts';
import { floorOf, priorityOf } from './tier-terms.ts';

/** What a deployment means in this snapshot. */
export type DeploymentContext = {
  readonly deployment: StoredDeployment;
  readonly model: StoredModel;
  /** Of the highest tier it serves. */
  readonly priority: number;
  /** The highest floor of its tiers. */
  readonly floorTokensPerSecond: number;
  readonly revision: string;
};

type Shape = StoredReplica['spec']['inputs']['shape'];
type Region = StoredDeployment['spec']['regions'][number];

/** Undefined: its model does not exist. */
export function deploymentContext(
  snapshot: Snapshot,
  memo: PlanMemo,
  deployment: StoredDeployment,
): DeploymentContext | undefined {
  const model = snapshot.models.get(modelKeyOf(deployment));
  if (model === undefined) return undefined;
  const { digest } = model.spec;
  return {
    deployment,
    model,
    priority: priorityOf(snapshot, deployment),
    floorTokensPerSecond: floorOf(snapshot, deployment),
    revision: memo.revision(deployment, digest, () => revisionName(canonicalJson(revisionInputs(deployment, digest)))),
  };
}

/** What changes the running engine, as the user wrote it (OPERATOR §1 rule 11). */
function revisionInputs({ spec }: StoredDeployment, modelDigest: string): object {
  return { modelDigest, engine: spec.engine, shape: spec.shape };
}

type Asked = { readonly deployment: StoredDeployment; readonly region: Region };

/** Pools that the deployment may use in one of its regions. */
export function filterOf(snapshot: Snapshot, memo: PlanMemo, { deployment, region }: Asked): PoolFilter {
  const { classes, phases, layout } = snapshot;
  const key = `${deployment.meta.uid} ${region.region}`;
  return memo.filter(key, [deployment, classes, phases, layout], () => poolFilter({ snapshot, deployment, region }));
}

/** What a chain of this shape must hold on wafers of the pool's class; undefined: no such class. */
export function requestOn(
  {
    snapshot,
    memo,
    context,
    shape,
  }: {
    readonly snapshot: Snapshot;
    readonly memo: PlanMemo;
    readonly context: DeploymentContext;
    readonly shape: Shape;
  },
  { pool }: PoolState,
): ShardRequest | undefined {
  const waferClass = snapshot.classes.get(pool.spec.classRef);
  if (waferClass === undefined) return undefined;
  const { model, floorTokensPerSecond } = context;
  return {
    geometry: memo.geometry(model),
    profile: memo.profile(waferClass),
    weightBits: model.spec.geometry.weightBits,
    kvBits: model.spec.geometry.kvBits,
    contextTokensMax: model.spec.contextTokens,
    contextTokensMean: shape.contextTokensMean,
    streams: shape.streams,
    floorTokensPerSecond,
  };
}
