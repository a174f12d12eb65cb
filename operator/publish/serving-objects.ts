import type { kinds, Stored } from '@reticle/operator/api';

type StoredOf<K extends keyof typeof kinds> = Stored<(typeof kinds)[K]>;

export type ServingPool = StoredOf<'WaferPool'>;
export type ServingPhase = StoredOf<'CapacityPhase'>;
export type ServingTier = StoredOf<'AccessTier'>;
export type ServingTenant = StoredOf<'Tenant'>;
export type ServingModel = StoredOf<'Model'>;
export type ServingDeployment = StoredOf<'ModelDeployment'>;
export type ServingReplica = StoredOf<'ModelReplica'>;

/** Any object of ours; a snapshot is made of the seven above. */
export type ServingObject =
  | ServingPool
  | ServingPhase
  | ServingTier
  | ServingTenant
  | ServingModel
  | ServingDeployment
  | ServingReplica
  | StoredOf<'WaferClass'>
  | StoredOf<'Wafer'>;

/** Objects by kind, each list in an order of its own that does not depend on the cache. */
export class ServingObjects {
  readonly #byKind: ReadonlyMap<string, readonly ServingObject[]>;

  constructor(objects: readonly ServingObject[]) {
    const sorted = objects.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    this.#byKind = Map.groupBy(sorted, ({ kind }) => kind);
  }

  of<K extends ServingObject['kind']>(kind: K): readonly Extract<ServingObject, { readonly kind: K }>[] {
    // Sound because the map files objects under their own kind.
    return (this.#byKind.get(kind) ?? []) as readonly Extract<ServingObject, { readonly kind: K }>[];
  }
}

function nameOf({ meta }: ServingObject): string {
  return `${meta.namespace ?? ''}/${meta.name}`;
}
