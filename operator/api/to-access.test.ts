import { describe, expect, test } from '@jest/globals';
import { decodeObject, kinds } from './kinds.ts';
import { toAccess, type Place } from './to-access.ts';
import type { AccessTier } from './access-tier.ts';
import type { Tenant } from './tenant.ts';

const HMAC = 'a'.repeat(64);
const place: Place = { region: 'us-east', residency: ['us', 'global'] };

function objectOf(kind: string, name: string, spec: object): unknown {
  const decoded = decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata: { name }, spec });
  expect(decoded.problems).toBeUndefined();
  return decoded.ok;
}

const tenant = (spec: object = {}): Tenant =>
  objectOf('Tenant', 'acme', {
    tiers: [{ name: 'flex' }, { name: 'fast' }],
    keys: [{ id: 'k7q2m4xz', hmacs: [HMAC] }],
    ...spec,
  }) as Tenant;
const tier = (name: string, spec: object): AccessTier => objectOf('AccessTier', name, spec) as AccessTier;
const keyOf = (scopes: readonly string[], more: object = {}) => ({
  keys: [{ id: 'k7q2m4xz', hmacs: [HMAC], scopes, ...more }],
});

describe('toAccess', () => {
  test('gives tiers fastest first, whatever the order of the manifest', () => {
    expect(toAccess({ tenants: [tenant()], accessTiers: [] }, place)).toEqual({
      tenants: [{ name: 'acme', suspended: false, tiers: ['fast', 'flex'] }],
      keys: [
        {
          id: 'k7q2m4xz',
          hmacs: [HMAC],
          tenant: 'acme',
          models: [],
          tiers: ['fast', 'flex'],
          defaultTier: 'fast',
          revoked: false,
        },
      ],
    });
  });

  test.each<{ name: string; spec: object; accessTiers?: readonly AccessTier[]; wantTenant?: object; wantKey: object }>([
    { name: 'scopes of tiers', spec: keyOf(['tier:flex']), wantKey: { tiers: ['flex'], defaultTier: 'flex' } },
    { name: 'scopes of models', spec: keyOf(['model:a', 'admin', 'model:b.c']), wantKey: { models: ['a', 'b.c'] } },
    {
      name: 'a scope of this region',
      spec: keyOf(['region:us-east', 'region:eu']),
      wantKey: { tiers: ['fast', 'flex'] },
    },
    {
      name: 'a scope of another region',
      spec: keyOf(['region:eu']),
      wantTenant: { tiers: ['fast', 'flex'] },
      wantKey: { tiers: [], elsewhere: 'region_unavailable' },
    },
    {
      name: 'an end',
      spec: keyOf([], { notAfter: '2027-06-01T00:00:00Z' }),
      wantKey: { notAfterMs: Date.UTC(2027, 5, 1) },
    },
    {
      name: 'a revoked key',
      spec: keyOf([], { revoked: true }),
      wantTenant: { suspended: false },
      wantKey: { revoked: true },
    },
    {
      name: 'a suspended tenant',
      spec: { suspended: true },
      wantTenant: { suspended: true },
      wantKey: { revoked: true },
    },
    {
      name: 'tiers of other regions',
      spec: {
        tiers: [
          { name: 'fast', regions: ['eu'] },
          { name: 'flex', regions: ['us-east', 'eu'] },
        ],
      },
      wantTenant: { tiers: ['flex'] },
      wantKey: { tiers: ['flex'], defaultTier: 'flex' },
    },
    {
      name: 'no tier of this region',
      spec: { tiers: [{ name: 'fast', regions: ['eu'] }] },
      wantTenant: { tiers: [], elsewhere: 'region_unavailable' },
      wantKey: { tiers: [], elsewhere: 'region_unavailable' },
    },
    {
      name: 'models of a tier',
      spec: { tiers: [{ name: 'fast', models: ['a'] }, { name: 'flex' }] },
      wantTenant: { tierModels: { fast: ['a'] } },
      wantKey: { tierModels: { fast: ['a'] } },
    },
    {
      name: 'a residency of this place',
      spec: { residency: { inference: ['eu', 'us'] } },
      wantKey: { tiers: ['fast', 'flex'] },
    },
    {
      name: 'a residency of another place',
      spec: { residency: { inference: ['eu'] } },
      wantTenant: { tiers: [], elsewhere: 'residency_violation' },
      wantKey: { tiers: [], elsewhere: 'residency_violation' },
    },
    {
      name: 'a tier that is offered in other regions',
      spec: {},
      accessTiers: [tier('fast', { regions: ['eu'] }), tier('flex', { regions: ['us-east'], residency: ['us'] })],
      wantTenant: { tiers: ['flex'] },
      wantKey: { tiers: ['flex'] },
    },
    {
      name: 'tiers that are offered under other residencies',
      spec: {},
      accessTiers: [tier('fast', { residency: ['eu'] }), tier('flex', { residency: ['eu'] })],
      wantTenant: { tiers: [], elsewhere: 'region_unavailable' },
      wantKey: { tiers: [], elsewhere: 'region_unavailable' },
    },
  ])('$name', ({ spec, accessTiers = [], wantTenant = {}, wantKey }) => {
    const { tenants, keys } = toAccess({ tenants: [tenant(spec)], accessTiers }, place);
    expect([tenants, keys]).toMatchObject([[wantTenant], [wantKey]]);
  });

  test('a tenant without keys is one for tokens', () => {
    const { tenants, keys } = toAccess({ tenants: [tenant({ keys: [] })], accessTiers: [] }, place);
    expect([tenants.length, keys]).toEqual([1, []]);
  });
});

describe('manifests of tenants and tiers', () => {
  const problemsOf = (kind: string, spec: object, name = 'fast') =>
    (decodeObject(kinds, { apiVersion: 'reticle.dev/v1alpha1', kind, metadata: { name }, spec }).problems ?? []).map(
      ({ path, code }) => `${path} ${code}`,
    );
  const good = { tiers: [{ name: 'fast' }] };

  test('those of OPERATOR §5 are read', () => {
    expect(
      problemsOf('Tenant', {
        displayName: 'Acme',
        residency: { inference: ['us'], storage: 'us' },
        spill: 'Notify',
        tiers: [{ name: 'ultrafast', ceilingTokensPerMinute: 1_000_000, regions: ['us-east'] }],
        keys: [{ id: 'k7q2m4xz', hmacs: [HMAC], scopes: ['model:agent-1t'], notAfter: '2027-06-01T00:00:00Z' }],
      }),
    ).toEqual([]);
    expect(
      problemsOf('AccessTier', {
        priority: 900,
        weight: 100,
        floorTokensPerSecond: 750,
        maxContextTokens: 131_072,
        limits: { guaranteedTokensPerMinute: 500_000, ceilingTokensPerMinute: 5_000_000, concurrentTurns: 32 },
        queue: { maxWaitSeconds: 20 },
        spill: [],
      }),
    ).toEqual([]);
  });

  test.each<{ name: string; kind?: string; spec: object; as?: string; want: readonly string[] }>([
    { name: 'a tenant without tiers', spec: {}, want: ['spec.tiers required'] },
    { name: 'a tenant with no tier', spec: { tiers: [] }, want: ['spec.tiers range'] },
    { name: 'a tier that is none', spec: { tiers: [{ name: 'hyperfast' }] }, want: ['spec.tiers[0].name enum'] },
    { name: 'a tier twice', spec: { tiers: [{ name: 'fast' }, { name: 'fast' }] }, want: ['spec.tiers[1] duplicate'] },
    {
      name: 'a secret for an HMAC',
      spec: { ...good, keys: [{ id: 'k7q2m4xz', hmacs: ['rtk_x'] }] },
      want: ['spec.keys[0].hmacs[0] pattern'],
    },
    {
      name: 'three secrets',
      spec: { ...good, keys: [{ id: 'k7q2m4xz', hmacs: [HMAC, 'b'.repeat(64), 'c'.repeat(64)] }] },
      want: ['spec.keys[0].hmacs range'],
    },
    {
      name: 'a long id',
      spec: { ...good, keys: [{ id: 'k7q2m4xz9', hmacs: [HMAC] }] },
      want: ['spec.keys[0].id range'],
    },
    {
      name: 'a scope of another form',
      spec: { ...good, ...keyOf(['models:a']) },
      want: ['spec.keys[0].scopes[0] pattern'],
    },
    {
      name: 'a scope of a foreign tier',
      spec: { ...good, ...keyOf(['tier:flex']) },
      want: ['spec.keys[0].scopes[0] rule'],
    },
    {
      name: 'an end without its zone',
      spec: { ...good, ...keyOf([], { notAfter: '2027-06-01' }) },
      want: ['spec.keys[0].notAfter pattern'],
    },
    {
      name: 'a policy that is no field of it',
      spec: { ...good, partialOnInterrupt: 'keep' },
      want: ['spec.partialOnInterrupt unknown_field'],
    },
    { name: 'a tier of another name', kind: 'AccessTier', as: 'turbo', spec: {}, want: ['metadata.name enum'] },
    { name: 'a share of a priority', kind: 'AccessTier', spec: { priority: 0.5 }, want: ['spec.priority type'] },
  ])('refuses $name', ({ kind = 'Tenant', spec, as, want }) => {
    expect(problemsOf(kind, spec, as)).toEqual(want);
  });
});
