import { assert } from '@reticle/core/domain';
import { Backoff, type Clock, type Random } from '@reticle/core/flow';
import { kindOfKey, type ObjectKey } from './object.ts';

/** Most urgent first. */
export const workClasses = ['repair', 'retire', 'place', 'rest'] as const;
export type WorkClass = (typeof workClasses)[number];

export type WorkItem = { readonly key: ObjectKey; readonly class: WorkClass };

export type WorkQueueOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** Called when there may be something to take, which it may do at once. */
  readonly ready: () => void;
  /** Default 100,000. */
  readonly keysMax?: number;
};

const KEYS_MAX = 100_000;
const BACKOFF_BASE_MS = 50;
const BACKOFF_CAP_MS = 60_000;

/** Key that stands for every object of a kind: what more keys than the queue holds collapse to. */
export function resyncKey(kind: string): ObjectKey {
  return `${kind}//*`;
}

export function isResyncKey(key: ObjectKey): boolean {
  return key.endsWith('//*');
}

type Delayed = { readonly dueMs: number; readonly class: WorkClass; readonly cancel: () => void };

/**
 * Keys to reconcile. Invariants:
 * 1. A key is at most once waiting, and at most once taken.
 * 2. A key that is added while it is taken waits until it is finished, then is given out once more.
 * 3. The most urgent class goes first, inside a class the oldest; adding again never makes a key less urgent.
 * 4. What is remembered of failures goes with the first success.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #keysMax: number;
  readonly #waiting = new Map<ObjectKey, WorkClass>();
  readonly #classes: Readonly<Record<WorkClass, Set<ObjectKey>>> = {
    repair: new Set(),
    retire: new Set(),
    place: new Set(),
    rest: new Set(),
  };
  readonly #taken = new Set<ObjectKey>();
  readonly #delayed = new Map<ObjectKey, Delayed>();
  readonly #failures = new Map<ObjectKey, Backoff>();
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#keysMax = options.keysMax ?? KEYS_MAX;
    assert(this.#keysMax > 0, 'a work queue holds at least one key');
  }

  /** Keys that wait to be taken, those that wait for a time not counted. */
  get depth(): number {
    return this.#waiting.size;
  }

  /** Failures in a row of a key. */
  failuresOf(key: ObjectKey): number {
    return this.#failures.get(key)?.attempts ?? 0;
  }

  add(key: ObjectKey, urgency: WorkClass = 'rest'): void {
    if (this.#closed) return;
    const delayed = this.#delayed.get(key);
    if (delayed !== undefined) {
      delayed.cancel();
      this.#delayed.delete(key);
    }
    const before = this.#waiting.get(key);
    if (before === undefined && this.#full(key)) return this.add(resyncKey(kindOfKey(key)), urgency);
    if (before !== undefined && rank(before) <= rank(urgency)) return;
    if (before !== undefined) this.#classes[before].delete(key);
    this.#waiting.set(key, urgency);
    this.#classes[urgency].add(key);
    if (!this.#taken.has(key)) this.#options.ready();
  }

  /** Adds a key later; of several times the earliest counts. */
  addAfter(key: ObjectKey, delayMs: number, urgency: WorkClass = 'rest'): void {
    if (this.#closed || this.#waiting.has(key)) return;
    const { clock } = this.#options;
    const dueMs = clock.nowMs() + delayMs;
    const before = this.#delayed.get(key);
    if (before === undefined && this.#full(key)) return this.add(resyncKey(kindOfKey(key)), urgency);
    if (before !== undefined && before.dueMs <= dueMs) return;
    before?.cancel();
    const cancel = clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key, urgency);
    });
    this.#delayed.set(key, { dueMs, class: urgency, cancel });
  }

  /** The next key, which is the taker's until {@link finish} or {@link retry}. */
  take(): WorkItem | undefined {
    for (const urgency of workClasses) {
      for (const key of this.#classes[urgency]) {
        if (this.#taken.has(key)) continue;
        this.#classes[urgency].delete(key);
        this.#waiting.delete(key);
        this.#taken.add(key);
        return { key, class: urgency };
      }
    }
    return undefined;
  }

  /** The key's work succeeded. */
  finish(key: ObjectKey): void {
    this.#failures.delete(key);
    this.#giveBack(key);
  }

  /** The key's work failed: it comes again after its backoff. Returns that delay, milliseconds. */
  retry({ key, class: urgency }: WorkItem): number {
    const { random } = this.#options;
    const backoff = this.#failures.get(key) ?? new Backoff({ random, baseMs: BACKOFF_BASE_MS, capMs: BACKOFF_CAP_MS });
    this.#failures.set(key, backoff);
    const delayMs = backoff.nextMs();
    this.#giveBack(key);
    this.addAfter(key, delayMs, urgency);
    return delayMs;
  }

  /** Forgets all that waits; nothing can be added any more. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    for (const urgency of workClasses) this.#classes[urgency].clear();
  }

  #giveBack(key: ObjectKey): void {
    assert(this.#taken.delete(key), 'only a taken key is given back');
    if (this.#waiting.has(key)) this.#options.ready();
  }

  #full(key: ObjectKey): boolean {
    return this.#waiting.size + this.#delayed.size >= this.#keysMax && !isResyncKey(key);
  }
}

function rank(urgency: WorkClass): number {
  return workClasses.indexOf(urgency);
}
