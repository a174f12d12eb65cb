import { assert, ReticleError, type Elsewhere, type TenantAccess } from '@reticle/core/domain';

/** Tenants by name, in memory. */
export class TenantStore {
  #tenants: ReadonlyMap<string, TenantAccess> = new Map();
  readonly #listeners = new Set<() => void>();

  constructor(tenants: Iterable<TenantAccess> = []) {
    this.replace(tenants);
  }

  find(name: string): TenantAccess | undefined {
    return this.#tenants.get(name);
  }

  /** Puts a new set in force at once, and tells the listeners: running streams check their credentials again. */
  replace(tenants: Iterable<TenantAccess>): void {
    const next = new Map<string, TenantAccess>();
    for (const tenant of tenants) {
      assert(!next.has(tenant.name), 'a tenant stands once');
      assert(tenant.tiers.length > 0 || tenant.elsewhere !== undefined, 'a tenant has a tier, or is served elsewhere');
      next.set(tenant.name, tenant);
    }
    this.#tenants = next;
    for (const listener of this.#listeners) listener();
  }

  /** Tells every change until the returned function is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** What a true credential of a tenant that another cell serves is told. */
export function servedElsewhere(code: Elsewhere, regions: readonly string[] = []): ReticleError {
  const text =
    code === 'residency_violation' ? 'outside the residency of the tenant' : 'outside the regions of the tenant';
  return new ReticleError(code, `this cell lies ${text}`, { details: { allowed_regions: regions.join(',') } });
}
