import { GROUP } from '../../kind.ts';
import { kinds } from '../../kinds.ts';
import type { AccessNames } from '../access-object.ts';
import { isOperator, type Policy } from './policy.ts';

/**
 * What the operator alone writes: every status, the spec of replicas, and who holds a wafer at which epoch. The roles of
 * people reach some of these objects, for annotations and for `service`; so does whoever is an administrator.
 */
export function writtenByOperator(names: AccessNames): readonly Policy[] {
  const operator = isOperator(names);
  const written = ['CREATE', 'UPDATE'] as const;
  return [
    {
      name: 'reticle-status',
      match: { group: GROUP, resources: ['*/status'], operations: written },
      rules: [
        {
          cel: operator,
          message: 'status is written by the operator alone (change spec, and status follows)',
        },
      ],
    },
    {
      name: 'reticle-replica-spec',
      match: { group: GROUP, resources: [kinds.ModelReplica.plural], operations: written },
      rules: [
        {
          cel: `${operator} || (oldObject != null && object.spec == oldObject.spec)`,
          message:
            'the spec of a ModelReplica is written by the operator alone (change its ModelDeployment, or ' +
            'annotate the replica with reticle.dev/retire-requested)',
        },
      ],
    },
    {
      name: 'reticle-wafer-claim',
      match: { group: GROUP, resources: [kinds.Wafer.plural], operations: written },
      rules: [
        {
          cel: `${operator} || oldObject != null`,
          message: 'Wafers are made by the operator alone, from the source of their WaferPool (change that)',
        },
        {
          cel:
            `${operator} || oldObject == null || (object.spec.?claim == oldObject.spec.?claim && ` +
            'object.spec.?epoch == oldObject.spec.?epoch)',
          message:
            'claim and epoch of a Wafer are written by the operator alone (retire the ModelReplica that holds it)',
        },
      ],
    },
  ];
}
