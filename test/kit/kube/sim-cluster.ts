/**
 * A cluster on a virtual clock around the fake API server: nodes, a scheduler that only confirms pins, kubelets whose
 * pods come up and stop after a while, and the garbage collector. Pods hold no processes: they are Ready when a chain's
 * would be, the head after all of its other stages.
 */
import { seededRandom, VirtualClock, type Random } from '@reticle/core/flow';
import {
  apiVersionOf,
  refOf,
  resources,
  timeText,
  type KubeManifest,
  type KubeObject,
  type KubePatch,
  type KubeResult,
  type Resource,
} from '@reticle/operator/cluster';
import { admitKinds } from './admit-kinds.ts';
import { FakeApiServer } from './fake-api-server.ts';
import type { StoredChange } from './fake-store.ts';
import { elapse, until } from './virtual-run.ts';

export type SimClusterOptions = {
  readonly seed?: number;
  readonly latencyMs?: number;
  /** Hears of every change, in order, as it is made. */
  readonly onChange?: (change: StoredChange) => void;
};

/** How long kubelets, scheduler and garbage collector take to look again, at most; milliseconds. */
const LOOK_MS = 400;
const WAFER_RESOURCE = 'reticle.dev/wafer';

type PodSpec = {
  readonly nodeName?: string;
  readonly schedulingGates?: readonly unknown[];
  readonly affinity?: {
    readonly nodeAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: {
        readonly nodeSelectorTerms?: readonly {
          readonly matchFields?: readonly { readonly values: readonly string[] }[];
        }[];
      };
    };
  };
};
type Conditions = { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };

export class SimCluster {
  readonly clock = new VirtualClock();
  readonly server: FakeApiServer;
  readonly #random: Random;
  readonly #lost = new Set<string>();
  /** Objects with a write under way. */
  readonly #busy = new Set<string>();
  #isLooking = false;
  #boots = 0;

  constructor(options: SimClusterOptions = {}) {
    this.#random = seededRandom(options.seed ?? 1);
    this.server = new FakeApiServer({
      clock: this.clock,
      latencyMs: options.latencyMs ?? 10,
      admit: admitKinds,
      onChange: (change) => {
        options.onChange?.(change);
        this.#look();
      },
    });
  }

  /** Nodes whose machine is gone. */
  get lostNodes(): ReadonlySet<string> {
    return this.#lost;
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return until(this.clock, promise);
  }

  elapse(ms: number): Promise<void> {
    return elapse(this.clock, ms);
  }

  /** Lets time pass until something is so; throws with `report` when it is not within the bound. */
  async until(what: string, isSo: () => boolean, boundMs = 1_200_000): Promise<void> {
    const untilMs = this.clock.nowMs() + boundMs;
    while (!isSo()) {
      if (this.clock.nowMs() >= untilMs) throw new Error(`not within ${boundMs} ms: ${what}`);
      await elapse(this.clock, LOOK_MS);
    }
  }

  of(kind: string): KubeObject[] {
    return this.server.objects().filter((object) => object.kind === kind);
  }

  find(kind: string, name: string): KubeObject | undefined {
    return this.of(kind).find(({ metadata }) => metadata.name === name);
  }

  /** Throws when there is none. */
  get(kind: string, name: string): KubeObject {
    const found = this.find(kind, name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  }

  async create(manifest: KubeManifest): Promise<KubeObject> {
    return ok(await this.run(this.server.create(resourceOf(manifest.kind), manifest)));
  }

  /** A merge patch, as a person would write it. */
  async merge(kind: string, name: string, body: object): Promise<KubeObject> {
    const ref = refOf(this.get(kind, name));
    return ok(await this.run(this.server.patch(resourceOf(kind), ref, { kind: 'merge', body })));
  }

  async remove(kind: string, name: string): Promise<void> {
    const object = this.find(kind, name);
    if (object !== undefined) await this.run(this.server.delete(resourceOf(kind), refOf(object)));
  }

  /** A node that is Ready, with room for one wafer. */
  async addNode(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const { node } = resources;
    await this.create({ apiVersion: apiVersionOf(node), kind: node.kind, metadata: { name, labels }, spec: {} });
    await this.#nodeStatus(name, true);
  }

  /** The machine is gone: the cluster takes its pods for not Ready, and nobody ends them. */
  async loseNode(name: string): Promise<void> {
    this.#lost.add(name);
    await this.#nodeStatus(name, false);
    await this.#podsUnready(name);
  }

  /** The machine is back with another boot: what ran on it is no more. */
  async returnNode(name: string): Promise<void> {
    await this.#nodeStatus(name, true);
    this.#lost.delete(name);
    await this.#podsUnready(name);
    this.#look();
  }

  async #podsUnready(node: string): Promise<void> {
    for (const pod of this.of('Pod').filter((each) => specOf(each).nodeName === node)) {
      await this.run(this.server.patch(resources.pod, refOf(pod), statusPatch(this.#podStatus(false)), STATUS));
    }
  }

  async #nodeStatus(name: string, ready: boolean): Promise<void> {
    if (ready) this.#boots += 1;
    const lastTransitionTime = timeText(this.clock.wallMs());
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'Unknown', lastTransitionTime }];
    const boot = ready ? { nodeInfo: { bootID: `boot-${this.#boots}` } } : {};
    const status = { allocatable: { [WAFER_RESOURCE]: '1' }, conditions, ...boot };
    ok(await this.run(this.server.patch(resources.node, { name }, statusPatch(status), STATUS)));
  }

  /** Soon everything is looked at once more. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.clock.after((0.5 + this.#random.unit() / 2) * LOOK_MS, () => {
      this.#isLooking = false;
      this.server.collectGarbage();
      const pods = this.of('Pod');
      for (const pod of pods) this.#step(pod, pods);
    });
  }

  #step(pod: KubeObject, pods: readonly KubeObject[]): void {
    const { nodeName } = specOf(pod);
    if (nodeName === undefined) return this.#schedule(pod);
    if (this.#lost.has(nodeName)) return;
    const { uid, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp === undefined) return this.#start(pod, pods);
    this.#write(pod, (ref) => this.server.delete(resources.pod, ref, { uid, graceSeconds: 0 }));
  }

  /** Confirms the pin of a pod that nothing holds back. */
  #schedule(pod: KubeObject): void {
    const node = pinOf(pod);
    const isHeld = (specOf(pod).schedulingGates ?? []).length > 0;
    if (isHeld || node === undefined || !isUp(this.find('Node', node))) return;
    const body = { spec: { nodeName: node } };
    this.#write(pod, (ref) => this.server.patch(resources.pod, ref, { kind: 'merge', body }));
  }

  /** First it runs, then it is Ready; the head once all others are. */
  #start(pod: KubeObject, pods: readonly KubeObject[]): void {
    if (isUp(pod)) return;
    const waits = isHead(pod) && pods.some((other) => isPartner(pod, other) && !isUp(other));
    if (isRunning(pod) && waits) return;
    const status = this.#podStatus(isRunning(pod));
    this.#write(pod, (ref) => this.server.patch(resources.pod, ref, statusPatch(status), STATUS));
  }

  #podStatus(ready: boolean): object {
    const lastTransitionTime = timeText(this.clock.wallMs());
    const status = ready ? 'True' : 'False';
    return { phase: 'Running', conditions: [{ type: 'Ready', status, lastTransitionTime }] };
  }

  #write(pod: KubeObject, write: (ref: ReturnType<typeof refOf>) => Promise<KubeResult<unknown>>): void {
    const { uid } = pod.metadata;
    if (this.#busy.has(uid)) return;
    this.#busy.add(uid);
    void write(refOf(pod)).then(() => {
      this.#busy.delete(uid);
      this.#look();
    });
  }
}

const STATUS = { subresource: 'status' } as const;

function statusPatch(status: object): KubePatch {
  return { kind: 'merge', body: { status } };
}

function ok<T>(result: KubeResult<T>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

function resourceOf(kind: string): Resource {
  const found = Object.values(resources).find((resource) => resource.kind === kind);
  if (found === undefined) throw new Error(`no resource has the kind ${kind}`);
  return found;
}

function specOf(pod: KubeObject): PodSpec {
  return pod.spec as PodSpec;
}

function pinOf(pod: KubeObject): string | undefined {
  const required = specOf(pod).affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required?.nodeSelectorTerms?.[0]?.matchFields?.[0]?.values[0];
}

function isUp(object: KubeObject | undefined): boolean {
  const { conditions = [] } = (object?.status ?? {}) as Conditions;
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function isRunning({ status }: KubeObject): boolean {
  return (status as { readonly phase?: string } | undefined)?.phase === 'Running';
}

function isHead({ metadata }: KubeObject): boolean {
  return metadata.labels?.['reticle.dev/role'] === 'head';
}

/** Another stage of the same epoch of the same replica. */
function isPartner(pod: KubeObject, other: KubeObject): boolean {
  const same = (label: string): boolean => pod.metadata.labels?.[label] === other.metadata.labels?.[label];
  return pod !== other && same('reticle.dev/replica-uid') && same('reticle.dev/epoch');
}
