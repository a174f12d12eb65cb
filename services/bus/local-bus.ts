import { type Bus, type BusHandler, subjectMatches } from './bus.ts';

type Subscription = { readonly pattern: string; readonly handler: BusHandler };

/** The bus inside one process: a direct call, put off to the next microtask so that no caller is re-entered. */
export class LocalBus implements Bus {
  readonly #subscriptions = new Set<Subscription>();

  publish(subject: string, payload: Uint8Array): void {
    queueMicrotask(() => this.deliver(subject, payload));
  }

  subscribe(pattern: string, handler: BusHandler): () => void {
    const subscription = { pattern, handler };
    this.#subscriptions.add(subscription);
    return () => this.#subscriptions.delete(subscription);
  }

  /** Hands a message to the subscribers at once; for adapters that are already outside a caller's stack. */
  deliver(subject: string, payload: Uint8Array): void {
    for (const { pattern, handler } of this.#subscriptions) {
      if (subjectMatches(pattern, subject)) handler(payload, subject);
    }
  }
}
