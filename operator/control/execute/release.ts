import { resources, type Kube, type KubeFailure } from '@reticle/operator/cluster';
import { labels } from '../labels.ts';

/**
 * The release rule (OPERATOR §10): a claim is cleared only when its holder's pods are gone by a live list, whatever a
 * cache says. Undefined: they are gone.
 */
export async function podsAreGone(kube: Kube, replicaUid: string): Promise<KubeFailure | undefined> {
  const live = await kube.list(resources.pod, { labelSelector: `${labels.replicaUid}=${replicaUid}`, limit: 1 });
  if (!live.ok) return live.failure;
  if (live.value.items.length === 0) return undefined;
  return { kind: 'conflict', status: 0, message: 'pods of the holder are still there', outcomeUnknown: false };
}
