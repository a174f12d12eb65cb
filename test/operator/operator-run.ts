/** One cluster on a virtual clock with its operators, and the reference stages that it goes through. */
import { seededRandom } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import type { KubeObject } from '@reticle/operator/cluster';
import { Operator } from '@reticle/operator/control';
import { ClaimWatch } from '../kit/kube/claim-watch.ts';
import type { StoredChange } from '../kit/kube/fake-store.ts';
import { SimCluster } from '../kit/kube/sim-cluster.ts';
import { TappedKube, type TapOptions } from '../kit/kube/tapped-kube.ts';
import { furnish } from './scene.ts';

const pods = { image: `reticle@sha256:${'0'.repeat(64)}`, nats: 'nats://127.0.0.1:4222', keysSecret: 'reticle-engine' };
/** After the last condition is as it should be, statuses of others may still follow. */
const SETTLE_MS = 20_000;
/** Longer than a relist and two full passes. */
const REST_MS = 780_000;

export type RunOptions = { readonly seed?: number; readonly onChange?: (change: StoredChange) => void };

/** A process of the operator. */
export type Process = { readonly kube: TappedKube; readonly operator: Operator };

export class OperatorRun {
  readonly watch = new ClaimWatch();
  readonly log = memoryLogger();
  readonly cluster: SimCluster;
  readonly #seed: number;
  #processes = 0;

  constructor({ seed = 1, onChange }: RunOptions = {}) {
    this.#seed = seed;
    this.cluster = new SimCluster({
      seed,
      onChange: (change) => {
        this.watch.take(change);
        onChange?.(change);
      },
    });
  }

  /** A run whose cluster is furnished. */
  static async begin(options?: RunOptions): Promise<OperatorRun> {
    const run = new OperatorRun(options);
    await furnish(run.cluster);
    return run;
  }

  /** A new process that knows nothing. */
  start(tap: Omit<TapOptions, 'server'> = {}): Process {
    const { clock, server } = this.cluster;
    let operator: Operator | undefined;
    const died = (): void => {
      operator?.stop();
      tap.died?.();
    };
    const kube = new TappedKube({ ...tap, server, died });
    const random = seededRandom(this.#seed * 1_000 + this.#processes++);
    operator = new Operator({ kube, clock, random, log: this.log, pods });
    operator.start();
    return { kube, operator };
  }

  stop({ kube, operator }: Process): void {
    kube.die();
    operator.stop();
  }

  /** The machine of this stage of a chain is gone. */
  async loseHostOf(stage: number): Promise<void> {
    const { plan } = specOf(this.replica());
    const wafer = this.cluster.get('Wafer', plan?.stages[stage]?.wafer ?? '');
    const { nodeName } = wafer.spec as { readonly nodeName: string };
    this.watch.lost(nodeName);
    await this.cluster.loseNode(nodeName);
  }

  /** The one replica. */
  replica(): KubeObject {
    const [replica, ...others] = this.cluster.of('ModelReplica');
    if (replica === undefined || others.length > 0) throw new Error('one replica is expected');
    return replica;
  }

  /** True when every deployment runs as it is declared, and nothing is left of what ran before. */
  isServing(): boolean {
    return this.cluster.of('ModelDeployment').every(isAsDeclared) && this.cluster.of('ModelReplica').every(isAtWork);
  }

  /** True when no chain, claim or child is left. */
  isEmpty(): boolean {
    const kinds = ['ModelDeployment', 'ModelReplica', 'Pod', 'ConfigMap', 'Service', 'PodDisruptionBudget'];
    const isClaimed = (wafer: KubeObject): boolean => 'claim' in (wafer.spec as object);
    return kinds.every((kind) => this.cluster.of(kind).length === 0) && !this.cluster.of('Wafer').some(isClaimed);
  }

  /** Waits until `isDone`, and then for what comes by itself; says how many changes were made while there was rest. */
  async settle(what: string, isDone: () => boolean, settleMs = SETTLE_MS): Promise<number> {
    const { cluster } = this;
    await cluster.until(what, isDone);
    await cluster.elapse(settleMs);
    const { revision } = cluster.server;
    await cluster.elapse(REST_MS);
    return cluster.server.revision - revision;
  }
}

type ReplicaSpec = {
  readonly epoch: number;
  readonly desired: string;
  readonly plan?: { readonly pool: string; readonly stages: readonly { readonly wafer: string }[] };
  readonly fence?: { readonly outcome: string };
  readonly retire?: { readonly epoch: number };
};

/** What a replica's spec says. */
export function specOf({ spec }: KubeObject): ReplicaSpec {
  return spec as ReplicaSpec;
}

type Status = {
  readonly phase?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly observedGeneration: number;
  }[];
};

function isAsDeclared({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as Status;
  const says = (wanted: string, why: string): boolean =>
    conditions.some(
      ({ type, status: value, reason, observedGeneration }) =>
        type === wanted && value === 'True' && reason === why && observedGeneration === metadata.generation,
    );
  return says('Ready', 'AllReplicasReady') && says('Progressing', 'AsExpected');
}

function isAtWork(replica: KubeObject): boolean {
  const { epoch, fence, retire } = specOf(replica);
  const { phase } = (replica.status ?? {}) as Status;
  return phase === 'Ready' && fence?.outcome === 'Committed' && (retire === undefined || retire.epoch < epoch);
}
