import { labelName } from './names.ts';
import { enumOf, map, obj, str, withDefault, type Schema } from './schema.ts';

/** Group and version of every kind (OPERATOR §1 rule 1). */
export const API_VERSION = 'reticle.dev/v1alpha1';

const stringMap = () => withDefault(map(str({ maxLength: 1024 }), { maxItems: 64 }), {});

const common = { labels: stringMap(), annotations: stringMap() };

type Metadata = { readonly name: string; readonly labels: StringMap; readonly annotations: StringMap };
type StringMap = Readonly<Record<string, string>>;

/** A kind: its name, whether its objects live in a namespace, and the schema of a whole object. */
export type Kind<K extends string, M extends Metadata, S> = {
  readonly kind: K;
  readonly scope: 'Cluster' | 'Namespaced';
  readonly schema: Schema<KubeObject<K, M, S>>;
};

/** A decoded object: every default applied. */
type KubeObject<K extends string, M extends Metadata, S> = {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: K;
  readonly metadata: M;
  readonly spec: S;
};
type ClusterMetadata = Metadata;
type NamespacedMetadata = Metadata & { readonly namespace: string };

// TypeScript cannot reduce the inferred type of `obj` while S is open, so the two functions below state it.
const header = <const K extends string>(kind: K) => ({ apiVersion: enumOf([API_VERSION]), kind: enumOf([kind]) });

/** Defines a kind whose objects belong to the whole cluster; `name` may narrow their names. */
export function clusterKind<const K extends string, S>(
  kind: K,
  spec: Schema<S>,
  name: Schema<string> = labelName(),
): Kind<K, ClusterMetadata, S> {
  const schema = obj({ ...header(kind), metadata: obj({ name, ...common }), spec });
  return { kind, scope: 'Cluster', schema: schema as unknown as Schema<KubeObject<K, ClusterMetadata, S>> };
}

/** Defines a kind whose objects live in a namespace (`default` when none is written); `name` may narrow their names. */
export function namespacedKind<const K extends string, S>(
  kind: K,
  spec: Schema<S>,
  name: Schema<string> = labelName(),
): Kind<K, NamespacedMetadata, S> {
  const metadata = obj({ name, namespace: withDefault(labelName(), 'default'), ...common });
  const schema = obj({ ...header(kind), metadata, spec });
  return { kind, scope: 'Namespaced', schema: schema as unknown as Schema<KubeObject<K, NamespacedMetadata, S>> };
}

/** Type of a kind's decoded objects. */
export type ObjectOf<D> = D extends { readonly schema: Schema<infer T> } ? T : never;
