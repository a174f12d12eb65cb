import { decodeStored, kinds, type Problem, type Stored } from '@reticle/operator/api';
import { Cache, resources, type CacheChange, type KubeObject, type Resource } from '@reticle/operator/cluster';
import type { StoredObject } from '@reticle/operator/plan';

/** Any object of ours: what plans read, and tenants, which gateways alone are told of. */
export type KnownObject = StoredObject | Stored<(typeof kinds)['Tenant']>;

/** What is cached of one object: as it was read, and what this version makes of it. */
export type Held = {
  readonly object: KubeObject;
  /** Absent for an object of another kind, and for one that cannot be read (`UnsupportedVersion`, `InvalidSpec`). */
  readonly stored?: KnownObject;
  readonly problems: readonly Problem[];
};

/** Everything that the operator reads. */
export const watched = [
  'waferClass',
  'waferPool',
  'wafer',
  'capacityPhase',
  'accessTier',
  'tenant',
  'model',
  'modelDeployment',
  'modelReplica',
  'node',
  'pod',
  'configMap',
  'service',
  'podDisruptionBudget',
] as const satisfies readonly (keyof typeof resources)[];
type Watched = (typeof watched)[number];

/** The caches of one cluster, by resource. */
export class Store {
  readonly #caches: ReadonlyMap<string, Cache<Held>>;

  constructor() {
    this.#caches = new Map(
      watched.map((name) => [resources[name].kind, new Cache<Held>({ resource: resources[name], read: held })]),
    );
  }

  all(): readonly Cache<Held>[] {
    return [...this.#caches.values()];
  }

  of(name: Watched): Cache<Held> {
    return this.byKind(resources[name].kind) as Cache<Held>;
  }

  /** Undefined for a kind that is not watched. */
  byKind(kind: string): Cache<Held> | undefined {
    return this.#caches.get(kind);
  }

  /** An object by kind and name, as it is known at this moment. */
  find(kind: string, ref: { readonly namespace?: string; readonly name: string }): KubeObject | undefined {
    return this.byKind(kind)?.get(`${kind}/${ref.namespace ?? ''}/${ref.name}`)?.object;
  }

  resource(kind: string): Resource | undefined {
    return this.byKind(kind)?.resource;
  }

  /** A write's answer is known before its event comes. */
  wrote(object: KubeObject): void {
    this.byKind(object.kind)?.takeLive(object);
  }

  onChange(listener: (change: CacheChange<Held>) => void): () => void {
    const stops = this.all().map((cache) => cache.onChange(listener));
    return () => stops.forEach((stop) => stop());
  }
}

function held(object: KubeObject): Held {
  const definition = Object.values(kinds).find(({ kind }) => kind === object.kind);
  if (definition === undefined) return { object, problems: [] };
  const decoded = decodeStored(definition, object);
  // Sound because the definition was chosen by the object's kind.
  return decoded.ok === undefined
    ? { object, problems: decoded.problems }
    : { object, stored: decoded.ok as KnownObject, problems: [] };
}
