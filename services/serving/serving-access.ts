import type { Elsewhere, GatewayAccess, KeyRecord, TenantAccess, Tier } from '@reticle/core/domain';
import { Elsewhere as WireElsewhere } from '@reticle/proto/gen/serving/v1/Elsewhere';
import type { Key } from '@reticle/proto/gen/serving/v1/Key';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import type { Tenant } from '@reticle/proto/gen/serving/v1/Tenant';
import { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';

const tierOf: Readonly<Partial<Record<ServiceTier, Tier>>> = {
  [ServiceTier.SERVICE_TIER_ULTRAFAST]: 'ultrafast',
  [ServiceTier.SERVICE_TIER_FAST]: 'fast',
  [ServiceTier.SERVICE_TIER_DEFAULT]: 'default',
  [ServiceTier.SERVICE_TIER_FLEX]: 'flex',
};

const elsewhereOf: Readonly<Partial<Record<WireElsewhere, Elsewhere>>> = {
  [WireElsewhere.ELSEWHERE_REGION]: 'region_unavailable',
  [WireElsewhere.ELSEWHERE_RESIDENCY]: 'residency_violation',
};

/** Of a key that nothing is served to. */
const SLOWEST: Tier = 'flex';

/** Who may come in by a snapshot; undefined for one that leaves tenants out. */
export function servingAccess(snapshot: ServingSnapshot): Pick<GatewayAccess, 'keys' | 'tenants'> | undefined {
  if (snapshot.withoutTenants) return undefined;
  const tenants = snapshot.tenants.map(tenantAccess);
  const keys = snapshot.tenants.flatMap((tenant, index) => {
    return tenant.keys.map((key) => keyRecord(key, tenants[index] as TenantAccess));
  });
  return { tenants, keys };
}

function tenantAccess({ name, suspended, tiers, elsewhere, regions }: Tenant): TenantAccess {
  const own = tiersOf(tiers.map(({ tier }) => tier));
  const limited = tiers.flatMap(({ tier, models }) => {
    const word = tierOf[tier];
    return word === undefined || models.length === 0 ? [] : [[word, models] as const];
  });
  const reason = elsewhereOf[elsewhere];
  return {
    name,
    suspended,
    tiers: own,
    regions,
    ...(limited.length === 0 ? {} : { tierModels: Object.fromEntries(limited) }),
    ...(reason === undefined ? {} : { elsewhere: reason }),
  };
}

function keyRecord(key: Key, { name, regions = [], tierModels }: TenantAccess): KeyRecord {
  const tiers = tiersOf(key.tiers);
  const reason = elsewhereOf[key.elsewhere];
  return {
    id: key.id,
    hmacs: key.hmacs.map((hmac) => hmac.toString('hex')),
    tenant: name,
    models: key.models,
    tiers,
    defaultTier: tiers[0] ?? SLOWEST,
    regions,
    ...(tierModels === undefined ? {} : { tierModels }),
    ...(reason === undefined ? {} : { elsewhere: reason }),
    ...(key.notAfterMs === 0 ? {} : { notAfterMs: key.notAfterMs }),
    revoked: key.revoked,
  };
}

function tiersOf(tiers: readonly ServiceTier[]): readonly Tier[] {
  return tiers.flatMap((tier) => tierOf[tier] ?? []);
}
