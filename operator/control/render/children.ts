import { apiVersionOf, resources, type KubeManifest, type KubeOwner, type Resource } from '@reticle/operator/cluster';
import type { ChildBody, StoredReplica } from '@reticle/operator/plan';
import type { ChainDocument } from '@reticle/core/domain';
import { labels } from '../labels.ts';
import { CHAIN_FILE, podSpec, POD_PORT, type PodOptions } from './pod.ts';

export type ChildOptions = PodOptions & { readonly document: ChainDocument; readonly drainSeconds: number };

/** A child of a replica as it is created: immutable, named by replica and epoch (OPERATOR §10 step 3). */
export function childManifest(replica: StoredReplica, body: ChildBody, options: ChildOptions): KubeManifest {
  const resource = childResource(body);
  const { name } = body;
  const head = {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name,
      namespace: replica.meta.namespace ?? '',
      labels: childLabels(replica, body),
      ownerReferences: [ownerOf(replica)],
    },
  };
  switch (body.child) {
    case 'ConfigMap':
      return { ...head, immutable: true, data: { [CHAIN_FILE]: JSON.stringify(options.document) } };
    case 'Service':
      return { ...head, spec: serviceSpec(replica) };
    case 'PodDisruptionBudget':
      return {
        ...head,
        spec: { minAvailable: options.document.stages.length, selector: { matchLabels: selector(replica) } },
      };
    case 'Pod':
      return { ...head, spec: podSpec(replica, body, options) };
  }
}

export function childResource({ child }: Pick<ChildBody, 'child'>): Resource {
  switch (child) {
    case 'ConfigMap':
      return resources.configMap;
    case 'Service':
      return resources.service;
    case 'PodDisruptionBudget':
      return resources.podDisruptionBudget;
    case 'Pod':
      return resources.pod;
  }
}

/** Labels that tell whose child it is and of which epoch. A Service and a budget outlive epochs. */
export function childLabels(replica: StoredReplica, { child, epoch, stage }: ChildBody): Record<string, string> {
  const { meta, spec } = replica;
  const own = {
    [labels.deployment]: spec.deployment.name,
    [labels.replica]: meta.name,
    [labels.replicaUid]: meta.uid,
    [labels.revision]: spec.revision,
    [labels.region]: spec.region,
  };
  if (child === 'Service' || child === 'PodDisruptionBudget') return own;
  if (stage === undefined) return { ...own, [labels.epoch]: String(epoch) };
  const role = stage === 0 ? 'head' : 'stage';
  return { ...own, [labels.epoch]: String(epoch), [labels.stage]: String(stage), [labels.role]: role };
}

export function ownerOf({ meta }: StoredReplica): KubeOwner {
  const { name, uid } = meta;
  const apiVersion = apiVersionOf(resources.modelReplica);
  return { apiVersion, kind: 'ModelReplica', name, uid, controller: true, blockOwnerDeletion: true };
}

function selector({ meta }: StoredReplica): Record<string, string> {
  return { [labels.replicaUid]: meta.uid };
}

/** Headless: it gives the stages their names, before they are ready. */
function serviceSpec(replica: StoredReplica): object {
  return {
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: selector(replica),
    ports: [{ name: 'engine', port: POD_PORT, protocol: 'TCP' }],
  };
}
