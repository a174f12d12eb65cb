import { expect, test } from '@jest/globals';
import { Elsewhere } from '@reticle/proto/gen/serving/v1/Elsewhere';
import { encodeSnapshot, readSnapshot } from '@reticle/proto/serving';
import { keyRow, snapshotRows, tenantRow } from '@reticle/proto/serving/kit';
import { servingAccess } from './serving-access.ts';

function accessOf(over: Parameters<typeof snapshotRows>[0]) {
  const { ok, problem } = readSnapshot(encodeSnapshot(snapshotRows(over)));
  if (ok === undefined) throw new Error(problem);
  return servingAccess(ok);
}

test('a tenant and its key come as a gateway keeps them', () => {
  const tenants = [
    tenantRow({
      tiers: [{ tier: 2, models: ['spark-ref'] }, { tier: 4 }],
      keys: [keyRow({ tiers: [2, 4], models: ['a'], notAfterMs: 9 })],
    }),
  ];
  const tierModels = { fast: ['spark-ref'] };
  expect(accessOf({ tenants })).toEqual({
    tenants: [{ name: 'acme', suspended: false, tiers: ['fast', 'flex'], regions: ['us-east'], tierModels }],
    keys: [
      {
        id: 'aaaaaaaa',
        hmacs: ['01'.repeat(32)],
        tenant: 'acme',
        models: ['a'],
        tiers: ['fast', 'flex'],
        defaultTier: 'fast',
        regions: ['us-east'],
        tierModels,
        notAfterMs: 9,
        revoked: false,
      },
    ],
  });
});

test.each([
  { wire: Elsewhere.ELSEWHERE_REGION, want: 'region_unavailable' },
  { wire: Elsewhere.ELSEWHERE_RESIDENCY, want: 'residency_violation' },
])('what is served elsewhere says why: $want', ({ wire, want }) => {
  const keys = [keyRow({ tiers: [], elsewhere: wire, revoked: true })];
  const access = accessOf({ tenants: [tenantRow({ tiers: [], elsewhere: wire, regions: ['eu'], keys })] });
  expect(access).toMatchObject({
    tenants: [{ tiers: [], elsewhere: want, regions: ['eu'] }],
    keys: [{ tiers: [], elsewhere: want, regions: ['eu'], revoked: true }],
  });
});

test('a snapshot without tenants changes nobody', () => {
  expect(accessOf({ tenants: [], withoutTenants: true })).toBeUndefined();
  expect(accessOf({ tenants: [] })).toEqual({ tenants: [], keys: [] });
});
