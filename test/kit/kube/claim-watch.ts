/**
 * Follows every change of a cluster and notes what may never be, at any revision (OPERATOR §10, §17): a plan committed
 * without all of its claims, a pod that runs before the commit, two chains on one wafer, a claim that is given back
 * under its holder's pods or under a committed plan, a wafer taken for an epoch while pods of an earlier one stand.
 */
import type { KubeObject } from '@reticle/operator/cluster';
import type { StoredChange } from './fake-store.ts';

const GATE = 'reticle.dev/committed';

type Claim = {
  readonly uid: string;
  readonly stage: number;
  readonly replicaEpoch: number;
  readonly planDigest: string;
};
type WaferSpec = { readonly nodeName: string; readonly epoch: number; readonly claim?: Claim };
type ReplicaSpec = {
  readonly epoch: number;
  readonly desired: string;
  readonly plan?: {
    readonly digest: string;
    readonly stages: readonly { readonly stage: number; readonly wafer: string }[];
  };
  readonly fence?: { readonly epoch: number; readonly outcome: string };
  readonly retire?: { readonly epoch: number };
};
type Pod = {
  readonly uid: string;
  readonly holder: string;
  readonly epoch: number;
  readonly node: string;
  readonly gated: boolean;
};

export class ClaimWatch {
  readonly faults: string[] = [];
  readonly #wafers = new Map<string, WaferSpec>();
  readonly #replicas = new Map<string, ReplicaSpec>();
  readonly #pods = new Map<string, Pod>();
  /** Pods that were on a machine when it was lost: wherever they still run, their wafer's epoch refuses them. */
  readonly #ghosts = new Set<string>();

  /** Every pod of this node is a ghost from now on. */
  lost(node: string): void {
    for (const { uid, node: on } of this.#pods.values()) if (on === node) this.#ghosts.add(uid);
  }

  take({ object, deleted, revision }: StoredChange): void {
    const before = this.faults.length;
    if (object.kind === 'Pod') this.#pod(object, deleted);
    if (object.kind === 'Wafer') this.#wafer(object, deleted);
    if (object.kind === 'ModelReplica') this.#replica(object, deleted);
    for (let at = before; at < this.faults.length; at++) this.faults[at] = `r${revision} ${this.faults[at]}`;
  }

  #pod({ metadata, spec }: KubeObject, deleted: boolean): void {
    const { uid, name } = metadata;
    const pod = podOf(metadata, spec);
    if (deleted || pod === undefined) return void this.#pods.delete(uid);
    this.#pods.set(uid, pod);
    if (!pod.gated && !this.#ghosts.has(uid)) this.#runs(name, pod);
  }

  #runs(name: string, { holder, epoch, node }: Pod): void {
    const owner = this.#replicas.get(holder);
    // A pod whose replica is gone, or at a later epoch, is about to be collected.
    if (owner?.epoch === epoch && !isCommitted(owner)) this.#fault(`${name} runs without a commit`);
    for (const other of this.#pods.values()) {
      if (other.node !== node || other.gated || this.#ghosts.has(other.uid)) continue;
      if (other.holder !== holder || other.epoch !== epoch)
        this.#fault(`${name} runs on ${node} beside epoch ${other.epoch} of ${other.holder}`);
    }
  }

  #wafer({ metadata, spec }: KubeObject, deleted: boolean): void {
    const { name } = metadata;
    const next = spec as WaferSpec;
    const before = this.#wafers.get(name);
    if (deleted) this.#wafers.delete(name);
    else this.#wafers.set(name, next);
    const claim = deleted ? undefined : next.claim;
    if (before?.claim !== undefined && !isSame(before.claim, claim)) this.#ended(name, before, before.claim);
    if (claim !== undefined && !isSame(claim, before?.claim)) this.#taken(name, claim);
  }

  #ended(name: string, { nodeName }: WaferSpec, { uid, replicaEpoch }: Claim): void {
    for (const pod of this.#solid(uid)) {
      if (pod.node === nodeName && pod.epoch <= replicaEpoch)
        this.#fault(`the claim on ${name} ended under a pod of epoch ${pod.epoch}`);
    }
    const holder = this.#replicas.get(uid);
    if (holder !== undefined && holder.epoch === replicaEpoch && isAtWork(holder))
      this.#fault(`the claim on ${name} ended under a committed plan`);
  }

  #taken(name: string, { uid, replicaEpoch }: Claim): void {
    for (const { epoch } of this.#solid(uid)) {
      if (epoch < replicaEpoch)
        this.#fault(`${name} is taken for epoch ${replicaEpoch} while a pod of epoch ${epoch} stands`);
    }
  }

  #replica({ metadata, spec }: KubeObject, deleted: boolean): void {
    const { uid, name } = metadata;
    const before = this.#replicas.get(uid);
    if (deleted) return this.#gone(uid, name);
    const next = spec as ReplicaSpec;
    this.#replicas.set(uid, next);
    if (before !== undefined) this.#kept(name, before, next);
    if (isCommitted(next) && !isCommitted(before)) this.#committed(uid, name, next);
  }

  #gone(uid: string, name: string): void {
    this.#replicas.delete(uid);
    for (const [wafer, { claim }] of this.#wafers) {
      if (claim?.uid === uid) this.#fault(`${name} is gone and holds ${wafer}`);
    }
  }

  #kept(name: string, before: ReplicaSpec, next: ReplicaSpec): void {
    if (next.epoch < before.epoch) this.#fault(`${name} is back at epoch ${next.epoch}`);
    if (before.desired === 'Retire' && next.desired !== 'Retire') this.#fault(`${name} is not retiring any more`);
    if (next.epoch !== before.epoch) return;
    if (!isSame(next.plan, before.plan)) this.#fault(`${name} has another plan in epoch ${next.epoch}`);
    if (isCommitted(before) && !isCommitted(next)) this.#fault(`${name} is not committed any more`);
  }

  #committed(uid: string, name: string, { epoch, plan }: ReplicaSpec): void {
    if (plan === undefined) return this.#fault(`${name} is committed without a plan`);
    for (const { stage, wafer } of plan.stages) {
      const wanted = `${uid} ${epoch} ${stage} ${plan.digest}`;
      if (textOf(this.#wafers.get(wafer)?.claim) !== wanted)
        this.#fault(`${name} is committed without its claim on ${wafer}`);
    }
  }

  /** Pods of a holder that nothing but the API server stops. */
  #solid(holder: string): readonly Pod[] {
    return [...this.#pods.values()].filter((pod) => pod.holder === holder && !this.#ghosts.has(pod.uid));
  }

  #fault(text: string): void {
    this.faults.push(text);
  }
}

function podOf({ uid, labels = {} }: KubeObject['metadata'], given: unknown): Pod | undefined {
  const spec = given as { readonly schedulingGates?: readonly { readonly name: string }[]; readonly nodeName?: string };
  const holder = labels['reticle.dev/replica-uid'];
  if (holder === undefined) return undefined;
  const gated = (spec.schedulingGates ?? []).some(({ name }) => name === GATE);
  // Not yet bound pods are nowhere; a pod with a gate is on no node.
  return { uid, holder, epoch: Number(labels['reticle.dev/epoch']), node: spec.nodeName ?? `unbound ${uid}`, gated };
}

function isCommitted(spec: ReplicaSpec | undefined): boolean {
  return spec?.fence?.outcome === 'Committed';
}

/** Whether an epoch is committed and nobody ended it. */
function isAtWork(spec: ReplicaSpec): boolean {
  return isCommitted(spec) && (spec.retire === undefined || spec.retire.epoch < spec.epoch);
}

function textOf(claim: Claim | undefined): string {
  return claim === undefined ? 'none' : `${claim.uid} ${claim.replicaEpoch} ${claim.stage} ${claim.planDigest}`;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
