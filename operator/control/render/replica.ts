import { apiVersionOf, resources, type KubeManifest, type KubeObject } from '@reticle/operator/cluster';
import { DRAIN_FINALIZER, type ReplicaBody } from '@reticle/operator/plan';

/** A new replica of a deployment: no plan and no epoch yet, and held until its chain is gone. */
export function replicaManifest(deployment: KubeObject, { name, spec, labels }: ReplicaBody): KubeManifest {
  const { metadata } = deployment;
  return {
    apiVersion: apiVersionOf(resources.modelReplica),
    kind: 'ModelReplica',
    metadata: {
      name,
      namespace: metadata.namespace ?? '',
      labels,
      finalizers: [DRAIN_FINALIZER],
      ownerReferences: [
        {
          apiVersion: deployment.apiVersion,
          kind: deployment.kind,
          name: metadata.name,
          uid: metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  };
}
