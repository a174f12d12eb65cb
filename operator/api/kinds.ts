import { accessTierKind } from './access-tier.ts';
import { capacityPhaseKind } from './capacity-phase.ts';
import { decodeValue, isRecord } from './decode.ts';
import { API_VERSION, type ObjectOf } from './kind.ts';
import { modelDeploymentKind } from './model-deployment.ts';
import { modelReplicaKind } from './model-replica.ts';
import { modelKind } from './model.ts';
import { suggest } from './suggest.ts';
import { nameOfType, problemAt, quote, type Problem } from './problem.ts';
import type { Schema } from './schema.ts';
import { tenantKind } from './tenant.ts';
import { waferClassKind } from './wafer-class.ts';
import { waferPoolKind } from './wafer-pool.ts';
import { waferKind } from './wafer.ts';

/** Kinds that people write: what manifests hold. */
export const declaredKinds = {
  WaferClass: waferClassKind,
  WaferPool: waferPoolKind,
  CapacityPhase: capacityPhaseKind,
  Model: modelKind,
  ModelDeployment: modelDeploymentKind,
  AccessTier: accessTierKind,
  Tenant: tenantKind,
} as const;

/** Every kind of this version, by name; the operator writes the last two itself. */
export const kinds = { ...declaredKinds, Wafer: waferKind, ModelReplica: modelReplicaKind } as const;

/** A set of kinds by name; `decodeObject` reads the objects of exactly these. */
export type KindRegistry = Readonly<Record<string, { readonly kind: string; readonly schema: Schema<unknown> }>>;

/** Any decoded object of a registry. */
type AnyObjectOf<R extends KindRegistry> = ObjectOf<R[keyof R]>;

/** Any decoded object that people write. */
export type DeclaredObject = AnyObjectOf<typeof declaredKinds>;

/** Any decoded object of this version's kinds. */
export type ReticleObject = AnyObjectOf<typeof kinds>;

/** The object with every default applied, or every problem at once. */
export type Decoded<T> =
  | { readonly ok: T; readonly problems?: undefined }
  | { readonly ok?: undefined; readonly problems: readonly Problem[] };

/**
 * Decodes one object of YAML or JSON strictly: unknown fields are problems, rules run as their pure twins,
 * defaults are applied. Decoding a decoded object again yields the same object. A wrong `apiVersion` or
 * `kind` is the only problem reported, since nothing else can be judged without them.
 */
export function decodeObject<R extends KindRegistry>(registry: R, raw: unknown): Decoded<AnyObjectOf<R>> {
  if (!isRecord(raw)) {
    return { problems: [problemAt([], 'type', `must be an object with apiVersion and kind, not ${nameOfType(raw)}`)] };
  }
  const header = [...refuseVersion(raw['apiVersion']), ...refuseKind(registry, raw['kind'])];
  if (header.length > 0) return { problems: header };
  const found = registry[String(raw['kind'])];
  // `refuseKind` has found the kind in the registry; its schema decodes exactly the objects of that kind.
  return decodeValue(found?.schema as Schema<AnyObjectOf<R>>, raw);
}

function refuseVersion(version: unknown): readonly Problem[] {
  if (version === API_VERSION) return [];
  return version === undefined || version === null
    ? [problemAt(['apiVersion'], 'required', `is missing (add ${API_VERSION})`)]
    : [problemAt(['apiVersion'], 'enum', `${quote(version)} is not supported (use ${API_VERSION})`)];
}

function refuseKind(registry: KindRegistry, kind: unknown): readonly Problem[] {
  const names = Object.keys(registry);
  if (kind === undefined || kind === null) {
    return [problemAt(['kind'], 'required', `is missing (add one of ${names.join(', ')})`)];
  }
  if (typeof kind === 'string' && Object.hasOwn(registry, kind)) return [];
  if (typeof kind === 'string' && Object.hasOwn(kinds, kind) && !Object.hasOwn(declaredKinds, kind)) {
    return [problemAt(['kind'], 'enum', `${quote(kind)} is written by the operator alone (leave the object out)`)];
  }
  const hint = suggest(typeof kind === 'string' ? kind : '', names, 'use one of');
  return [problemAt(['kind'], 'enum', `${quote(kind)} is not a kind here (${hint})`)];
}
