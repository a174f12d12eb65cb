import type { StoredPool } from '../facts.ts';
import type { Demand } from './demand.ts';

type Domains = Readonly<Record<'Pool' | 'Hall' | 'Phase', string>>;

/** Where the chains of a deployment stand: deployment uid, failure domain → chains. */
export class SpreadCount {
  readonly #chains = new Map<string, Map<string, number>>();
  readonly #domains = new WeakMap<StoredPool, Domains>();

  /** One more chain, or one less. */
  add(deploymentUid: string, pool: StoredPool, change: 1 | -1 = 1): void {
    const counts = this.#chains.get(deploymentUid) ?? new Map<string, number>();
    this.#chains.set(deploymentUid, counts);
    for (const domain of Object.values(this.#domainsOf(pool))) counts.set(domain, (counts.get(domain) ?? 0) + change);
  }

  /** Chains of the deployment in the same failure domain, each of which this one would share. */
  violations({ deploymentUid, spread }: Demand, pool: StoredPool): number {
    if (spread === 'None') return 0;
    const counts = this.#chains.get(deploymentUid);
    return counts?.get(this.#domainsOf(pool)[spread]) ?? 0;
  }

  /** A hall is named within its building; a pool without a phase is its own domain. */
  #domainsOf(pool: StoredPool): Domains {
    const known = this.#domains.get(pool);
    if (known !== undefined) return known;
    const { meta, spec } = pool;
    const domains = {
      Pool: `pool ${meta.name}`,
      Hall: `hall ${spec.zone}/${spec.building}/${spec.hall}`,
      Phase: `phase ${spec.phaseRef ?? meta.name}`,
    };
    this.#domains.set(pool, domains);
    return domains;
  }
}
