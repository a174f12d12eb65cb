import type { ObjectOf } from './kind.ts';
import type { Schema } from './schema.ts';

export type OwnerReference = {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller: boolean;
};

/** What the API server keeps about every object. Times in ms since the epoch. */
export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationMs: number;
  readonly deletionMs?: number;
  readonly finalizers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly owners: readonly OwnerReference[];
};

/** Name of a kind's definition, such as `Wafer`. */
export type KindOf<D> = D extends { readonly kind: infer K } ? K : never;
/** Decoded spec of a kind's definition: every default applied. */
export type SpecOf<D> = ObjectOf<D> extends { readonly spec: infer S } ? S : never;
/** Decoded status of a kind's definition. */
export type StatusOf<D> = D extends { readonly status: Schema<infer T> } ? T : never;

/** An object as it was read from a store: decoded spec, decoded status (absent until somebody wrote one). */
export type Stored<D> = {
  readonly kind: KindOf<D>;
  readonly meta: ObjectMeta;
  readonly spec: SpecOf<D>;
  readonly status?: StatusOf<D>;
};
