import { tiers, type Tier } from '@reticle/core/domain';
import { ageColumn, clusterKind, column, conditionColumn, type ObjectOf } from './kind.ts';
import { labelName, regionName } from './names.ts';
import { bool, enumOf, int, list, obj, opt, rule, set, withDefault, withRules } from './schema.ts';
import { statusFields } from './status.ts';

const TOKENS_MAX = 1_000_000_000_000;
const SECONDS_MAX = 86_400;

/** Tokens per minute: what is always there, and what is the most. */
export const tokenRates = () => ({
  guaranteedTokensPerMinute: opt(int(0, TOKENS_MAX)),
  ceilingTokensPerMinute: opt(int(1, TOKENS_MAX)),
  concurrentTurns: opt(int(1, 1_000_000)),
});

type TokenRates = { readonly guaranteedTokensPerMinute?: number; readonly ceilingTokensPerMinute?: number };

/** Whoever is promised more than the most could never have it. */
export const ratesRule = (id: string) =>
  rule<TokenRates>(
    id,
    '!has(self.guaranteedTokensPerMinute) || !has(self.ceilingTokensPerMinute) || ' +
      'self.guaranteedTokensPerMinute <= self.ceilingTokensPerMinute',
    'guaranteedTokensPerMinute must not exceed ceilingTokensPerMinute',
    ({ guaranteedTokensPerMinute: guaranteed = 0, ceilingTokensPerMinute: ceiling = TOKENS_MAX }) =>
      guaranteed <= ceiling
        ? true
        : [
            {
              at: ['guaranteedTokensPerMinute'],
              message: `${guaranteed} is more than ceilingTokensPerMinute ${ceiling} (lower it, or raise the ceiling)`,
            },
          ],
  );

const limits = withRules(
  obj({
    ...tokenRates(),
    requestsPerMinute: opt(int(1, 1_000_000)),
    openSessions: opt(int(1, 1_000_000)),
    scope: withDefault(enumOf(['Cell', 'Global']), 'Cell'),
  }),
  ratesRule('at2'),
);

const queue = obj({
  maxWaitSeconds: opt(int(0, SECONDS_MAX)),
  noReplicaWaitSeconds: opt(int(0, SECONDS_MAX)),
  maxTurns: opt(int(1, 1_000_000)),
  maxTurnsPerTenant: opt(int(1, 1_000_000)),
});

const spec = obj({
  priority: opt(int(0, 1_000)),
  weight: opt(int(1, 1_000)),
  floorTokensPerSecond: opt(int(0, 100_000)),
  ttftTargetMs: opt(int(1, 600_000)),
  maxContextTokens: opt(int(1, 16_777_216)),
  preemptible: opt(bool()),
  limits: withDefault(limits, {}),
  queue: withDefault(queue, {}),
  parkAfterIdleSeconds: opt(int(1, SECONDS_MAX)),
  /** Empty: all. */
  regions: withDefault(set(regionName(), { maxItems: 32 }), []),
  residency: withDefault(set(labelName(), { maxItems: 8 }), []),
  spill: withDefault(list(obj({ to: enumOf(tiers), afterWaitSeconds: int(0, SECONDS_MAX) }), { maxItems: 3 }), []),
});

/** Verbatim of OPERATOR §3; it needs the name, and so stands on the root. */
const SPILL =
  "!has(self.spec.spill) || self.spec.spill.all(s, self.metadata.name == 'ultrafast' ? s.to in ['fast','default','flex'] : " +
  "self.metadata.name == 'fast' ? s.to in ['default','flex'] : self.metadata.name == 'default' && s.to == 'flex')";

const status = obj(statusFields());

const named = clusterKind('AccessTier', {
  spec,
  status,
  name: enumOf(tiers),
  purpose: 'One access class: its priority, limits, places and the lower tiers that it may spill to.',
  plural: 'accesstiers',
  shortName: 'at',
  columns: [
    column('Priority', '.spec.priority', 'integer'),
    column('Weight', '.spec.weight', 'integer'),
    column('Floor', '.spec.floorTokensPerSecond', 'integer'),
    column('Ceiling', '.spec.limits.ceilingTokensPerMinute', 'integer'),
    conditionColumn('Accepted', 'Accepted'),
    ageColumn,
  ],
  selectable: [],
});

/** One access class: its priority, limits and places (OPERATOR §3). Defaults of what is left out: ADMISSION §3. */
export const accessTierKind = {
  ...named,
  schema: withRules(
    named.schema,
    rule('at1', SPILL, 'a tier spills to lower tiers alone', ({ metadata, spec: { spill } }) =>
      spill.flatMap(({ to }, index) => {
        const message = `"${to}" is not lower than "${metadata.name}" (tiers rank ${tiers.join(', ')})`;
        const isLower = tiers.indexOf(to) > tiers.indexOf(metadata.name as Tier);
        return isLower ? [] : [{ at: ['spec', 'spill', index, 'to'], message }];
      }),
    ),
  ),
};
export type AccessTier = ObjectOf<typeof accessTierKind>;
