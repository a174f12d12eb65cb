import { DRAIN_FINALIZER, type StoredDeployment } from '@reticle/operator/plan';
import type { Kube } from '@reticle/operator/cluster';
import { withFinalizer } from './execute/finalizer.ts';
import type { Store } from './execute/store.ts';

/** Holds each deployment until its chains are drained: one that is deleted ends them in its own time (OPERATOR §2). */
export async function keepDeployments(kube: Kube, store: Store): Promise<void> {
  for (const { stored, object } of store.of('modelDeployment').values()) {
    const deployment = stored as StoredDeployment | undefined;
    if (deployment === undefined || deployment.meta.deletionMs !== undefined) continue;
    if (deployment.meta.finalizers.includes(DRAIN_FINALIZER)) continue;
    const result = await withFinalizer(kube, object, DRAIN_FINALIZER);
    if (result.kind === 'written') store.wrote(result.object);
  }
}
