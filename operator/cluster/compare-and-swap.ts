import { refOf } from './object.ts';
import { sameJson } from './merge-patch.ts';
import type { Kube, KubeFailure, KubeObject, PatchOptions, Resource } from './port.ts';

/** What became of a write that depends on a version. */
export type SwapResult =
  /** It stands: by this request, or by an earlier one whose answer was lost. */
  | { readonly kind: 'written'; readonly object: KubeObject }
  /** The object has another version, or is gone: read again and plan again, no blind retry. */
  | { readonly kind: 'lost'; readonly live: KubeObject | undefined }
  /** The answer was lost and the object is as before: the same write may be tried once more, with the same version. */
  | { readonly kind: 'notWritten'; readonly failure: KubeFailure }
  /** A rule of the server, or a permission. */
  | { readonly kind: 'refused'; readonly failure: KubeFailure }
  /** Nothing is known, the live read failed too. */
  | { readonly kind: 'unknown'; readonly failure: KubeFailure };

export type Swap = {
  readonly resource: Resource;
  /** The object that the decision was made on. */
  readonly base: KubeObject;
  readonly patch: object;
  /** True for an object that holds what this write wants. */
  readonly holds: (object: KubeObject) => boolean;
  readonly options?: PatchOptions;
};

const REFUSALS: ReadonlySet<KubeFailure['kind']> = new Set([
  'invalid',
  'badRequest',
  'forbidden',
  'unauthorized',
  'notLeader',
]);

/**
 * A merge patch with the version of `base`. After a lost answer, and after a conflict (which may be the second try of a
 * write that had happened), the live object decides.
 */
export async function compareAndSwap(kube: Pick<Kube, 'get' | 'patch'>, swap: Swap): Promise<SwapResult> {
  const { resource, base, patch, options } = swap;
  const { resourceVersion } = base.metadata;
  // The version is of this incarnation alone, so that no uid needs to be compared by the server.
  const answer = await kube.patch(resource, refOf(base), { kind: 'merge', body: patch, resourceVersion }, options);
  if (answer.ok) return { kind: 'written', object: answer.value };
  const { failure } = answer;
  if (failure.kind === 'conflict' || failure.outcomeUnknown) return decideLive(kube, swap, failure);
  if (failure.kind === 'notFound') return { kind: 'lost', live: undefined };
  return { kind: REFUSALS.has(failure.kind) ? 'refused' : 'notWritten', failure };
}

async function decideLive(kube: Pick<Kube, 'get'>, swap: Swap, failure: KubeFailure): Promise<SwapResult> {
  const { resourceVersion, uid } = swap.base.metadata;
  const answer = await kube.get(swap.resource, refOf(swap.base));
  if (!answer.ok && answer.failure.kind !== 'notFound') return { kind: 'unknown', failure };
  if (!answer.ok) return { kind: 'lost', live: undefined };
  const live = answer.value;
  if (live.metadata.uid === uid && swap.holds(live)) return { kind: 'written', object: live };
  if (live.metadata.resourceVersion === resourceVersion) return { kind: 'notWritten', failure };
  return { kind: 'lost', live };
}

/** True when an object's spec has exactly these values, undefined for a field that must be absent. */
export function specHolds(object: KubeObject, fields: Readonly<Record<string, unknown>>): boolean {
  const spec = (object.spec ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(fields).every(([name, value]) => sameJson(spec[name], value));
}
