import { resources, type Kube, type KubeFailure, type KubeObject } from '@reticle/operator/cluster';
import { labels } from '../labels.ts';

type Claim = { readonly namespace: string; readonly uid: string; readonly stage: number };

/**
 * The release rule (OPERATOR §10): a claim is cleared only when the pod of its stage is gone by a live list, whatever a
 * cache says. Undefined: it is gone.
 */
export async function podIsGone(kube: Kube, wafer: KubeObject): Promise<KubeFailure | undefined> {
  const { claim } = wafer.spec as { readonly claim?: Claim };
  if (claim === undefined) return undefined;
  const { namespace, uid, stage } = claim;
  const labelSelector = `${labels.replicaUid}=${uid},${labels.stage}=${stage}`;
  const live = await kube.list(resources.pod, { namespace, labelSelector, limit: 1 });
  if (!live.ok) return live.failure;
  if (live.value.items.length === 0) return undefined;
  return { kind: 'conflict', status: 0, message: 'the pod of the holder is still there', outcomeUnknown: false };
}
