import type { Elsewhere, KeyRecord, TenantAccess, Tier } from '@reticle/core/domain';
import { toAccess } from '@reticle/operator/api';
import { Elsewhere as WireElsewhere } from '@reticle/proto/gen/serving/v1/Elsewhere';
import type { Key__Input } from '@reticle/proto/gen/serving/v1/Key';
import type { Rates__Input } from '@reticle/proto/gen/serving/v1/Rates';
import type { Tenant__Input } from '@reticle/proto/gen/serving/v1/Tenant';
import { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';
import type { ServingObjects, ServingTenant } from './serving-objects.ts';

export const wireTier: Readonly<Record<Tier, ServiceTier>> = {
  ultrafast: ServiceTier.SERVICE_TIER_ULTRAFAST,
  fast: ServiceTier.SERVICE_TIER_FAST,
  default: ServiceTier.SERVICE_TIER_DEFAULT,
  flex: ServiceTier.SERVICE_TIER_FLEX,
};

const wireElsewhere: Readonly<Record<Elsewhere, WireElsewhere>> = {
  region_unavailable: WireElsewhere.ELSEWHERE_REGION,
  residency_violation: WireElsewhere.ELSEWHERE_RESIDENCY,
};

type RegionRow = { readonly name: string; readonly residency?: readonly string[] };
type Places = { readonly cell: { readonly region: string }; readonly regions: readonly RegionRow[] };

/** Who may come in at the cell: what each tenant and key has there, and where else it is served. */
export function tenantRows(all: ServingObjects, { cell, regions }: Places): Tenant__Input[] {
  const tenants = withOwnKeys(all.of('Tenant'));
  const objects = { tenants: tenants.map(named), accessTiers: all.of('AccessTier').map(named) };
  const access = regions.map(({ name, residency = [] }) => ({
    name,
    ...toAccess(objects, { region: name, residency }),
  }));
  const here = access.find(({ name }) => name === cell.region);
  const keysOf = Map.groupBy(here?.keys ?? [], ({ tenant }) => tenant);
  return tenants.map((declared, index) => ({
    ...tenantRow(declared, here?.tenants[index]),
    // Each list is in the order of the tenants.
    regions: access.filter((place) => place.tenants[index]?.elsewhere === undefined).map(({ name }) => name),
    keys: (keysOf.get(declared.meta.name) ?? []).map(keyRow),
  }));
}

function named<S>({ meta, spec }: { readonly meta: { readonly name: string }; readonly spec: S }) {
  return { metadata: { name: meta.name }, spec };
}

/** A key id names one tenant: the one that has had it longest. */
function withOwnKeys(tenants: readonly ServingTenant[]): readonly ServingTenant[] {
  const owners = new Map<string, ServingTenant>();
  for (const tenant of tenants) {
    for (const { id } of tenant.spec.keys) {
      const owner = owners.get(id);
      if (owner === undefined || tenant.meta.creationMs < owner.meta.creationMs) owners.set(id, tenant);
    }
  }
  return tenants.map((tenant) => ({
    ...tenant,
    spec: { ...tenant.spec, keys: tenant.spec.keys.filter(({ id }) => owners.get(id) === tenant) },
  }));
}

function tenantRow({ meta, spec }: ServingTenant, access: TenantAccess | undefined): Tenant__Input {
  const { tiers = [], tierModels = {}, elsewhere } = access ?? {};
  const declared = new Map(spec.tiers.map((tier) => [tier.name, tier] as const));
  return {
    name: meta.name,
    suspended: spec.suspended,
    inferenceResidency: [...(spec.residency?.inference ?? [])],
    storageResidency: spec.residency?.storage ?? '',
    weight: spec.weight,
    tiers: tiers.map((tier) => ({
      tier: wireTier[tier],
      models: [...(tierModels[tier] ?? [])],
      rates: rates(declared.get(tier) ?? {}),
    })),
    ...(elsewhere === undefined ? {} : { elsewhere: wireElsewhere[elsewhere] }),
  };
}

/** The default tier is the first: a gateway reads it so. */
function keyRow({ id, hmacs, models, tiers, elsewhere, notAfterMs, revoked }: KeyRecord): Key__Input {
  return {
    id,
    hmacs: hmacs.map((hmac) => Buffer.from(hmac, 'hex')),
    models: [...models],
    tiers: tiers.map((tier) => wireTier[tier]),
    ...(elsewhere === undefined ? {} : { elsewhere: wireElsewhere[elsewhere] }),
    notAfterMs: notAfterMs ?? 0,
    revoked: revoked ?? false,
  };
}

type Limits = {
  readonly guaranteedTokensPerMinute?: number;
  readonly ceilingTokensPerMinute?: number;
  readonly concurrentTurns?: number;
};

export function rates(limits: Limits): Rates__Input {
  return {
    guaranteedTokensPerMinute: limits.guaranteedTokensPerMinute ?? 0,
    ceilingTokensPerMinute: limits.ceilingTokensPerMinute ?? 0,
    concurrentTurns: limits.concurrentTurns ?? 0,
  };
}
