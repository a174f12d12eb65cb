import type { Clock, Random } from '@reticle/core/flow';
import { errorFields, type Logger } from '@reticle/core/process';
import { EXPECTATION_MS_MAX } from './expectations.ts';
import type { ObjectKey } from './object.ts';
import type { Outcome } from './outcome.ts';
import { WorkQueue, type WorkClass, type WorkItem } from './workqueue.ts';

export type WorkersOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Reconciles at once; default 16. */
  readonly workers?: number;
  readonly keysMax?: number;
  /** Makes one object as its spec says, as far as it can be done at this moment. Reads by key: events carry nothing. */
  readonly reconcile: (item: WorkItem) => Promise<Outcome>;
};

const WORKERS = 16;

/** Runs reconciles from a queue, never two of one key at once. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #queue: WorkQueue;
  readonly #workers: number;
  #active = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#workers = options.workers ?? WORKERS;
    const { clock, random, keysMax } = options;
    this.#queue = new WorkQueue({
      clock,
      random,
      ready: () => this.#pump(),
      ...(keysMax === undefined ? {} : { keysMax }),
    });
  }

  get depth(): number {
    return this.#queue.depth;
  }

  add(key: ObjectKey, urgency?: WorkClass): void {
    this.#queue.add(key, urgency);
  }

  /** Takes nothing more and resolves when the reconciles in progress have ended. */
  async stop(): Promise<void> {
    this.#queue.close();
    if (this.#active === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #pump(): void {
    while (this.#active < this.#workers) {
      const item = this.#queue.take();
      if (item === undefined) return;
      this.#active++;
      void this.#run(item);
    }
  }

  async #run(item: WorkItem): Promise<void> {
    try {
      this.#settle(item, await this.#options.reconcile(item));
    } catch (error) {
      // Once per series: the same defect meets the same object again and again.
      if (this.#queue.failuresOf(item.key) === 0) {
        this.#options.log.error('a reconcile threw', { object: item.key, ...errorFields(error) });
      }
      this.#queue.retry(item);
    }
    this.#active--;
    if (this.#active === 0) this.#idle?.resolve();
    this.#pump();
  }

  #settle({ key, class: urgency }: WorkItem, outcome: Outcome): void {
    this.#queue.finish(key);
    if (outcome.kind === 'after') this.#queue.addAfter(key, outcome.ms, urgency);
    if (outcome.kind === 'wait') this.#queue.addAfter(key, EXPECTATION_MS_MAX, urgency);
    if (outcome.kind === 'terminal') {
      this.#options.log.debug('nothing to do until the object changes', { object: key, reason: outcome.reason });
    }
  }
}
