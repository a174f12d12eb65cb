import { defaultNames, type AccessNames, type AccessObject } from './access-object.ts';
import { engineRole, nodeStatusRole, operatorAccount, operatorClusterRole, ownRole } from './operator-roles.ts';
import { capacityAdminRole, editorRole, viewerRole } from './people-roles.ts';
import { enginePods } from './policies/engine-pods.ts';
import { byFacts } from './policies/facts.ts';
import { held } from './policies/held.ts';
import { policyObjects } from './policies/policy.ts';
import { writtenByOperator } from './policies/written-by-operator.ts';

/**
 * Who may do what, as the chart carries it: file names without folder, and their objects in the order in which they are
 * applied. A release with other names generates the same files from its own.
 */
export function accessFiles(names: AccessNames = defaultNames): ReadonlyMap<string, readonly AccessObject[]> {
  return new Map([
    ['operator', [operatorAccount(names), ...operatorClusterRole(names), ...ownRole(names)]],
    ['engines', names.engines.flatMap((namespace) => engineRole(namespace, names))],
    ['simulated-nodes', nodeStatusRole(names)],
    ['people', [viewerRole, editorRole, capacityAdminRole]],
    ['policies-operator', writtenByOperator(names).flatMap(policyObjects)],
    ['policies-engines', enginePods(names).flatMap(policyObjects)],
    ['policies-held', held.flatMap(policyObjects)],
    ['policies-facts', byFacts(names).flatMap(policyObjects)],
  ]);
}
