import { compareAndSwap, refOf, type Kube, type KubeObject, type SwapResult } from '@reticle/operator/cluster';
import { resourceOf } from './resource-of.ts';

/**
 * The end of an object that has nothing left: it is deleted while our finalizer still holds it, then let go. A crash in
 * between leaves a deleted object with a finalizer, which is where this begins again.
 */
export async function letGo(kube: Kube, base: KubeObject, finalizer: string): Promise<SwapResult> {
  if (base.metadata.deletionTimestamp !== undefined) return withoutFinalizer(kube, base, finalizer);
  const resource = resourceOf(base.kind);
  const { uid, resourceVersion } = base.metadata;
  const deleted = await kube.delete(resource, refOf(base), { uid, resourceVersion });
  if (!deleted.ok) return { kind: 'notWritten', failure: deleted.failure };
  const live = await kube.get(resource, refOf(base));
  if (!live.ok) return { kind: 'written', object: base };
  return withoutFinalizer(kube, live.value, finalizer);
}

/** Takes our finalizer off; others' stay. */
export function withoutFinalizer(kube: Kube, base: KubeObject, finalizer: string): Promise<SwapResult> {
  const finalizers = (base.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  return writeFinalizers(kube, base, finalizers);
}

/** Holds an object until what depends on it is gone. */
export function withFinalizer(kube: Kube, base: KubeObject, finalizer: string): Promise<SwapResult> {
  return writeFinalizers(kube, base, [...(base.metadata.finalizers ?? []), finalizer]);
}

function writeFinalizers(kube: Kube, base: KubeObject, finalizers: readonly string[]): Promise<SwapResult> {
  const wanted = JSON.stringify(finalizers);
  return compareAndSwap(kube, {
    resource: resourceOf(base.kind),
    base,
    patch: { metadata: { finalizers } },
    holds: ({ metadata }) => JSON.stringify(metadata.finalizers ?? []) === wanted,
  });
}
