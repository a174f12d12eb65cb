import type { AccessNames, AccessObject } from './access-object.ts';

const RBAC = 'rbac.authorization.k8s.io';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** Verbs on resources of one group; never a wildcard. */
export type RoleRule = {
  /** Empty for the core group. */
  readonly group: string;
  readonly resources: readonly string[];
  readonly verbs: readonly Verb[];
  /** Only objects of these names; `create` knows no names. */
  readonly names?: readonly string[];
};

export const read = ['get', 'list', 'watch'] as const satisfies readonly Verb[];
export const write = ['create', 'update', 'patch', 'delete'] as const satisfies readonly Verb[];

export type RoleLabels = Readonly<Record<string, string>>;

export function clusterRole(name: string, rules: readonly RoleRule[], labels?: RoleLabels): AccessObject {
  return role('ClusterRole', labels === undefined ? { name } : { name, labels }, rules);
}

/** A role of one namespace, and the operator's hold of it. */
export function boundRole(
  name: string,
  namespace: string,
  rules: readonly RoleRule[],
  names: AccessNames,
): readonly AccessObject[] {
  return [role('Role', { name, namespace }, rules), binding('RoleBinding', { name, namespace }, names)];
}

/** A role of the whole cluster, and the operator's hold of it. */
export function boundClusterRole(
  name: string,
  rules: readonly RoleRule[],
  names: AccessNames,
): readonly AccessObject[] {
  return [clusterRole(name, rules), binding('ClusterRoleBinding', { name }, names)];
}

function role(kind: 'Role' | 'ClusterRole', metadata: AccessObject['metadata'], rules: readonly RoleRule[]) {
  return { apiVersion: `${RBAC}/v1`, kind, metadata, rules: rules.map(ruleOf) };
}

function ruleOf({ group, resources, verbs, names }: RoleRule) {
  return { apiGroups: [group], resources, ...(names === undefined ? {} : { resourceNames: names }), verbs };
}

function binding(
  kind: 'RoleBinding' | 'ClusterRoleBinding',
  metadata: AccessObject['metadata'],
  { namespace, account }: AccessNames,
): AccessObject {
  const roleKind = kind === 'RoleBinding' ? 'Role' : 'ClusterRole';
  return {
    apiVersion: `${RBAC}/v1`,
    kind,
    metadata,
    roleRef: { apiGroup: RBAC, kind: roleKind, name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
  };
}
