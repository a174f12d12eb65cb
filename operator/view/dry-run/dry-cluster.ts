import {
  changed,
  DRAIN_FINALIZER,
  snapshotOf,
  type Action,
  type Change,
  type ChildFact,
  type Facts,
  type PodFact,
  type Snapshot,
  type StoredObject,
  type StoredReplica,
  type StoredWafer,
} from '@reticle/operator/plan';

/*
 * A cluster in memory where every write stands and every engine comes up: what a plan leads to when nothing goes wrong.
 * Invariants: it starts from the facts and changes by actions and time alone; capacity phases stay as they are, since
 * their gates measure what nobody can foresee.
 */

type Kinds = Action['kind'];
type Of<K extends Kinds> = Extract<Action, { kind: K }>;

/** What one pass has changed, by identity. */
type Pending = {
  readonly objects: Map<string, StoredObject>;
  readonly pods: Map<string, PodFact>;
  readonly children: Map<string, ChildFact>;
  readonly gone: { readonly objects: StoredObject[]; readonly pods: PodFact[]; readonly children: ChildFact[] };
};

const GATE_FREE: readonly string[] = [];

export class DryCluster {
  #snapshot: Snapshot;
  readonly #objects: Map<string, StoredObject>;
  readonly #pods: Map<string, PodFact>;
  readonly #children: Map<string, ChildFact>;
  #nowMs: number;
  #version = 0;
  #pending: Pending = nothing();

  constructor(facts: Facts) {
    this.#nowMs = facts.nowMs;
    this.#objects = new Map(facts.objects.map((object) => [object.meta.uid, object]));
    this.#pods = new Map(facts.pods.map((pod) => [pod.uid, pod]));
    this.#children = new Map(facts.children.map((child) => [child.uid, child]));
    this.#snapshot = snapshotOf(facts);
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  objects(): readonly StoredObject[] {
    return [...this.#objects.values()];
  }

  /** Carries the actions out, then lets pods start and end; true when anything is another than before. */
  apply(actions: readonly Action[]): boolean {
    for (const action of actions) this.#apply(action);
    this.#runPods();
    return this.#commit();
  }

  /** Time goes on to this moment. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#snapshot = changed(this.#snapshot, { nowMs });
  }

  #apply(action: Action): void {
    switch (action.kind) {
      case 'createReplica':
        return this.#createReplica(action);
      case 'claim':
        return this.#wafer(action.target.uid, (spec) => ({ ...spec, ...action.body }));
      case 'release':
        return this.#release(action);
      case 'writePlan':
      case 'retire':
        return this.#replica(action.target.uid, (spec) => ({ ...spec, ...action.body }));
      case 'commit':
        return this.#decide(action.target.uid, 'Committed');
      case 'abort':
        return this.#decide(action.target.uid, 'Aborted');
      default:
        return this.#applyBeside(action);
    }
  }

  /** What touches no spec of ours. Nobody is there to hear a signal or a snapshot. */
  #applyBeside(action: Of<'createChild' | 'setStatus' | 'bind' | 'stopPods' | 'signal' | 'publish'>): void {
    switch (action.kind) {
      case 'createChild':
        return this.#createChild(action);
      case 'setStatus':
        return this.#setStatus(action);
      case 'bind':
        return this.#bind(action.target.uid);
      case 'stopPods':
        return this.#stop(action);
      case 'signal':
      case 'publish':
        return;
    }
  }

  #createReplica({ body, target }: Of<'createReplica'>): void {
    const meta = {
      name: body.name,
      ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
      uid: `dry-${this.#next()}-${body.name}`,
      resourceVersion: this.#next(),
      generation: 1,
      creationMs: this.#nowMs,
      finalizers: [DRAIN_FINALIZER],
      labels: body.labels,
      annotations: {},
      owners: [],
    };
    this.#put({ kind: 'ModelReplica', meta, spec: { ...body.spec, desired: 'Run', epoch: 0 } });
  }

  #createChild({ body, target }: Of<'createChild'>): void {
    const { namespace = '' } = target;
    const uid = `dry-${this.#next()}-${body.name}`;
    const common = { namespace, name: body.name, uid, resourceVersion: this.#next(), replicaUid: target.uid };
    if (body.child !== 'Pod') {
      const child: ChildFact = { kind: body.child, ...common };
      this.#children.set(uid, child);
      this.#pending.children.set(uid, child);
      return;
    }
    this.#putPod({
      ...common,
      epoch: body.epoch,
      stage: body.stage ?? 0,
      phase: 'Pending',
      ready: false,
      readySinceMs: this.#nowMs,
      gates: ['reticle.dev/committed'],
      restarts: 0,
    });
  }

  #release({ body, target }: Of<'release'>): void {
    if ('claim' in body) return this.#wafer(target.uid, ({ claim: _claim, ...spec }) => spec);
    const found = this.#objects.get(target.uid);
    if (found === undefined) return;
    this.#objects.delete(target.uid);
    this.#pending.objects.delete(target.uid);
    this.#pending.gone.objects.push(found);
    this.#dropChildren(target.uid, () => true);
  }

  #decide(uid: string, outcome: 'Committed' | 'Aborted'): void {
    this.#replica(uid, (spec) => ({ ...spec, fence: { ...spec.fence, epoch: spec.epoch, outcome } }));
  }

  #setStatus({ target, body }: Of<'setStatus'>): void {
    const found = this.#objects.get(target.uid);
    if (found === undefined || found.kind === 'CapacityPhase') return;
    // The plan makes each status for its own kind.
    this.#put({ ...found, status: body.status } as StoredObject);
  }

  #bind(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod !== undefined) this.#putPod({ ...pod, gates: GATE_FREE });
  }

  #stop({ body, target }: Of<'stopPods'>): void {
    for (const { uid } of body.pods) this.#dropPod(uid);
    this.#dropChildren(target.uid, ({ kind }) => kind === 'PodDisruptionBudget');
  }

  #wafer(uid: string, to: (spec: StoredWafer['spec']) => StoredWafer['spec']): void {
    const found = this.#objects.get(uid);
    if (found?.kind === 'Wafer') this.#put(this.#written({ ...found, spec: to(found.spec) }));
  }

  #replica(uid: string, to: (spec: StoredReplica['spec']) => StoredReplica['spec']): void {
    const found = this.#objects.get(uid);
    if (found?.kind === 'ModelReplica') this.#put(this.#written({ ...found, spec: to(found.spec) }));
  }

  #written<T extends StoredObject>(object: T): T {
    return {
      ...object,
      meta: { ...object.meta, generation: object.meta.generation + 1, resourceVersion: this.#next() },
    };
  }

  /** Pods without a gate come up where their node answers; pods that are told to end are gone. */
  #runPods(): void {
    for (const pod of this.#pods.values()) {
      if (pod.deletionMs !== undefined) this.#dropPod(pod.uid);
      else if (this.#comesUp(pod)) {
        this.#putPod({ ...pod, phase: 'Running', ready: true, readySinceMs: this.#nowMs });
      }
    }
  }

  #comesUp(pod: PodFact): boolean {
    const isStarting = pod.phase === 'Pending' || pod.phase === 'Running';
    const isHeld = pod.gates.length > 0 || pod.waiting !== undefined;
    return !pod.ready && isStarting && !isHeld && this.#hasHost(pod);
  }

  #hasHost({ replicaUid, stage }: PodFact): boolean {
    const replica = this.#objects.get(replicaUid);
    if (replica?.kind !== 'ModelReplica' || replica.spec.plan === undefined) return false;
    const { pool, stages } = replica.spec.plan;
    const wafer = stages[stage]?.wafer;
    if (pool === undefined || wafer === undefined) return true;
    const state = this.#snapshot.pools.get(pool)?.wafers.find((each) => each.wafer.meta.name === wafer);
    return state?.node?.ready === true;
  }

  #put(object: StoredObject): void {
    this.#objects.set(object.meta.uid, object);
    this.#pending.objects.set(object.meta.uid, object);
  }

  #putPod(pod: PodFact): void {
    this.#pods.set(pod.uid, pod);
    this.#pending.pods.set(pod.uid, pod);
  }

  #dropPod(uid: string): void {
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.#pending.pods.delete(uid);
    this.#pending.gone.pods.push(pod);
  }

  #dropChildren(replicaUid: string, which: (child: ChildFact) => boolean): void {
    for (const child of this.#children.values()) {
      if (child.replicaUid !== replicaUid || !which(child)) continue;
      this.#children.delete(child.uid);
      this.#pending.children.delete(child.uid);
      this.#pending.gone.children.push(child);
    }
  }

  #commit(): boolean {
    const { objects, pods, children, gone } = this.#pending;
    this.#pending = nothing();
    const sizes = [objects.size, pods.size, children.size, gone.objects.length, gone.pods.length, gone.children.length];
    if (sizes.every((size) => size === 0)) return false;
    const change: Change = {
      nowMs: this.#nowMs,
      objects: [...objects.values()],
      pods: [...pods.values()],
      children: [...children.values()],
      removed: gone,
    };
    this.#snapshot = changed(this.#snapshot, change);
    return true;
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

function nothing(): Pending {
  return { objects: new Map(), pods: new Map(), children: new Map(), gone: { objects: [], pods: [], children: [] } };
}
