/**
 * A second look, at the door, at what no object tells of itself: whether a region carries a residency class, and whether
 * a contract has the megawatts. The operator keeps the facts, so that they may lag: the condition `Accepted` has the final
 * word, and a place without facts is let through (OPERATOR §18).
 */
import { GROUP } from '../../kind.ts';
import { kinds } from '../../kinds.ts';
import { FACTS_MAP, type AccessNames } from '../access-object.ts';
import type { Policy } from './policy.ts';

/** Keys of the ConfigMap {@link FACTS_MAP}: residency classes of a region, joined by commas; megawatts left of a contract. */
export const factKeys = {
  residency: (region: string): string => `residency.${region}`,
  megawattsLeft: (contract: string): string => `megawatts-left.${contract}`,
} as const;

const operations = ['CREATE', 'UPDATE'] as const;

export function byFacts({ namespace }: AccessNames): readonly Policy[] {
  const facts = { name: FACTS_MAP, namespace };
  const residency = `params.?data[?('${factKeys.residency('')}' + r.region)]`;
  const added = 'object.spec.power.megawatts - (oldObject == null ? 0 : oldObject.spec.power.megawatts)';
  return [
    {
      name: 'reticle-facts-residency',
      match: { group: GROUP, resources: [kinds.ModelDeployment.plural], operations },
      facts,
      variables: {
        wanted: 'object.spec.?residency.orValue([])',
        outside:
          `object.spec.regions.filter(r, ${residency}.hasValue() && ` +
          `!variables.wanted.all(c, c in ${residency}.orValue('').split(','))).map(r, r.region)`,
      },
      rules: [
        {
          cel: 'variables.outside.size() == 0',
          message: 'a region does not carry every residency class of the deployment',
          messageCel:
            "'residency ' + variables.wanted.join(', ') + ' is not carried by ' + variables.outside.join(', ') + " +
            "' (remove the region, also as a fallback, or the class)'",
        },
      ],
    },
    {
      name: 'reticle-facts-contract',
      match: { group: GROUP, resources: [kinds.CapacityPhase.plural], operations },
      facts,
      variables: {
        added,
        left: `params.?data[?('${factKeys.megawattsLeft('')}' + object.spec.contract.ref)].orValue('')`,
      },
      rules: [
        {
          cel:
            "variables.added <= 0 || !variables.left.matches('^-?[0-9]{1,9}$') || " +
            'variables.added <= int(variables.left)',
          message: 'the contract has not so many megawatts left',
          messageCel:
            "'contract ' + object.spec.contract.ref + ' has ' + variables.left + ' of ' + " +
            "string(object.spec.contract.ceilingMegawatts) + ' MW left, not ' + string(variables.added) + " +
            "' (plan fewer megawatts)'",
        },
      ],
    },
  ];
}
