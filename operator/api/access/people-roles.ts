/** Roles of people (OPERATOR §18). They grow into the cluster's own `view`, `edit` and `admin` by their labels. */
import { GROUP } from '../kind.ts';
import { kinds } from '../kinds.ts';
import type { AccessObject } from './access-object.ts';
import { clusterRole, read, write, type RoleLabels } from './role.ts';

const { Tenant, Wafer, Model, ModelDeployment, ModelReplica } = kinds;
/** A Tenant carries what its keys are checked against: it is read by those who write it. */
const visible = Object.values(kinds).flatMap(({ plural }) => (plural === Tenant.plural ? [] : [plural]));
const clusterWide = Object.values(kinds).flatMap(({ scope, plural }) => (scope === 'Cluster' ? [plural] : []));
const planned = clusterWide.filter((plural) => plural !== Wafer.plural);

/** Joins the built-in role; it is part of the greater ones by itself (`view` ⊂ `edit` ⊂ `admin`). */
const joins = (builtIn: 'view' | 'edit' | 'admin'): RoleLabels => ({
  [`rbac.authorization.k8s.io/aggregate-to-${builtIn}`]: 'true',
});

/** Reads everything but tenants. */
export const viewerRole: AccessObject = clusterRole(
  'reticle-viewer',
  [{ group: GROUP, resources: visible, verbs: read }],
  joins('view'),
);

/** Declares models and deployments. A replica is patched for its annotations alone: a policy guards its spec. */
export const editorRole: AccessObject = clusterRole(
  'reticle-editor',
  [
    { group: GROUP, resources: visible, verbs: read },
    { group: GROUP, resources: [Model.plural, ModelDeployment.plural], verbs: write },
    { group: GROUP, resources: [ModelReplica.plural], verbs: ['patch'] },
  ],
  joins('edit'),
);

/**
 * Declares capacity, tiers and tenants. Wafers are made by the operator: people close one, and take away one that nobody
 * holds.
 */
export const capacityAdminRole: AccessObject = clusterRole(
  'reticle-capacity-admin',
  [
    { group: GROUP, resources: [...visible, Tenant.plural], verbs: read },
    { group: GROUP, resources: planned, verbs: write },
    { group: GROUP, resources: [Wafer.plural], verbs: ['update', 'patch', 'delete'] },
  ],
  joins('admin'),
);
