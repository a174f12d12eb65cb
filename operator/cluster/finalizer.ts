import { compareAndSwap, type SwapResult } from './compare-and-swap.ts';
import type { Kube, KubeObject, Resource } from './port.ts';

type Writer = Pick<Kube, 'get' | 'patch'>;

/** Holds an object against deletion until {@link removeFinalizer}; without a request when it is held already. */
export function addFinalizer(kube: Writer, resource: Resource, object: KubeObject, name: string): Promise<SwapResult> {
  const present = finalizersOf(object);
  return write(kube, resource, object, present.includes(name) ? present : [...present, name]);
}

/** Lets an object go, as far as this finalizer is concerned; others on it stay. One that is gone by then is `lost`. */
export function removeFinalizer(
  kube: Writer,
  resource: Resource,
  object: KubeObject,
  name: string,
): Promise<SwapResult> {
  const present = finalizersOf(object);
  return write(
    kube,
    resource,
    object,
    present.filter((each) => each !== name),
  );
}

function write(kube: Writer, resource: Resource, base: KubeObject, next: readonly string[]): Promise<SwapResult> {
  if (next.length === finalizersOf(base).length) return Promise.resolve({ kind: 'written', object: base });
  return compareAndSwap(kube, {
    resource,
    base,
    // A merge patch replaces a list whole: the version makes sure that nobody's finalizer is lost with it.
    patch: { metadata: { finalizers: next } },
    holds: (live) => finalizersOf(live).toString() === next.toString(),
  });
}

function finalizersOf({ metadata }: KubeObject): readonly string[] {
  return metadata.finalizers ?? [];
}
