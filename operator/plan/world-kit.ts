/** A world that does what a plan says, with engines that come up and drain at once: plans are tested by where they end. */
import type { Action } from './action.ts';
import type {
  ChildFact,
  Facts,
  NodeFact,
  PodFact,
  PresenceFact,
  StoredObject,
  StoredReplica,
  StoredWafer,
} from './facts.ts';
import { NOW_MS, facts } from './plan-kit.ts';
import { PlanMemo } from './plan-memo.ts';
import { plan, type Plan } from './plan.ts';
import { DRAIN_FINALIZER } from './replica-view.ts';
import { snapshotOf, type Snapshot } from './snapshot.ts';

type Mutable = { -readonly [Key in keyof Facts]: Facts[Key] extends readonly (infer T)[] ? T[] : Facts[Key] };

const STEPS_MAX = 400;

export class World {
  memo = new PlanMemo();
  readonly log: string[] = [];
  /** Pods that nobody starts, by name. */
  readonly stuck = new Set<string>();
  /** Sessions of each replica by uid; a drain or park does away with them when `drains` is set. */
  readonly sessions = new Map<string, number>();
  drains = true;
  /** Whether heads tell anything. */
  speaks = true;
  /** Writes until the operator dies in the middle of a pass; it starts again without its memo. */
  writesLeft = Infinity;
  /** Writes so far. */
  writes = 0;
  #facts: Mutable;
  #version = 1;

  constructor(given: Partial<Facts>) {
    this.#facts = { ...(facts(given) as Mutable) };
  }

  get nowMs(): number {
    return this.#facts.nowMs;
  }

  snapshot(): Snapshot {
    return snapshotOf(this.#facts);
  }

  plan(): Plan {
    return plan(this.snapshot(), this.memo);
  }

  /** Passes until a plan has nothing to do; time goes on where only time is waited for. Returns the passes. */
  settle(untilMs: number = this.nowMs + 3_600_000): number {
    for (let passes = 0; passes < STEPS_MAX; passes += 1) {
      const { actions, wakeAtMs } = this.plan();
      this.#kubelet();
      const before = this.#version;
      const isDead = this.#perform(actions);
      if (isDead || this.#version !== before || this.#kubelet()) continue;
      if (wakeAtMs === undefined || wakeAtMs > untilMs) return passes;
      this.#facts.nowMs = wakeAtMs;
    }
    throw new Error(`does not settle: ${this.log.slice(-20).join('\n')}`);
  }

  /** One pass; the names of what was done. */
  pass(): readonly Action[] {
    const { actions } = this.plan();
    this.#perform(actions);
    this.#kubelet();
    return actions;
  }

  wait(ms: number): void {
    this.#facts.nowMs += ms;
  }

  put(object: StoredObject): void {
    this.#remove(object);
    this.#facts.objects = [
      ...this.#facts.objects,
      { ...object, meta: { ...object.meta, resourceVersion: this.#next() } },
    ];
  }

  putNode(node: NodeFact): void {
    this.#facts.nodes = [...this.#facts.nodes.filter(({ name }) => name !== node.name), node];
  }

  replicas(): readonly StoredReplica[] {
    return this.#facts.objects.filter((object) => object.kind === 'ModelReplica');
  }

  wafers(): readonly StoredWafer[] {
    return this.#facts.objects.filter((object) => object.kind === 'Wafer');
  }

  object<K extends StoredObject['kind']>(kind: K, name: string): Extract<StoredObject, { kind: K }> {
    const found = this.#facts.objects.find((object) => object.kind === kind && object.meta.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found as Extract<StoredObject, { kind: K }>;
  }

  pods(): readonly PodFact[] {
    return this.#facts.pods;
  }

  /** Somebody takes a child or pod away by hand. */
  take(name: string): void {
    this.#facts.pods = this.#facts.pods.filter((pod) => pod.name !== name);
    this.#facts.children = this.#facts.children.filter((child) => child.name !== name);
  }

  /** A process that knew little left a pod of an earlier epoch. */
  leave(pod: PodFact): void {
    this.#facts.pods = [...this.#facts.pods, pod];
  }

  /** A pod that ends by itself. */
  failPod(name: string): void {
    this.#facts.pods = this.#facts.pods.map((pod) =>
      pod.name === name ? { ...pod, phase: 'Failed', ready: false, readySinceMs: this.nowMs } : pod,
    );
  }

  changePod(name: string, change: Partial<PodFact>): void {
    this.#facts.pods = this.#facts.pods.map((pod) => (pod.name === name ? { ...pod, ...change } : pod));
  }

  /** True when the operator died in it. */
  #perform(actions: readonly Action[]): boolean {
    for (const action of actions) {
      if (this.writesLeft <= 0) {
        this.writesLeft = Infinity;
        this.memo = new PlanMemo();
        return true;
      }
      this.#apply(action);
      this.writesLeft -= 1;
      this.writes += 1;
    }
    return false;
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }

  #remove({ kind, meta }: Pick<StoredObject, 'kind' | 'meta'>): void {
    this.#facts.objects = this.#facts.objects.filter((each) => each.kind !== kind || each.meta.uid !== meta.uid);
  }

  #apply(action: Action): void {
    if (action.kind !== 'setStatus') this.log.push(`${action.kind} ${action.target.name} ${action.because}`);
    switch (action.kind) {
      case 'createReplica':
        return this.#create(action.body);
      case 'claim':
        return this.#changeWafer(action.target.uid, (spec) => ({ ...spec, ...action.body }));
      case 'release':
        return this.#release(action);
      case 'setStatus':
        return this.#setStatus(action);
      case 'writePlan':
      case 'commit':
      case 'abort':
      case 'retire':
        return this.#changeReplica(action);
      default:
        return this.#applyToPods(action);
    }
  }

  #applyToPods(action: Extract<Action, { kind: 'createChild' | 'bind' | 'stopPods' | 'signal' | 'publish' }>): void {
    if (action.kind === 'createChild') this.#createChild(action);
    if (action.kind === 'stopPods') this.#stop(action.target.uid);
    if (action.kind === 'signal' && this.drains) this.#drain(action.target.uid);
    if (action.kind !== 'bind') return;
    this.#next();
    this.#facts.pods = this.#facts.pods.map((pod) => (pod.uid === action.target.uid ? { ...pod, gates: [] } : pod));
  }

  #create({ name, spec, labels }: Extract<Action, { kind: 'createReplica' }>['body']): void {
    const version = this.#next();
    const meta = {
      name,
      namespace: 'models',
      uid: `uid-${name}-${version}`,
      resourceVersion: version,
      generation: 1,
      creationMs: this.nowMs,
      finalizers: [DRAIN_FINALIZER],
      labels,
      annotations: {},
      owners: [],
    };
    const made: StoredReplica = { kind: 'ModelReplica', meta, spec: { ...spec, desired: 'Run', epoch: 0 } };
    this.#facts.objects = [...this.#facts.objects, made];
  }

  #createChild({ body, target }: Extract<Action, { kind: 'createChild' }>): void {
    const version = this.#next();
    const common = {
      namespace: 'models',
      name: body.name,
      uid: `uid-${body.name}-${version}`,
      resourceVersion: version,
      replicaUid: target.uid,
    };
    if (body.child !== 'Pod') {
      const child: ChildFact = { kind: body.child, ...common };
      this.#facts.children = [...this.#facts.children, child];
      return;
    }
    const pod: PodFact = {
      ...common,
      epoch: body.epoch,
      stage: body.stage ?? 0,
      phase: 'Pending',
      ready: false,
      readySinceMs: this.nowMs,
      gates: ['reticle.dev/committed'],
      restarts: 0,
    };
    this.#facts.pods = [...this.#facts.pods, pod];
  }

  #changeReplica(action: Extract<Action, { kind: 'writePlan' | 'commit' | 'abort' | 'retire' }>): void {
    this.#change(action.target.uid, (object) => {
      if (object.kind !== 'ModelReplica') return object;
      const { spec } = object;
      if (action.kind === 'commit' || action.kind === 'abort') {
        const outcome = action.kind === 'commit' ? ('Committed' as const) : ('Aborted' as const);
        return { ...object, spec: { ...spec, fence: { ...spec.fence, epoch: spec.epoch, outcome } } };
      }
      return { ...object, spec: { ...spec, ...action.body } };
    });
  }

  #release(action: Extract<Action, { kind: 'release' }>): void {
    if ('claim' in action.body) {
      this.#changeWafer(action.target.uid, ({ claim: _claim, ...spec }) => spec);
      return;
    }
    const found = this.#facts.objects.find(({ meta }) => meta.uid === action.target.uid);
    if (found === undefined) return;
    this.#next();
    this.#remove(found);
    this.#facts.children = this.#facts.children.filter(({ replicaUid }) => replicaUid !== action.target.uid);
  }

  #changeWafer(uid: string, to: (spec: StoredWafer['spec']) => StoredWafer['spec']): void {
    this.#change(uid, (object) => (object.kind === 'Wafer' ? { ...object, spec: to(object.spec) } : object));
  }

  #setStatus({ target, body }: Extract<Action, { kind: 'setStatus' }>): void {
    // The plan makes each status for its own kind.
    this.#facts.objects = this.#facts.objects.map((object) =>
      object.meta.uid === target.uid ? ({ ...object, status: body.status } as StoredObject) : object,
    );
    this.#next();
  }

  #change(uid: string, to: (object: StoredObject) => StoredObject): void {
    const version = this.#next();
    this.#facts.objects = this.#facts.objects.map((object) => {
      if (object.meta.uid !== uid) return object;
      const next = to(object);
      return {
        ...next,
        meta: { ...next.meta, resourceVersion: version, generation: next.meta.generation + 1 },
      } as StoredObject;
    });
  }

  #stop(uid: string): void {
    this.#next();
    this.#facts.pods = this.#facts.pods.filter(({ replicaUid }) => replicaUid !== uid);
    this.#facts.presence = this.#facts.presence.filter(({ replicaUid }) => replicaUid !== uid);
    this.#facts.children = this.#facts.children.filter(
      ({ replicaUid, kind }) => replicaUid !== uid || kind !== 'PodDisruptionBudget',
    );
  }

  #drain(uid: string): void {
    this.sessions.set(uid, 0);
    this.#facts.presence = this.#facts.presence.map((fact) =>
      fact.replicaUid === uid ? { ...fact, draining: true, liveTurns: 0, residentSessions: 0 } : fact,
    );
  }

  /** Starts bound pods on nodes that answer; true when something changed. */
  #kubelet(): boolean {
    const silent = new Set(this.#facts.nodes.filter(({ ready }) => !ready).map(({ name }) => name));
    let changed = false;
    this.#facts.pods = this.#facts.pods.map((pod) => {
      const runs = this.#isUp(pod) && !silent.has(this.#nodeOf(pod));
      if (pod.ready === runs) return pod;
      changed = true;
      return { ...pod, phase: runs ? 'Running' : pod.phase, ready: runs, readySinceMs: this.nowMs };
    });
    if (this.speaks) this.#heads();
    return changed;
  }

  #isUp({ gates, phase, name }: PodFact): boolean {
    return gates.length === 0 && phase !== 'Failed' && !this.stuck.has(name);
  }

  #nodeOf({ replicaUid, stage }: PodFact): string {
    const holder = this.replicas().find(({ meta }) => meta.uid === replicaUid);
    const name = holder?.spec.plan?.stages[stage]?.wafer;
    return this.wafers().find(({ meta }) => meta.name === name)?.spec.nodeName ?? '';
  }

  #heads(): void {
    this.#facts.presence = this.replicas().flatMap(({ meta, spec }): PresenceFact[] => {
      const head = this.#facts.pods.find((pod) => pod.replicaUid === meta.uid && pod.stage === 0 && pod.ready);
      if (head === undefined) return [];
      const before = this.#facts.presence.find(({ replicaUid }) => replicaUid === meta.uid);
      const sessions = this.sessions.get(meta.uid) ?? 0;
      return [
        {
          replicaUid: meta.uid,
          epoch: spec.epoch,
          atMs: this.nowMs,
          serving: true,
          servingSinceMs: NOW_MS,
          draining: before?.epoch === spec.epoch && before.draining,
          liveTurns: sessions,
          residentSessions: sessions,
          streams: sessions,
          kvTokens: 0,
          tokensPerSecond: 0,
        },
      ];
    });
  }
}
