import { tiers } from '@reticle/core/domain';
import { ratesRule, tokenRates } from './access-tier.ts';
import { ageColumn, clusterKind, column, conditionColumn, type ObjectOf } from './kind.ts';
import { labelName, regionName, servedModelName } from './names.ts';
import {
  bool,
  enumOf,
  int,
  listMap,
  obj,
  opt,
  rule,
  set,
  str,
  time,
  updateRule,
  withDefault,
  withRules,
  type Finding,
  type Infer,
} from './schema.ts';
import { count, statusFields } from './status.ts';

/** A tier that the tenant may use; `regions` and `models` empty: all. */
const tier = withRules(
  obj({
    name: enumOf(tiers),
    ...tokenRates(),
    regions: withDefault(set(regionName(), { maxItems: 32 }), []),
    models: withDefault(set(servedModelName(), { maxItems: 64 }), []),
  }),
  ratesRule('tn1'),
);

const hmac = str({ maxLength: 64, pattern: '^[0-9a-f]{64}$', hint: '64 lower-case hexadecimal digits' });

const scope = str({
  maxLength: 80,
  pattern:
    '^(model:[A-Za-z0-9][-A-Za-z0-9._]{0,63}|region:[a-z0-9][-a-z0-9]{0,62}|tier:(ultrafast|fast|default|flex)|admin)$',
  hint: 'model:NAME, tier:NAME, region:NAME or admin',
});

/** HMAC-SHA-256(pepper, secret) of one secret, or of two while it is rotated; the pepper is never here. */
const key = obj({
  id: str({
    maxLength: 8,
    pattern: '^[0-9A-Za-z]{8}$',
    hint: 'the eight characters behind the environment of the key',
  }),
  hmacs: set(hmac, { minItems: 1, maxItems: 2 }),
  /** A key without a scope of some kind has all that the tenant has of that kind. */
  scopes: withDefault(set(scope, { maxItems: 16 }), []),
  notAfter: opt(time()),
  revoked: withDefault(
    withRules(
      bool(),
      updateRule(
        'tn3',
        '!oldSelf || self',
        'revoked cannot be taken back (mint another key)',
        (self, oldSelf) => !oldSelf || self,
      ),
    ),
    false,
  ),
});

const fields = obj({
  displayName: opt(str()),
  suspended: withDefault(bool(), false),
  residency: opt(obj({ inference: set(labelName(), { minItems: 1, maxItems: 8 }), storage: opt(labelName()) })),
  weight: withDefault(int(1, 1_000), 100),
  spill: withDefault(enumOf(['Never', 'Notify']), 'Never'),
  cache: withDefault(enumOf(['Isolated', 'Shared']), 'Isolated'),
  tiers: listMap(tier, 'name', { minItems: 1, maxItems: 4 }),
  keys: withDefault(listMap(key, 'id', { maxItems: 64 }), []),
});

const spec = withRules(
  fields,
  rule(
    'tn2',
    "!has(self.keys) || self.keys.all(k, !has(k.scopes) || k.scopes.all(s, !s.startsWith('tier:') || " +
      'self.tiers.exists(t, s.substring(5) == t.name)))',
    'a scope names a tier that the tenant has not',
    (self) => foreignTiers(self),
  ),
);

function foreignTiers({ tiers: own, keys }: Infer<typeof fields>): readonly Finding[] {
  return keys.flatMap(({ scopes }, index) =>
    scopes.flatMap((each, which) => {
      if (!each.startsWith('tier:') || own.some(({ name }) => each === `tier:${name}`)) return [];
      const names = own.map(({ name }) => `tier:${name}`).join(', ');
      return [
        { at: ['keys', index, 'scopes', which], message: `"${each}" is no tier of the tenant (it has ${names})` },
      ];
    }),
  );
}

const status = obj({
  ...statusFields(),
  tiers: opt(set(enumOf(tiers), { maxItems: 4 })),
  /** The same in one text, for a column. */
  tiersText: opt(str()),
  activeKeys: opt(count()),
});

/** One customer: what it may use, where, and its keys (OPERATOR §3). */
export const tenantKind = clusterKind('Tenant', {
  spec,
  status,
  purpose: 'One customer: what it may use, where, and its keys.',
  plural: 'tenants',
  shortName: 'tn',
  columns: [
    column('Suspended', '.spec.suspended', 'boolean'),
    column('Tiers', '.status.tiersText'),
    column('Keys', '.status.activeKeys', 'integer'),
    conditionColumn('Accepted', 'Accepted'),
    ageColumn,
  ],
  selectable: [],
});
export type Tenant = ObjectOf<typeof tenantKind>;
