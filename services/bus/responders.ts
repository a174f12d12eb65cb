import { limits } from '@reticle/proto/contract';
import { subjectMatches, type BusResponder } from './bus.ts';

type Registration = { readonly pattern: string; readonly responder: BusResponder };

/** The responders of one process. */
export class Responders {
  readonly #registrations = new Set<Registration>();
  #failures = 0;

  /** Responders that threw, and answers too large to be sent; to the requester they are silence. */
  get failures(): number {
    return this.#failures;
  }

  add(pattern: string, responder: BusResponder): () => void {
    const registration = { pattern, responder };
    this.#registrations.add(registration);
    return () => this.#registrations.delete(registration);
  }

  matches(subject: string): boolean {
    for (const { pattern } of this.#registrations) if (subjectMatches(pattern, subject)) return true;
    return false;
  }

  /** Asks every responder of the subject; `answer` is called once for each that has something to say. */
  ask(subject: string, payload: Uint8Array, answer: (payload: Uint8Array) => void): void {
    for (const { pattern, responder } of this.#registrations) {
      if (subjectMatches(pattern, subject)) void this.run(responder, { subject, payload }, answer);
    }
  }

  /** Asks one responder. Never rejects: whoever asked has left the responder's stack long ago. */
  async run(
    responder: BusResponder,
    request: { readonly subject: string; readonly payload: Uint8Array },
    answer: (payload: Uint8Array) => void,
  ): Promise<void> {
    try {
      const payload = await responder(request.payload, request.subject);
      if (payload === undefined) return;
      if (payload.length > limits.signalBytesMax) throw new RangeError('an answer is larger than a signal');
      answer(payload);
    } catch {
      // The requester hears nothing and takes its second path; the count is the alarm.
      this.#failures++;
    }
  }
}
