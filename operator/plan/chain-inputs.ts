import type { DeploymentContext } from './deployment-context.ts';
import { requestOn } from './deployment-context.ts';
import type { StoredDeployment, StoredReplica } from './facts.ts';
import { chainDiagnostics } from './nofit/chain-diagnostics.ts';
import type { Diagnostic } from './nofit/diagnostic.ts';
import type { PoolFilter } from './place/pool-filter.ts';
import type { PlanMemo } from './plan-memo.ts';
import { compareText } from './pool-state.ts';
import { longestChain, sweep } from './shard/sweep.ts';
import type { Snapshot } from './snapshot.ts';

type Inputs = StoredReplica['spec']['inputs'];

/** What a new replica of a region is made from, or why no chain length would do. */
export type ChainInputs =
  | { readonly inputs: Inputs; readonly diagnostics?: undefined }
  | { readonly inputs?: undefined; readonly diagnostics: readonly Diagnostic[] };

type Asked = {
  readonly snapshot: Snapshot;
  readonly memo: PlanMemo;
  readonly context: DeploymentContext;
  readonly filter: PoolFilter;
};

/**
 * The inputs of a new replica. S is swept once per deployment and region over the pools that it may use, and frozen
 * here (OPERATOR §23); engines without wafers have one stage.
 */
export function chainInputs(asked: Asked): ChainInputs {
  const { context } = asked;
  const { shape } = context.deployment.spec;
  if (!needsWafers(context.deployment)) return inputsWith(context, 1);
  return shape.wafers > 0 ? inputsWith(context, shape.wafers) : swept(asked);
}

/** Whether the deployment's engine runs on wafers. */
export function needsWafers({ spec }: StoredDeployment): boolean {
  return spec.engine.driver === 'WaferSim';
}

function inputsWith({ deployment, model }: DeploymentContext, wafers: number): ChainInputs {
  const { engine, shape } = deployment.spec;
  return { inputs: { modelDigest: model.spec.digest, engine, shape: { ...shape, wafers } } };
}

/** Pools of several classes are swept by the class of the first: a chain stands on one. */
function swept({ snapshot, memo, context, filter }: Asked): ChainInputs {
  const [first] = [...filter.allowed].toSorted(compareText);
  const pool = first === undefined ? undefined : snapshot.pools.get(first);
  const { shape } = context.deployment.spec;
  const request = pool && requestOn({ snapshot, memo, context, shape }, pool);
  if (request === undefined) return { diagnostics: filter.refused };
  const chosen = sweep(request, filter.sizes, memo.chains);
  if (chosen !== undefined) return inputsWith(context, chosen.wafers);
  const longest = longestChain(request, filter.sizes);
  const subject = `md/${context.deployment.meta.name}`;
  const wafers = Math.max(1, longest);
  return { diagnostics: chainDiagnostics({ request, wafers, longest, subject, memo: memo.chains }) };
}
