import { KeyedDedup, type Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import { tiersFor, type Caller } from '@reticle/services/stream';
import type { CreateResponse } from './create-response.ts';
import { Thread } from './thread.ts';

/** Threads of one tenant; the least recently used is forgotten first. */
const THREADS_MAX = 512;
/** As long as a session lives without a request. */
const IDLE_MS = limits.idleTtlMsDefault;

type Known = { readonly thread: Thread; usedMs: number };

/**
 * Threads of this gateway by tenant, model, tier and thread id: a key of one tenant finds nothing of another's, and a key
 * with fewer rights nothing that was begun with more.
 */
export class Threads {
  readonly #clock: Clock;
  readonly #tenants = new Map<string, KeyedDedup<string, Known>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined for a request without a thread. */
  of(caller: Caller, { dialect, threadId, model, tier }: CreateResponse): Thread | undefined {
    if (dialect !== 'codex' || threadId === undefined) return undefined;
    const { tenant, defaultTier } = caller;
    let threads = this.#tenants.get(tenant);
    if (threads === undefined) this.#tenants.set(tenant, (threads = new KeyedDedup(THREADS_MAX)));
    const key = JSON.stringify([model, tier ?? defaultTier, tiersFor(caller, model), threadId]);
    const nowMs = this.#clock.nowMs();
    let known = threads.get(key);
    if (known === undefined || nowMs - known.usedMs > IDLE_MS) {
      known = { thread: new Thread(), usedMs: nowMs };
      threads.set(key, known);
    }
    known.usedMs = nowMs;
    return known.thread;
  }
}
