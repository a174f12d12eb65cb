/**
 * The operator of one cluster: caches, passes, writes (OPERATOR §8).
 *
 *     change ─▶ wait 20 ms ─▶ all caches fresh? ─▶ pools ─▶ facts ─▶ plan ─▶ actions ─▶ (changed meanwhile? again)
 *
 * Invariants
 *  1. One pass at a time; nothing is planned from a stale cache.
 *  2. A pass decides on one snapshot; each of its writes is void on any other version of its target.
 *  3. Nothing is remembered between passes that the cluster does not hold: a restart goes on where this one ended.
 */
import { reasons, type Reason } from '@reticle/operator/api';
import type { Clock, Random } from '@reticle/core/flow';
import { errorFields, type Logger } from '@reticle/core/process';
import type { Kube } from '@reticle/operator/cluster';
import {
  changed,
  inventory,
  plan,
  PlanMemo,
  snapshotOf,
  type Plan,
  type PresenceFact,
  type StoredReplica,
} from '@reticle/operator/plan';
import { childrenOf } from './children-of.ts';
import { Executor } from './execute/executor.ts';
import { Store, type KnownObject } from './execute/store.ts';
import { keepDeployments } from './keep-deployments.ts';
import { FactsMap } from './keep-facts.ts';
import { keepPools } from './keep-pools.ts';
import { PendingChange } from './read/pending-change.ts';
import { Reading, type EngineNamespaces } from './read/reading.ts';
import type { PodOptions } from './render/pod.ts';
import { Retries } from './retries.ts';

export type OperatorOptions = {
  readonly kube: Kube;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly pods: Omit<PodOptions, 'drainSeconds'>;
  /** Default: all, which takes more rights than the operator's own roles give. */
  readonly engineNamespaces?: EngineNamespaces;
  /** The operator's own namespace; without it no facts are kept for admission policies. */
  readonly namespace?: string;
  /** What heads of chains last said of themselves. */
  readonly presence?: () => readonly PresenceFact[];
  readonly signal?: (replica: StoredReplica, signal: 'drain' | 'park') => void;
  /** Told the plan of each pass. */
  readonly onPlan?: (plan: Plan) => void;
};

const NOTHING = {
  nowMs: 0,
  objects: [],
  nodes: [],
  wafers: [],
  pods: [],
  children: [],
  presence: [],
  loads: [],
  scales: [],
  phases: [],
} as const;
const DEBOUNCE_MS = 20;
/** Time alone changes plans too: bounds, bakes, retries that no event announces. */
const FULL_PASS_MS = 300_000;

export class Operator {
  readonly #options: OperatorOptions;
  readonly #store = new Store();
  readonly #memo = new PlanMemo();
  readonly #pending = new PendingChange();
  #snapshot = snapshotOf(NOTHING);
  readonly #reading: Reading;
  readonly #executor: Executor;
  readonly #facts: FactsMap | undefined;
  readonly #retries: Retries;
  #stopChanges = (): void => {};
  #cancelPass = (): void => {};
  #cancelWake = (): void => {};
  #running = false;
  #armed = false;
  #passing = false;
  #again = false;

  constructor(options: OperatorOptions) {
    const { kube, clock, random, log, pods } = options;
    this.#retries = new Retries(random);
    const noted = this.#retries.noting(kube);
    this.#options = { ...options, kube: noted };
    const { engineNamespaces = 'all' } = options;
    const onChange = (): void => this.#wake();
    this.#reading = new Reading({ kube, clock, random, log, store: this.#store, engineNamespaces, onChange });
    this.#facts = options.namespace === undefined ? undefined : new FactsMap(kube, options.namespace);
    this.#executor = new Executor({
      kube: noted,
      store: this.#store,
      status: { kube: noted, clock, isReason: (reason) => Object.hasOwn(reasons, reason as Reason) },
      children: (replica) => childrenOf(this.#store, replica, pods),
      signal: options.signal ?? ((): void => {}),
      wrote: ({ kind, because, target }, outcome) =>
        log.debug('action', { kind, reason: because, object: `${target.kind}/${target.name}`, outcome }),
    });
  }

  /** True while every cache is current: nothing is decided without it. */
  get fresh(): boolean {
    return this.#reading.fresh;
  }

  /** Every object of our kinds that can be read, as the caches hold it at this moment. */
  objects(): readonly KnownObject[] {
    return this.#store.all().flatMap((cache) => cache.values().flatMap(({ stored }) => stored ?? []));
  }

  /** Told of every change of a cached object. */
  onChange(listener: () => void): () => void {
    return this.#store.onChange(listener);
  }

  start(): void {
    this.#running = true;
    this.#stopChanges = this.#store.onChange((change) => {
      this.#pending.add(change);
      this.#wake();
    });
    this.#reading.start();
  }

  stop(): void {
    this.#running = false;
    this.#armed = false;
    this.#stopChanges();
    this.#cancelPass();
    this.#cancelWake();
    this.#reading.stop();
  }

  #wake(): void {
    this.#again = true;
    // A pass that is due is not put off by more events: a busy cluster would have none.
    if (!this.#running || this.#passing || this.#armed) return;
    this.#armed = true;
    this.#cancelPass = this.#options.clock.after(DEBOUNCE_MS, () => {
      this.#armed = false;
      void this.#passes();
    });
  }

  async #passes(): Promise<void> {
    if (this.#passing || !this.fresh) return;
    this.#passing = true;
    this.#again = false;
    try {
      await this.#pass();
    } catch (error) {
      this.#options.log.error('a pass threw', errorFields(error));
      this.#retries.note();
      this.#wakeIn(FULL_PASS_MS);
    }
    this.#passing = false;
    if (this.#again) this.#wake();
  }

  async #pass(): Promise<void> {
    const { kube, clock, onPlan, presence = (): readonly PresenceFact[] => [] } = this.#options;
    await keepPools(kube, this.#store);
    await keepDeployments(kube, this.#store);
    await this.#facts?.keep(this.#store);
    if (!this.fresh || !this.#running) return;
    const nowMs = clock.wallMs();
    this.#snapshot = changed(this.#snapshot, { ...this.#pending.take(nowMs), presence: presence() });
    const planned = plan(this.#snapshot, this.#memo);
    onPlan?.(planned);
    await this.#executor.run([...planned.actions, ...inventory(this.#snapshot, this.#memo)]);
    this.#wakeIn(Math.max(1, (planned.wakeAtMs ?? Infinity) - clock.wallMs()));
  }

  /** What time asks for, or a failure: events bring every other pass. */
  #wakeIn(ms: number): void {
    this.#cancelWake();
    if (!this.#running) return;
    const inMs = Math.min(FULL_PASS_MS, ms, this.#retries.nextMs() ?? Infinity);
    this.#cancelWake = this.#options.clock.after(inMs, () => this.#wake());
  }
}
