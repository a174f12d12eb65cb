import type { Reason } from '@reticle/operator/api';
import type { Diagnostic } from './nofit/diagnostic.ts';
import type { ReplicaPlan, RetireReason, StoredDeployment, StoredObject, StoredReplica, WaferClaim } from './facts.ts';

/** Which object, in which version of it the plan was made from. */
export type Ref = {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
};

/** A new ModelReplica; its name is built from its deployment, region, revision and ordinal (OPERATOR §1 rule 9). */
export type ReplicaBody = {
  readonly name: string;
  readonly spec: Pick<StoredReplica['spec'], 'deployment' | 'region' | 'ordinal' | 'revision' | 'inputs'>;
  readonly labels: Readonly<Record<string, string>>;
};

/** A child to be created by its name; what stands in it is rendered from the replica's plan. */
export type ChildBody = {
  readonly child: 'ConfigMap' | 'Service' | 'PodDisruptionBudget' | 'Pod';
  readonly name: string;
  readonly epoch: number;
  /** Of a pod. */
  readonly stage?: number;
  /** Node that the pod is pinned to; absent for engines without wafers. */
  readonly node?: string;
};

type Body = {
  readonly createReplica: ReplicaBody;
  /** Compare-and-swap: `epoch` is one above the replica's. */
  readonly writePlan: {
    readonly epoch: number;
    readonly plan: ReplicaPlan;
    readonly fence: NonNullable<StoredReplica['spec']['fence']>;
  };
  /** Compare-and-swap on a wafer: its epoch and claim. */
  readonly claim: { readonly epoch: number; readonly claim: WaferClaim };
  readonly createChild: ChildBody;
  /** After live reads: every wafer carries this claim, no pod a foreign gate (OPERATOR §10 step 4). */
  readonly commit: { readonly epoch: number; readonly digest: string; readonly wafers: readonly string[] };
  readonly abort: { readonly epoch: number };
  readonly bind: { readonly epoch: number; readonly gate: string };
  readonly retire: {
    readonly desired: 'Run' | 'Retire';
    readonly retire: {
      readonly epoch: number;
      readonly reason: RetireReason;
      readonly requestedAt: string;
      readonly deadlineSeconds: number;
    };
  };
  /** Tells the head, on the signal path, to hand its streams over or to park its sessions. */
  readonly signal: { readonly signal: 'drain' | 'park'; readonly epoch: number };
  /** Budgets first, then pods in this order. */
  readonly stopPods: { readonly budgets: readonly Ref[]; readonly pods: readonly Ref[]; readonly graceSeconds: number };
  /** A wafer's claim of this holder, or the finalizer of a replica or deployment that has nothing left. */
  readonly release: { readonly claim: string } | { readonly finalizer: string };
  readonly setStatus: { readonly status: NonNullable<StoredObject['status']> };
  readonly publish: { readonly replicas: readonly string[] };
};

/** A write that the executor does after it has looked again (OPERATOR §8). */
export type Action = {
  readonly [Kind in keyof Body]: {
    readonly kind: Kind;
    readonly target: Ref;
    readonly because: Reason;
    readonly body: Body[Kind];
  };
}[keyof Body];

/** Something that a plan found and does not act on. */
export type Finding =
  | { readonly kind: 'noFit'; readonly subject: Ref; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: 'blocked'; readonly subject: Ref; readonly reason: Reason; readonly detail: string }
  | { readonly kind: 'drafterDropped'; readonly subject: Ref }
  | { readonly kind: 'unevenLayers'; readonly subject: Ref; readonly imbalancePermille: number }
  | { readonly kind: 'stranded'; readonly pool: string; readonly wafers: number }
  | { readonly kind: 'earmarked'; readonly pool: string; readonly subject: string }
  /** Only proposed: chains that could make room (OPERATOR §9.6, §9.7). */
  | { readonly kind: 'preempt'; readonly subject: string; readonly pool: string; readonly victims: readonly string[] }
  | { readonly kind: 'defrag'; readonly subject: string; readonly pool: string; readonly moves: readonly string[] };

/** Reference to an object as it was read. */
export function refOf({ kind, meta }: StoredObject | StoredDeployment): Ref {
  const { name, namespace, uid, resourceVersion } = meta;
  return { kind, name, uid, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
}
