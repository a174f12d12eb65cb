import { resources, writeReplica, type Kube, type KubeObject, type SwapResult } from '@reticle/operator/cluster';

type Committing = { readonly epoch: number; readonly digest: string; readonly wafers: readonly string[] };

type ClaimFields = { readonly uid?: string; readonly replicaEpoch?: number; readonly planDigest?: string };
type SpecFields = { readonly claim?: ClaimFields; readonly fence?: object };

/**
 * The one commit point (OPERATOR §10 step 4): by live reads every wafer carries the claim of this epoch and digest, then
 * the fence is decided on the version that was read. An abort that came first wins; so does this one over a later abort.
 */
export async function commitReplica(
  kube: Kube,
  replica: KubeObject,
  { epoch, digest, wafers }: Committing,
): Promise<SwapResult> {
  const { uid } = replica.metadata;
  const reads = await Promise.all(wafers.map((name) => kube.get(resources.wafer, { name })));
  for (const read of reads) {
    if (!read.ok) return { kind: 'notWritten', failure: read.failure };
    const { claim } = read.value.spec as SpecFields;
    const isOurs = claim?.uid === uid && claim.replicaEpoch === epoch && claim.planDigest === digest;
    if (!isOurs) return { kind: 'lost', live: undefined };
  }
  const { fence = {} } = replica.spec as SpecFields;
  return writeReplica(kube, replica, { fence: { ...fence, epoch, outcome: 'Committed' } });
}
