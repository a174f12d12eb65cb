import type { StoredPool } from '../facts.ts';
import type { Demand } from './demand.ts';

/** Where the chains of a deployment stand: deployment uid and place → chains. */
export class SpreadCount {
  readonly #chains = new Map<string, number>();

  /** One more chain, or one less. */
  add(deploymentUid: string, pool: StoredPool, change: 1 | -1 = 1): void {
    for (const spread of ['Pool', 'Hall', 'Phase'] as const) {
      const key = `${deploymentUid} ${spread} ${placeOf(pool, spread)}`;
      this.#chains.set(key, (this.#chains.get(key) ?? 0) + change);
    }
  }

  /** Chains of the deployment in the same failure domain, each of which this one would share. */
  violations({ deploymentUid, spread }: Demand, pool: StoredPool): number {
    if (spread === 'None') return 0;
    return this.#chains.get(`${deploymentUid} ${spread} ${placeOf(pool, spread)}`) ?? 0;
  }
}

/** A hall is named within its building; a pool without a phase is its own domain. */
function placeOf({ meta, spec }: StoredPool, spread: 'Pool' | 'Hall' | 'Phase'): string {
  switch (spread) {
    case 'Pool':
      return meta.name;
    case 'Hall':
      return `${spec.zone}/${spec.building}/${spec.hall}`;
    case 'Phase':
      return spec.phaseRef ?? meta.name;
  }
}
