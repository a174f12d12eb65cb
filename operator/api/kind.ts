import { labelName } from './names.ts';
import type { ShortName } from './reasons.ts';
import { enumOf, map, obj, str, withDefault, type Schema } from './schema.ts';

/** Group of every kind. */
export const GROUP = 'reticle.dev';
/** Group and version of every kind (OPERATOR §1 rule 1). */
export const API_VERSION = 'reticle.dev/v1alpha1';

const stringMap = () => withDefault(map(str({ maxLength: 1024 }), { maxItems: 64 }), {});

const common = { labels: stringMap(), annotations: stringMap() };

type Metadata = { readonly name: string; readonly labels: StringMap; readonly annotations: StringMap };
type StringMap = Readonly<Record<string, string>>;

/** A column of `kubectl get`; `wide`: only with `-o wide`. */
export type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  /** JSONPath from the object's root. */
  readonly path: string;
  readonly wide?: true;
};

/** What a kind is called and how it is listed (OPERATOR §2). */
type Listing = {
  /** One sentence; `kubectl explain` prints it. */
  readonly purpose: string;
  /** What keeps an object until the operator is done with it; absent where it has nothing to do. */
  readonly finalizer?: string;
  readonly plural: string;
  readonly shortName: ShortName;
  readonly columns: readonly Column[];
  /** Fields that a list can be narrowed by, such as `spec.region`. */
  readonly selectable: readonly string[];
};

/** A kind: its names, whether its objects live in a namespace, and the schemas of what people and the operator write. */
export type Kind<K extends string, M extends Metadata, S, T> = Listing & {
  readonly kind: K;
  readonly scope: 'Cluster' | 'Namespaced';
  /** Of a whole object as people write it: without status. */
  readonly schema: Schema<KubeObject<K, M, S>>;
  readonly status: Schema<T>;
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

type Parts<S, T> = Listing & {
  readonly spec: Schema<S>;
  readonly status: Schema<T>;
  /** Narrows the names of objects. */
  readonly name?: Schema<string>;
};

// TypeScript cannot reduce the inferred type of `obj` while S is open, so the two functions below state it.
const header = <const K extends string>(kind: K) => ({ apiVersion: enumOf([API_VERSION]), kind: enumOf([kind]) });

/** Defines a kind whose objects belong to the whole cluster. */
export function clusterKind<const K extends string, S, T>(
  kind: K,
  { spec, status, name = labelName(), ...listing }: Parts<S, T>,
): Kind<K, ClusterMetadata, S, T> {
  const schema = obj({ ...header(kind), metadata: obj({ name, ...common }), spec });
  const stated = schema as unknown as Schema<KubeObject<K, ClusterMetadata, S>>;
  return { ...listing, kind, scope: 'Cluster', schema: stated, status };
}

/** Defines a kind whose objects live in a namespace (`default` when none is written). */
export function namespacedKind<const K extends string, S, T>(
  kind: K,
  { spec, status, name = labelName(), ...listing }: Parts<S, T>,
): Kind<K, NamespacedMetadata, S, T> {
  const metadata = obj({ name, namespace: withDefault(labelName(), 'default'), ...common });
  const schema = obj({ ...header(kind), metadata, spec });
  const stated = schema as unknown as Schema<KubeObject<K, NamespacedMetadata, S>>;
  return { ...listing, kind, scope: 'Namespaced', schema: stated, status };
}

/** Type of a kind's decoded objects. */
export type ObjectOf<D> = D extends { readonly schema: Schema<infer T> } ? T : never;

/** A column of a field. */
export function column(name: string, path: string, type: Column['type'] = 'string'): Column {
  return { name, type, path };
}

/** A column of a condition: its status, or its reason. */
export function conditionColumn(name: string, condition: string, field: 'status' | 'reason' = 'status'): Column {
  return { name, type: 'string', path: `.status.conditions[?(@.type=="${condition}")].${field}` };
}

/** Shows the column only with `-o wide`. */
export function wide(shown: Column): Column {
  return { ...shown, wide: true };
}

/** The last of the columns that are always shown. */
export const ageColumn: Column = column('Age', '.metadata.creationTimestamp', 'date');
