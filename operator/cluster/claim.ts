/**
 * The only code that writes `Wafer.spec.claim` and `epoch`, and `ModelReplica.spec.plan`, `epoch`, `fence`, `desired`
 * and `retire`. Every write is a compare-and-swap on the version that the decision was made on; the rules of the kinds
 * (wf1–wf8, mr1–mr10 of OPERATOR §3) refuse what would be wrong on any version.
 */
import { assert } from '@reticle/core/domain';
import { compareAndSwap, specHolds, type SwapResult } from './compare-and-swap.ts';
import { mergeDiff } from './merge-patch.ts';
import type { CallOptions, Kube, KubeObject } from './port.ts';
import { resources } from './resources.ts';

type Writer = Pick<Kube, 'get' | 'patch'>;

/** Who holds a wafer (OPERATOR §3). */
export type WaferClaim = {
  readonly namespace: string;
  readonly replica: string;
  readonly uid: string;
  readonly stage: number;
  readonly replicaEpoch: number;
  readonly planDigest: string;
};

/** Fields of a ModelReplica's spec that only these writes touch. */
export type ReplicaClaim = {
  readonly epoch?: number;
  readonly plan?: object;
  readonly fence?: object;
  readonly desired?: 'Run' | 'Retire';
  readonly retire?: object;
};

type Spec = Readonly<Record<string, unknown>>;

/** Takes a wafer, or takes it on for a later epoch of the same holder. `epoch`: the wafer's, one above the present one. */
export function claimWafer(
  kube: Writer,
  wafer: KubeObject,
  next: { readonly claim: WaferClaim; readonly epoch: number },
  options?: CallOptions,
): Promise<SwapResult> {
  assert(wafer.kind === 'Wafer', 'a claim is on a wafer');
  return swapSpec(kube, wafer, { claim: next.claim, epoch: next.epoch }, options);
}

/** Gives a wafer back; its epoch stays, so that the host goes on refusing the holder's. */
export function releaseWafer(kube: Writer, wafer: KubeObject, options?: CallOptions): Promise<SwapResult> {
  assert(wafer.kind === 'Wafer', 'a release is of a wafer');
  return swapSpec(kube, wafer, { claim: undefined }, options);
}

/** Writes the plan, epoch, fence or retirement of a replica, each field whole. */
export function writeReplica(
  kube: Writer,
  replica: KubeObject,
  next: ReplicaClaim,
  options?: CallOptions,
): Promise<SwapResult> {
  assert(replica.kind === 'ModelReplica', 'plan and fence are of a replica');
  return swapSpec(kube, replica, next, options);
}

function swapSpec(kube: Writer, base: KubeObject, fields: Spec, options?: CallOptions): Promise<SwapResult> {
  const spec = (base.spec ?? {}) as Spec;
  const patch = mergeDiff(spec, { ...spec, ...fields });
  if (patch === undefined) return Promise.resolve({ kind: 'written', object: base });
  return compareAndSwap(kube, {
    resource: base.kind === 'Wafer' ? resources.wafer : resources.modelReplica,
    base,
    patch: { spec: patch },
    holds: (object) => specHolds(object, fields),
    ...(options === undefined ? {} : { options }),
  });
}
