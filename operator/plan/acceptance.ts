import { tiers } from '@reticle/core/domain';
import type { Reason } from '@reticle/operator/api';
import type { StoredDeployment } from './facts.ts';
import { compareText } from './pool-state.ts';
import { modelKeyOf, type Snapshot } from './snapshot.ts';

/** Why a deployment is left out of planning; its running replicas are left alone. */
export type Refusal = { readonly reason: Reason; readonly detail: string };

/** A named check over several objects, which no schema can make (OPERATOR §1 rule 5). */
type AcceptCheck = (snapshot: Snapshot, deployment: StoredDeployment, names: ServedNames) => Refusal | undefined;

/** Served name, tier and region → the deployment that has them: the oldest. */
export type ServedNames = ReadonlyMap<string, StoredDeployment>;

const modelExists: AcceptCheck = (snapshot, deployment) =>
  snapshot.models.has(modelKeyOf(deployment))
    ? undefined
    : { reason: 'ModelNotFound', detail: deployment.spec.modelRef.name };

const contextFits: AcceptCheck = (snapshot, deployment) => {
  const most = snapshot.models.get(modelKeyOf(deployment))?.spec.contextTokens ?? Infinity;
  const { contextTokensMean } = deployment.spec.shape;
  if (contextTokensMean <= most) return undefined;
  return { reason: 'ModelMismatch', detail: `contextTokensMean ${contextTokensMean} is above the model's ${most}` };
};

const nameIsFree: AcceptCheck = (_snapshot, deployment, names) => {
  for (const key of servedKeys(deployment)) {
    const holder = names.get(key);
    if (holder === undefined || holder.meta.uid === deployment.meta.uid) continue;
    return {
      reason: 'ServedNameConflict',
      detail: `${key} is served by ${holder.meta.namespace ?? ''}/${holder.meta.name}`,
    };
  }
  return undefined;
};

/** A region, or one that it falls back to, where no pool carries every class; a region without pools is another cell's. */
const residencyHolds: AcceptCheck = (snapshot, { spec }) => {
  if (spec.residency.length === 0) return undefined;
  const pools = [...snapshot.pools.values()].map(({ pool }) => pool.spec);
  const named = new Set(spec.regions.flatMap(({ region, fallback }) => [region, ...fallback]));
  const broken = [...named].find((region) => {
    const local = pools.filter((pool) => pool.region === region);
    return local.length > 0 && !local.some((pool) => spec.residency.every((word) => pool.residency.includes(word)));
  });
  if (broken === undefined) return undefined;
  return { reason: 'ResidencyViolation', detail: `no pool of ${broken} carries ${spec.residency.join(', ')}` };
};

const checks: readonly AcceptCheck[] = [modelExists, contextFits, nameIsFree, residencyHolds];

/** The first check that the deployment fails; undefined: it is planned. One that is being deleted is planned anyway. */
export function refusalOf(snapshot: Snapshot, deployment: StoredDeployment, names: ServedNames): Refusal | undefined {
  if (deployment.meta.deletionMs !== undefined) return undefined;
  for (const check of checks) {
    const refusal = check(snapshot, deployment, names);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Who serves what. A deployment that is being deleted gives its names up. */
export function servedNames(snapshot: Snapshot): ServedNames {
  const names = new Map<string, StoredDeployment>();
  const oldestFirst = [...snapshot.deployments.values()]
    .filter(({ meta }) => meta.deletionMs === undefined)
    .toSorted((a, b) => a.meta.creationMs - b.meta.creationMs || compareText(a.meta.uid, b.meta.uid));
  for (const deployment of oldestFirst) {
    for (const key of servedKeys(deployment)) if (!names.has(key)) names.set(key, deployment);
  }
  return names;
}

/** A deployment without tiers serves all of them. */
function servedKeys({ spec }: StoredDeployment): readonly string[] {
  const served = spec.tiers?.map(({ name }) => name) ?? tiers;
  return spec.regions.flatMap(({ region }) => served.map((name) => `${spec.servedName} for ${name} in ${region}`));
}
