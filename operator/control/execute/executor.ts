/**
 * Planned actions as writes (OPERATOR §8). Before each write the executor looks again: an action was planned on a
 * version of its target, and on another one it is void. What it writes is known to the caches at once, so that the next
 * plan does not ask for it again.
 */
import type { Reason } from '@reticle/operator/api';
import {
  claimWafer,
  createChild,
  deleteChild,
  releaseWafer,
  setStatus,
  writeReplica,
  type ApplyResult,
  type Kube,
  type KubeObject,
  type NextStatus,
  type StatusOptions,
  type StatusResult,
  type SwapResult,
} from '@reticle/operator/cluster';
import type { Action, Ref, StoredReplica } from '@reticle/operator/plan';
import { childLabels, childManifest, childResource, type ChildOptions } from '../render/children.ts';
import { replicaManifest } from '../render/replica.ts';
import { bindPod } from './bind.ts';
import { commitReplica } from './commit.ts';
import { letGo } from './finalizer.ts';
import { epochIsOver, podIsGone } from './release.ts';
import type { Store } from './store.ts';

export type ExecutorOptions = {
  readonly kube: Kube;
  readonly store: Store;
  readonly status: StatusOptions;
  /** What a replica's children are made of; undefined while an object that it names is missing. */
  readonly children: (replica: StoredReplica) => ChildOptions | undefined;
  /** Tells the head of a chain to hand over or to park; the answer comes as presence. */
  readonly signal: (replica: StoredReplica, signal: 'drain' | 'park') => void;
  readonly wrote: (action: Action, outcome: Outcome) => void;
};

/** What became of an action. `void`: its target is another one by now. */
export type Outcome = 'written' | 'unchanged' | 'void' | 'lost' | 'refused' | 'failed';

/** Objects that are worked on at once. */
const AT_ONCE = 16;

export class Executor {
  readonly #options: ExecutorOptions;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** Does all of them: those of one target in their order until one of them does not stand, the others side by side. */
  async run(actions: readonly Action[]): Promise<void> {
    const chains = Map.groupBy(actions, ({ target }) => target.uid);
    const waiting = [...chains.values()];
    const worker = async (): Promise<void> => {
      for (let chain = waiting.shift(); chain !== undefined; chain = waiting.shift()) await this.#chain(chain);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, worker));
  }

  async #chain(actions: readonly Action[]): Promise<void> {
    for (const action of actions) {
      const outcome = await this.#one(action);
      this.#options.wrote(action, outcome);
      if (outcome !== 'unchanged' && action.kind !== 'createChild') return;
    }
  }

  async #one(action: Action): Promise<Outcome> {
    const base = this.#current(action.target);
    if (base === undefined) return 'void';
    switch (action.kind) {
      case 'createReplica':
        return this.#createReplica(base, action);
      case 'createChild':
        return this.#createChild(action);
      case 'stopPods':
        return this.#stopPods(action.body);
      case 'setStatus':
        return this.#setStatus(base, action);
      case 'signal':
      case 'publish':
        return this.#tell(action);
      default:
        return this.#swap(await this.#cas(base, action));
    }
  }

  /** The compare-and-swaps, each on the object as it was planned on. */
  #cas(base: KubeObject, action: Cas): Promise<SwapResult> {
    const { kube } = this.#options;
    switch (action.kind) {
      case 'writePlan':
        return this.#writePlan(base, action.body);
      case 'retire':
        return writeReplica(kube, base, action.body);
      case 'claim':
        return claimWafer(kube, base, action.body);
      case 'commit':
        return commitReplica(kube, base, action.body);
      case 'abort':
        return writeReplica(kube, base, { fence: { ...fenceOf(base), epoch: action.body.epoch, outcome: 'Aborted' } });
      case 'bind':
        return bindPod(kube, base, action.body.gate);
      case 'release':
        return this.#release(base, action.body);
    }
  }

  async #writePlan(base: KubeObject, body: Extract<Action, { kind: 'writePlan' }>['body']): Promise<SwapResult> {
    const { kube } = this.#options;
    const planned = new Set(body.plan.stages.map(({ wafer = '' }) => wafer));
    const refusal = body.epoch > 1 ? await epochIsOver(kube, base, planned) : undefined;
    return refusal === undefined ? writeReplica(kube, base, body) : { kind: 'notWritten', failure: refusal };
  }

  async #release(base: KubeObject, body: Extract<Action, { kind: 'release' }>['body']): Promise<SwapResult> {
    const { kube } = this.#options;
    if ('finalizer' in body) return letGo(kube, base, body.finalizer);
    const refusal = await podIsGone(kube, base);
    return refusal === undefined ? releaseWafer(kube, base) : { kind: 'notWritten', failure: refusal };
  }

  /** The object in the version that the action was planned on. */
  #current({ kind, uid, resourceVersion, ...ref }: Ref): KubeObject | undefined {
    const object = this.#options.store.find(kind, ref);
    const { metadata } = object ?? {};
    return metadata?.uid === uid && metadata.resourceVersion === resourceVersion ? object : undefined;
  }

  #swap(result: SwapResult | StatusResult): Outcome {
    if (result.kind === 'unchanged') return 'unchanged';
    if (result.kind === 'written') {
      this.#options.store.wrote(result.object);
      return 'written';
    }
    if (result.kind === 'lost') return 'lost';
    return result.kind === 'refused' ? 'refused' : 'failed';
  }

  async #setStatus(base: KubeObject, action: Extract<Action, { kind: 'setStatus' }>): Promise<Outcome> {
    const resource = this.#options.store.resource(base.kind);
    if (resource === undefined) return 'void';
    const { conditions = [], ...rest } = action.body.status;
    const next = { ...rest, conditions: conditions.map(stated) } as NextStatus;
    return this.#swap(await setStatus(this.#options.status, resource, base, next));
  }

  async #createReplica(base: KubeObject, { body }: Extract<Action, { kind: 'createReplica' }>): Promise<Outcome> {
    const { kube, store } = this.#options;
    const resource = store.resource('ModelReplica');
    if (resource === undefined) return 'void';
    const identity = { ownerUid: base.metadata.uid, labels: {} };
    return this.#made(await createChild(kube, resource, replicaManifest(base, body), identity));
  }

  async #createChild({ target, body }: Extract<Action, { kind: 'createChild' }>): Promise<Outcome> {
    const { kube } = this.#options;
    const replica = this.#replica(target);
    const options = replica && this.#options.children(replica);
    if (replica === undefined || options === undefined) return 'void';
    const manifest = childManifest(replica, body, options);
    const identity = { ownerUid: target.uid, labels: childLabels(replica, body) };
    return this.#made(await createChild(kube, childResource(body), manifest, identity));
  }

  #made(result: ApplyResult): Outcome {
    if (result.kind === 'failed') return result.failure.kind === 'forbidden' ? 'refused' : 'failed';
    if (result.kind === 'foreign') return 'lost';
    this.#options.store.wrote(result.object);
    return result.kind === 'written' ? 'written' : 'unchanged';
  }

  /** Budgets first: a pod that is stopped by plan is nobody's eviction. */
  async #stopPods({ budgets, pods, graceSeconds }: Extract<Action, { kind: 'stopPods' }>['body']): Promise<Outcome> {
    for (const ref of [...budgets, ...pods]) {
      const child = this.#options.store.find(ref.kind, ref);
      const resource = this.#options.store.resource(ref.kind);
      if (child === undefined || resource === undefined || child.metadata.uid !== ref.uid) continue;
      const grace = ref.kind === 'Pod' ? graceSeconds : undefined;
      const failure = await deleteChild(this.#options.kube, resource, child, grace);
      if (failure !== undefined) return 'failed';
    }
    return 'written';
  }

  #tell(action: Extract<Action, { kind: 'signal' | 'publish' }>): Outcome {
    if (action.kind === 'publish') return 'unchanged';
    const replica = this.#replica(action.target);
    if (replica === undefined) return 'void';
    this.#options.signal(replica, action.body.signal);
    return 'unchanged';
  }

  #replica(target: Ref): StoredReplica | undefined {
    const { namespace = '', name } = target;
    const stored = this.#options.store.of('modelReplica').get(`ModelReplica/${namespace}/${name}`)?.stored;
    return stored?.kind === 'ModelReplica' ? stored : undefined;
  }
}

type Cas = Extract<Action, { kind: 'writePlan' | 'retire' | 'claim' | 'commit' | 'abort' | 'bind' | 'release' }>;

function fenceOf({ spec }: KubeObject): object {
  return (spec as { readonly fence?: object } | undefined)?.fence ?? {};
}

type Planned = { readonly type: string; readonly status: string; readonly reason: Reason; readonly message?: string };

/** A condition without the times, which are the writer's business. */
function stated({ type, status, reason, message = '' }: Planned): object {
  return { type, status, reason, message };
}
