import type { Resource } from './port.ts';

function resource(groupVersion: string, plural: string, kind: string, namespaced: boolean): Resource {
  const [first = '', second] = groupVersion.split('/');
  return second === undefined
    ? { group: '', version: first, plural, kind, namespaced }
    : { group: first, version: second, plural, kind, namespaced };
}

const RETICLE = 'reticle.dev/v1alpha1';

/** Every resource that the operator reads or writes (OPERATOR §2, §18). */
export const resources = {
  waferClass: resource(RETICLE, 'waferclasses', 'WaferClass', false),
  waferPool: resource(RETICLE, 'waferpools', 'WaferPool', false),
  wafer: resource(RETICLE, 'wafers', 'Wafer', false),
  capacityPhase: resource(RETICLE, 'capacityphases', 'CapacityPhase', false),
  accessTier: resource(RETICLE, 'accesstiers', 'AccessTier', false),
  tenant: resource(RETICLE, 'tenants', 'Tenant', false),
  model: resource(RETICLE, 'models', 'Model', true),
  modelDeployment: resource(RETICLE, 'modeldeployments', 'ModelDeployment', true),
  modelReplica: resource(RETICLE, 'modelreplicas', 'ModelReplica', true),
  pod: resource('v1', 'pods', 'Pod', true),
  configMap: resource('v1', 'configmaps', 'ConfigMap', true),
  service: resource('v1', 'services', 'Service', true),
  node: resource('v1', 'nodes', 'Node', false),
  namespace: resource('v1', 'namespaces', 'Namespace', false),
  podDisruptionBudget: resource('policy/v1', 'poddisruptionbudgets', 'PodDisruptionBudget', true),
  lease: resource('coordination.k8s.io/v1', 'leases', 'Lease', true),
  event: resource('events.k8s.io/v1', 'events', 'Event', true),
} as const satisfies Readonly<Record<string, Resource>>;

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}
