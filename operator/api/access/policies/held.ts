import { GROUP } from '../../kind.ts';
import { kinds } from '../../kinds.ts';
import type { Policy } from './policy.ts';

const operations = ['DELETE'] as const;

/** What is in use is not deleted, by nobody: the refusal names who holds it (OPERATOR §23 "Deletion"). */
export const held: readonly Policy[] = [
  {
    name: 'reticle-held-wafers',
    match: { group: GROUP, resources: [kinds.Wafer.plural], operations },
    rules: [
      {
        cel: '!has(oldObject.spec.claim)',
        message: 'the wafer is held by a ModelReplica (retire it first)',
        messageCel:
          "'wafer is held by ' + oldObject.spec.claim.namespace + '/' + oldObject.spec.claim.replica + " +
          "' (retire that ModelReplica first)'",
      },
    ],
  },
  {
    name: 'reticle-held-capacity',
    match: {
      group: GROUP,
      resources: [kinds.WaferPool.plural, kinds.CapacityPhase.plural],
      operations,
    },
    variables: { holders: 'oldObject.?status.?holders.orValue([])' },
    rules: [
      {
        cel: 'variables.holders.size() == 0',
        message: 'the capacity is in use (drain it first)',
        messageCel: "'held by ' + variables.holders.join(', ') + ' (drain them first)'",
      },
    ],
  },
];
