/**
 * Who of several operators acts, by a `coordination.k8s.io/v1` Lease. Election is an optimisation, not a lock: two that
 * both believe they lead are made harmless by compare-and-swap and epochs (kubernetes#67651). Invariants:
 * 1. Leadership is counted from before the request that renewed it, on the monotonic clock: a jump of wall time or a
 *    slow answer never makes it longer.
 * 2. Another's lease is taken only after it was seen unchanged for its own duration, by this process's clock.
 * 3. Once lost it is lost: the process ends (exit 0) and a new one stands for election.
 */
import type { Clock, Random } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { noAnswer, failed } from './failure.ts';
import { microTimeText } from './kube-time.ts';
import { refOf } from './object.ts';
import type { Kube, KubeFailure, KubeObject, KubeResult, ObjectRef } from './port.ts';
import { apiVersionOf, resources } from './resources.ts';

/** Constants of OPERATOR §7. */
const DURATION_SECONDS = 15;
const RENEW_MS = 2_000;
const DEADLINE_MS = 10_000;
/** Of the renewal interval, so that candidates do not try in step. */
const JITTER = 0.2;

export type LeaseOptions = {
  /** A connection of its own, never behind the limiter that controllers share. */
  readonly kube: Pick<Kube, 'get' | 'create' | 'patch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly ref: ObjectRef & { readonly namespace: string };
  /** This process; unique per start. */
  readonly identity: string;
  readonly onGained: () => void;
  /** Called once, when it was leader and is no more; nothing may be written after it. */
  readonly onLost: () => void;
};

type LeaseSpec = {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly leaseTransitions?: number;
};

/** `waiting` stands for election, `leading` renews, `over` does nothing any more. */
type LeaseState = 'idle' | 'waiting' | 'leading' | 'over';

export class Lease {
  readonly #options: LeaseOptions;
  #state: LeaseState = 'idle';
  #renewedMs = -Infinity;
  /** The lease as last seen, and since when it has looked like that. */
  #seen: KubeObject | undefined;
  #seenMs = 0;
  #stopTimers: (() => void)[] = [];

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether this process may write at this moment: it leads and renewed less than 10 s ago. */
  get mayWrite(): boolean {
    return this.#state === 'leading' && this.#options.clock.nowMs() - this.#renewedMs < DEADLINE_MS;
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'waiting';
    void this.#try();
  }

  /** Ends it; a leader gives the lease up, so that the next one need not wait. */
  async stop(): Promise<void> {
    const led = this.#state === 'leading';
    this.#end();
    if (!led || this.#seen === undefined) return;
    // Best effort: whoever comes next can also wait for the duration.
    await this.#write(this.#seen, { holderIdentity: '', leaseDurationSeconds: 1 });
  }

  async #try(): Promise<void> {
    const sentMs = this.#options.clock.nowMs();
    const answer = this.#state === 'leading' ? await this.#renew() : await this.#acquire();
    if (this.#state === 'over') return;
    if (answer.ok) this.#renewed(answer.value, sentMs);
    else if (answer.failure !== undefined) {
      const { kind, status } = answer.failure;
      this.#options.log.debug('the lease could not be written', { reason: kind, status });
    }
    this.#schedule(RENEW_MS * (1 + JITTER * this.#options.random.unit()), () => void this.#try());
  }

  /** A leader's own lease. One that another holds by now ends the leadership at once. */
  async #renew(): Promise<KubeResult<KubeObject> | { ok: false; failure?: KubeFailure }> {
    const base = this.#seen;
    if (base === undefined) return this.#acquire();
    const answer = await this.#write(base, this.#claim(base));
    if (answer.ok || (answer.failure.kind !== 'conflict' && !answer.failure.outcomeUnknown)) return answer;
    const live = await this.#options.kube.get(resources.lease, this.#options.ref);
    if (!live.ok) return answer;
    this.#seen = live.value;
    if (specOf(live.value).holderIdentity !== this.#options.identity) this.#lose('held_by_another');
    return answer;
  }

  async #acquire(): Promise<KubeResult<KubeObject> | { ok: false; failure?: KubeFailure }> {
    const { kube, clock, ref } = this.#options;
    const live = await kube.get(resources.lease, ref);
    if (!live.ok) return live.failure.kind === 'notFound' ? this.#create() : live;
    if (live.value.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion) {
      this.#seen = live.value;
      this.#seenMs = clock.nowMs();
    }
    const { holderIdentity = '', leaseDurationSeconds = DURATION_SECONDS } = specOf(live.value);
    // One that already names this process is its own: the answer to an earlier write was lost or late.
    const own = holderIdentity === '' || holderIdentity === this.#options.identity;
    const free = own || clock.nowMs() - this.#seenMs >= leaseDurationSeconds * 1_000;
    return free ? this.#write(live.value, this.#claim(live.value)) : { ok: false };
  }

  #create(): Promise<KubeResult<KubeObject>> {
    const { kube, ref } = this.#options;
    const { kind } = resources.lease;
    return kube.create(resources.lease, {
      apiVersion: apiVersionOf(resources.lease),
      kind,
      metadata: ref,
      spec: this.#claim(undefined),
    });
  }

  #claim(before: KubeObject | undefined): Readonly<Record<string, unknown>> {
    const { clock, identity } = this.#options;
    const { holderIdentity, leaseTransitions = 0 } = before === undefined ? {} : specOf(before);
    const now = microTimeText(clock.wallMs());
    const own = holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: DURATION_SECONDS,
      renewTime: now,
      ...(own ? {} : { acquireTime: now, leaseTransitions: before === undefined ? 0 : leaseTransitions + 1 }),
    };
  }

  #write(base: KubeObject, spec: object): Promise<KubeResult<KubeObject>> {
    const { resourceVersion } = base.metadata;
    return this.#options.kube.patch(resources.lease, refOf(base), { kind: 'merge', body: { spec }, resourceVersion });
  }

  #renewed(lease: KubeObject, sentMs: number): void {
    const { clock, log, onGained } = this.#options;
    this.#seen = lease;
    if (clock.nowMs() - sentMs >= DEADLINE_MS) return;
    const gained = this.#state === 'waiting';
    this.#state = 'leading';
    this.#renewedMs = sentMs;
    this.#watchDeadline();
    if (!gained) return;
    log.info('leadership gained', { kind: 'Lease' });
    onGained();
  }

  #watchDeadline(): void {
    const { clock } = this.#options;
    this.#schedule(Math.max(0, this.#renewedMs + DEADLINE_MS - clock.nowMs()), () => {
      if (this.#state === 'leading' && !this.mayWrite) this.#lose('not_renewed');
    });
  }

  #lose(reason: string): void {
    if (this.#state !== 'leading') return;
    this.#options.log.warn('leadership lost', { kind: 'Lease', reason });
    this.#end();
    this.#options.onLost();
  }

  #end(): void {
    this.#state = 'over';
    for (const stop of this.#stopTimers) stop();
    this.#stopTimers = [];
  }

  #schedule(delayMs: number, run: () => void): void {
    if (this.#state === 'over') return;
    const stop = this.#options.clock.after(delayMs, () => {
      this.#stopTimers = this.#stopTimers.filter((each) => each !== stop);
      run();
    });
    this.#stopTimers.push(stop);
  }
}

function specOf(lease: KubeObject): LeaseSpec {
  return (lease.spec ?? {}) as LeaseSpec;
}

/**
 * Writes only while the lease allows it; else `notLeader`, and nothing was sent. It stands right before the client, behind
 * every queue: a write that has waited is checked when it is sent.
 */
export function whileLeading(kube: Kube, lease: Pick<Lease, 'mayWrite'>): Kube {
  const guard = <T>(write: () => Promise<KubeResult<T>>): Promise<KubeResult<T>> =>
    lease.mayWrite
      ? write()
      : Promise.resolve(failed(noAnswer('notLeader', 'the lease was not renewed in time', false)));
  return {
    list: (resource, options) => kube.list(resource, options),
    watch: (resource, options, listener) => kube.watch(resource, options, listener),
    get: (resource, ref, options) => kube.get(resource, ref, options),
    create: (resource, manifest, options) => guard(() => kube.create(resource, manifest, options)),
    patch: (resource, ref, patch, options) => guard(() => kube.patch(resource, ref, patch, options)),
    delete: (resource, ref, options) => guard(() => kube.delete(resource, ref, options)),
  };
}
