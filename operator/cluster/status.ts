import { assert } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { compareAndSwap, type SwapResult } from './compare-and-swap.ts';
import { timeText } from './kube-time.ts';
import { mergeDiff, sameJson } from './merge-patch.ts';
import type { Kube, KubeObject, Resource } from './port.ts';

/** A condition as a controller states it; its times and generation are this module's business. */
export type NextCondition = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
};

export type NextStatus = Readonly<Record<string, unknown>> & { readonly conditions: readonly NextCondition[] };

type StoredCondition = NextCondition & { readonly lastTransitionTime: string; readonly observedGeneration?: number };

export type StatusOptions = {
  readonly kube: Pick<Kube, 'get' | 'patch'>;
  readonly clock: Clock;
  /** Whether the closed registry has this reason for this kind. */
  readonly isReason: (reason: string, kind: string) => boolean;
};

export type StatusResult = SwapResult | { readonly kind: 'unchanged' };

/**
 * Makes an object's status what the controller states, with one patch or, when nothing differs, with none: an idle
 * cluster has no writes. A condition keeps the time of its last transition while its status stays. What was observed is
 * the generation of `object`.
 */
export async function setStatus(
  options: StatusOptions,
  resource: Resource,
  object: KubeObject,
  next: NextStatus,
): Promise<StatusResult> {
  const { kube, clock, isReason } = options;
  for (const { reason } of next.conditions) {
    assert(isReason(reason, object.kind), `the reason ${reason} is in the registry for ${object.kind}`);
  }
  const before = (object.status ?? {}) as Readonly<Record<string, unknown>>;
  const status = complete(next, { object, before, now: timeText(clock.wallMs()) });
  if (sameJson(before, status)) return { kind: 'unchanged' };
  const patch = mergeDiff(before, status);
  assert(patch !== undefined, 'values that differ have a difference');
  return compareAndSwap(kube, {
    resource,
    base: object,
    patch: { status: patch },
    holds: ({ status: live }) => sameJson(live, status),
    options: { subresource: 'status' },
  });
}

type Context = {
  readonly object: KubeObject;
  readonly before: Readonly<Record<string, unknown>>;
  readonly now: string;
};

function complete(next: NextStatus, { object, before, now }: Context): Readonly<Record<string, unknown>> {
  const observedGeneration = object.metadata.generation ?? 0;
  const known = Array.isArray(before['conditions']) ? (before['conditions'] as StoredCondition[]) : [];
  const conditions = next.conditions.map((condition) => {
    const earlier = known.find(({ type }) => type === condition.type);
    const lastTransitionTime = earlier?.status === condition.status ? earlier.lastTransitionTime : now;
    return { ...condition, observedGeneration, lastTransitionTime };
  });
  return { ...next, conditions, observedGeneration };
}
