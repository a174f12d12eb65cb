import type { JsonObject, RuleVectors } from './rule-vectors.ts';

/** The tenant's keys: the base's one with these fields, behind another one. */
const keys = (fields: JsonObject): JsonObject => ({
  spec: {
    keys: [
      { id: 'zzzzzzzz', hmacs: ['2222222222222222222222222222222222222222222222222222222222222222'] },
      { id: 'k7q2m4xz', hmacs: ['1111111111111111111111111111111111111111111111111111111111111111'], ...fields },
    ],
  },
});

export const accessVectors: readonly RuleVectors[] = [
  {
    rule: 'at1',
    kind: 'AccessTier',
    accept: [
      { spec: { spill: [] } },
      {
        spec: {
          spill: [
            { to: 'default', afterWaitSeconds: 5 },
            { to: 'flex', afterWaitSeconds: 9 },
          ],
        },
      },
      { metadata: { name: 'ultrafast' }, spec: { spill: [{ to: 'fast', afterWaitSeconds: 0 }] } },
      { metadata: { name: 'default' }, spec: { spill: [{ to: 'flex', afterWaitSeconds: 0 }] } },
    ],
    refuse: [
      { spec: { spill: [{ to: 'fast', afterWaitSeconds: 5 }] } },
      {
        spec: {
          spill: [
            { to: 'flex', afterWaitSeconds: 5 },
            { to: 'ultrafast', afterWaitSeconds: 5 },
          ],
        },
      },
      { metadata: { name: 'flex' }, spec: { spill: [{ to: 'flex', afterWaitSeconds: 5 }] } },
    ],
  },
  {
    rule: 'at2',
    kind: 'AccessTier',
    accept: [
      { spec: { limits: { guaranteedTokensPerMinute: 20 } } },
      { spec: { limits: { ceilingTokensPerMinute: null } } },
      { spec: { limits: null } },
    ],
    refuse: [{ spec: { limits: { guaranteedTokensPerMinute: 21 } } }],
  },
  {
    rule: 'tn1',
    kind: 'Tenant',
    accept: [
      { spec: { tiers: [{ name: 'fast', guaranteedTokensPerMinute: 5, ceilingTokensPerMinute: 5 }] } },
      { spec: { tiers: [{ name: 'fast', guaranteedTokensPerMinute: 5 }] } },
    ],
    refuse: [{ spec: { tiers: [{ name: 'fast', guaranteedTokensPerMinute: 6, ceilingTokensPerMinute: 5 }] } }],
  },
  {
    rule: 'tn2',
    kind: 'Tenant',
    accept: [{ spec: { keys: null } }, { spec: { tiers: [{ name: 'fast' }, { name: 'default' }] } }],
    refuse: [{ spec: { tiers: [{ name: 'flex' }] } }],
  },
  {
    rule: 'tn3',
    kind: 'Tenant',
    accept: [
      [keys({ revoked: false }), keys({ revoked: true })],
      [keys({ revoked: true }), keys({ revoked: true, notAfter: '2028-02-29T00:00:00Z' })],
    ],
    refuse: [
      [keys({ revoked: true }), keys({ revoked: false })],
      [keys({ revoked: true }), keys({})],
    ],
  },
];
