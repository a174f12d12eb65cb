import {
  tiers,
  type Elsewhere,
  type GatewayAccess,
  type KeyRecord,
  type TenantAccess,
  type Tier,
} from '@reticle/core/domain';
import type { AccessTier } from './access-tier.ts';
import type { Tenant } from './tenant.ts';
import { utcMs } from './utc-time.ts';

/** Where a gateway stands. */
export type Place = {
  readonly region: string;
  /** Residency words of its pools. */
  readonly residency: readonly string[];
};

/** Objects as they are declared; of their metadata the name alone is read. */
type Named<T extends { readonly spec: unknown }> = {
  readonly metadata: { readonly name: string };
  readonly spec: T['spec'];
};
type Objects = { readonly tenants: readonly Named<Tenant>[]; readonly accessTiers: readonly Named<AccessTier>[] };

/**
 * What tenants and their keys may use at gateways of one place. Nothing of a tenant whose residency the place has not is
 * served there: its credentials are true, and are told where they do not belong.
 */
export function toAccess({ tenants, accessTiers }: Objects, place: Place): Pick<GatewayAccess, 'keys' | 'tenants'> {
  const closed = new Set(accessTiers.filter((tier) => !isOffered(tier, place)).map(({ metadata }) => metadata.name));
  const each = tenants.map((tenant) => {
    const access = tenantAccess(tenant, closed, place);
    return { access, keys: tenant.spec.keys.map((key) => keyRecord(access, key, place)) };
  });
  return { tenants: each.map(({ access }) => access), keys: each.flatMap(({ keys }) => keys) };
}

function isOffered({ spec }: Named<AccessTier>, { region, residency }: Place): boolean {
  const isNear = spec.regions.length === 0 || spec.regions.includes(region);
  return isNear && (spec.residency.length === 0 || spec.residency.some((word) => residency.includes(word)));
}

function tenantAccess({ metadata, spec }: Named<Tenant>, closed: ReadonlySet<string>, place: Place): TenantAccess {
  const { name } = metadata;
  const { suspended, residency } = spec;
  if (residency !== undefined && !residency.inference.some((word) => place.residency.includes(word))) {
    return { name, suspended, tiers: [], elsewhere: 'residency_violation' };
  }
  const own = new Map(spec.tiers.map((tier) => [tier.name, tier] as const));
  const open = tiers.filter((tier) => {
    const regions = own.get(tier)?.regions;
    return regions !== undefined && !closed.has(tier) && (regions.length === 0 || regions.includes(place.region));
  });
  const limited = open.flatMap((tier) => {
    const models = own.get(tier)?.models ?? [];
    return models.length === 0 ? [] : [[tier, models] as const];
  });
  return {
    name,
    suspended,
    tiers: open,
    ...(limited.length === 0 ? {} : { tierModels: Object.fromEntries(limited) }),
    ...(open.length === 0 ? { elsewhere: 'region_unavailable' } : {}),
  };
}

type Key = Tenant['spec']['keys'][number];

function keyRecord(access: TenantAccess, key: Key, place: Place): KeyRecord {
  const usable = tiersOfKey(access, key, place);
  const elsewhere: Elsewhere | undefined = access.elsewhere ?? (usable.length === 0 ? 'region_unavailable' : undefined);
  const notAfterMs = key.notAfter === undefined ? undefined : utcMs(key.notAfter);
  return {
    id: key.id,
    hmacs: key.hmacs,
    tenant: access.name,
    models: scoped(key, 'model'),
    tiers: usable,
    defaultTier: usable[0] ?? SLOWEST,
    ...(access.tierModels === undefined ? {} : { tierModels: access.tierModels }),
    ...(elsewhere === undefined ? {} : { elsewhere }),
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
    revoked: key.revoked || access.suspended,
  };
}

function tiersOfKey(access: TenantAccess, key: Key, { region }: Place): readonly Tier[] {
  const [wanted, regions] = [scoped(key, 'tier'), scoped(key, 'region')];
  if (regions.length > 0 && !regions.includes(region)) return [];
  return access.tiers.filter((tier) => wanted.length === 0 || wanted.includes(tier));
}

/** Names of a key's scopes of one kind. */
function scoped({ scopes }: Key, kind: 'model' | 'tier' | 'region'): readonly string[] {
  return scopes.flatMap((scope) => (scope.startsWith(`${kind}:`) ? [scope.slice(kind.length + 1)] : []));
}

/** Of a key that nothing is served to. */
const SLOWEST: Tier = 'flex';
