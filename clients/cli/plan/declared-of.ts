import { API_VERSION, declaredKinds, type DeclaredObject } from '@reticle/operator/api';
import type { StoredObject } from '@reticle/operator/plan';

/** Stored objects of the kinds that people write, in the form of manifests: what files are checked against. */
export function declaredOf(objects: readonly StoredObject[]): readonly DeclaredObject[] {
  return objects
    .filter(({ kind }) => Object.hasOwn(declaredKinds, kind))
    .toSorted((a, b) => a.meta.creationMs - b.meta.creationMs)
    .map(({ kind, meta, spec }) => {
      const { name, namespace, labels, annotations } = meta;
      const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels, annotations };
      // Sound because a stored spec was decoded by the same schema as a manifest's.
      return { apiVersion: API_VERSION, kind, metadata, spec } as DeclaredObject;
    });
}
