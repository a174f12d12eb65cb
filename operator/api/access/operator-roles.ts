/**
 * What the operator may do, and nothing beside (OPERATOR §18): no wildcard, no Secrets, no `nodes/proxy`, no
 * `pods/exec`. Pods, ConfigMaps, Services and budgets only in namespaces of engines; in its own namespace only its own
 * objects.
 */
import { GROUP } from '../kind.ts';
import { kinds } from '../kinds.ts';
import { FACTS_MAP, OPERATOR_LEASE, SERVING_MAP, type AccessNames, type AccessObject } from './access-object.ts';
import { boundClusterRole, boundRole, read } from './role.ts';

const OPERATOR = 'reticle-operator';
const all = Object.values(kinds);
/** Kinds whose objects the operator holds by a finalizer; of the others it writes the status alone. */
const held = all.flatMap((kind) => (kind.finalizer === undefined ? [] : [kind.plural]));
/** Kinds whose objects the operator makes. */
const made = [kinds.Wafer.plural, kinds.ModelReplica.plural];
/** Kinds that own others: `blockOwnerDeletion` needs the right to set their finalizers. */
const owners = [kinds.ModelDeployment.plural, kinds.ModelReplica.plural];

export function operatorAccount({ namespace, account }: AccessNames): AccessObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } };
}

/** In the whole cluster: our kinds, and what is seen of nodes and namespaces. */
export function operatorClusterRole(names: AccessNames): readonly AccessObject[] {
  const rules = [
    { group: GROUP, resources: all.map(({ plural }) => plural), verbs: read },
    { group: GROUP, resources: held, verbs: ['patch'] },
    { group: GROUP, resources: all.map(({ plural }) => `${plural}/status`), verbs: ['patch'] },
    { group: GROUP, resources: made, verbs: ['create', 'delete'] },
    { group: GROUP, resources: owners.map((plural) => `${plural}/finalizers`), verbs: ['update'] },
    { group: '', resources: ['nodes', 'namespaces'], verbs: read },
    { group: 'events.k8s.io', resources: ['events'], verbs: ['create', 'patch'] },
  ] as const;
  return boundClusterRole(OPERATOR, rules, names);
}

/**
 * In one namespace of engines: the children of a chain. Such a namespace must hold no Secrets but the engines' own, since
 * whoever creates pods can mount them.
 */
export function engineRole(namespace: string, names: AccessNames): readonly AccessObject[] {
  const rules = [
    { group: '', resources: ['pods', 'configmaps', 'services'], verbs: [...read, 'create', 'delete'] },
    // The gate that holds a pod back is taken off by a patch.
    { group: '', resources: ['pods'], verbs: ['patch'] },
    { group: 'policy', resources: ['poddisruptionbudgets'], verbs: [...read, 'create', 'delete'] },
  ] as const;
  return boundRole(OPERATOR, namespace, rules, names);
}

/** In the operator's own namespace: its lease, its snapshot, its facts, by name. */
export function ownRole(names: AccessNames): readonly AccessObject[] {
  const rules = [
    { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['create'] },
    { group: 'coordination.k8s.io', resources: ['leases'], verbs: ['get', 'patch'], names: [OPERATOR_LEASE] },
    { group: '', resources: ['configmaps'], verbs: ['create'] },
    { group: '', resources: ['configmaps'], verbs: ['get', 'patch'], names: [SERVING_MAP, FACTS_MAP] },
  ] as const;
  return boundRole(`${OPERATOR}-own`, names.namespace, rules, names);
}

/** For simulated pools alone: no device plugin tells their nodes' capacity, so that the operator does. */
export function nodeStatusRole(names: AccessNames): readonly AccessObject[] {
  const rules = [{ group: '', resources: ['nodes/status'], verbs: ['patch'] }] as const;
  return boundClusterRole(`${OPERATOR}-simulated-nodes`, rules, names);
}
