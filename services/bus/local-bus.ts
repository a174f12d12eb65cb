import type { Clock } from '@reticle/core/flow';
import { BusError, subjectMatches, type Bus, type BusHandler, type BusResponder } from './bus.ts';
import { PendingRequests } from './pending-requests.ts';
import { Responders } from './responders.ts';
import { checkPattern, checkPublish, checkRequest } from './subject-rules.ts';

type Subscription = { readonly pattern: string; readonly handler: BusHandler };

/** The bus inside one process: a direct call, put off to the next microtask so that no caller is re-entered. */
export class LocalBus implements Bus {
  readonly #subscriptions = new Set<Subscription>();
  readonly #responders = new Responders();
  readonly #pending: PendingRequests;

  constructor(clock: Clock) {
    this.#pending = new PendingRequests(clock);
  }

  /** Responders that threw or answered too much. */
  get responderFailures(): number {
    return this.#responders.failures;
  }

  publish(subject: string, payload: Uint8Array): void {
    checkPublish(subject, payload);
    queueMicrotask(() => this.deliver(subject, payload));
  }

  subscribe(pattern: string, handler: BusHandler): () => void {
    checkPattern(pattern);
    const subscription = { pattern, handler };
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  async request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    checkRequest(subject, payload);
    if (!this.#responders.matches(subject)) throw new BusError('no-responders');
    const { id, answer } = this.#pending.open(timeoutMs);
    queueMicrotask(() => this.#responders.ask(subject, payload, (bytes) => this.#pending.answer(id, bytes)));
    return answer;
  }

  respond(pattern: string, responder: BusResponder): () => void {
    checkPattern(pattern);
    return this.#responders.add(pattern, responder);
  }

  /** Hands a message to the subscribers at once; for adapters that are already outside a caller's stack. */
  deliver(subject: string, payload: Uint8Array): void {
    for (const { pattern, handler } of this.#subscriptions) {
      if (subjectMatches(pattern, subject)) handler(payload, subject);
    }
  }
}
