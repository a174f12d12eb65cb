/**
 * The bus port: small, repeatable hints (presence, signals). A publish may be lost without a word
 * (PROMISES §1 rule 2), so nothing may depend on one arriving; what must be known to have arrived is a request.
 * Tokens never cross the bus.
 */
export type BusHandler = (payload: Uint8Array, subject: string) => void;

/** Answers a request; undefined: this subscriber has nothing to say, another one may. */
export type BusResponder = (
  payload: Uint8Array,
  subject: string,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * Why a request has no answer: nobody listens on the subject (told at once where the carrier knows), none came
 * in time, or the carrier is away.
 */
export type BusFailure = 'no-responders' | 'timeout' | 'disconnected';

export class BusError extends Error {
  readonly failure: BusFailure;

  constructor(failure: BusFailure) {
    super(`bus request: ${failure}`);
    this.failure = failure;
  }
}

export interface Bus {
  /** False while the carrier is away, so that silence says nothing of anybody; absent: it is part of the process. */
  readonly connected?: boolean;
  /** At most once, to every current subscriber, never back into the caller's stack. */
  publish(subject: string, payload: Uint8Array): void;
  /** `pattern` is a subject in which `*` stands for one part. Returns the function that unsubscribes. */
  subscribe(pattern: string, handler: BusHandler): () => void;
  /** The first answer. Rejects with {@link BusError} after `timeoutMs` at the latest. */
  request(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Answers requests on a pattern. Returns the function that stops it. */
  respond(pattern: string, responder: BusResponder): () => void;
}

/** True when the subject matches the pattern part by part. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const parts = subject.split('.');
  return wanted.length === parts.length && wanted.every((part, index) => part === '*' || part === parts[index]);
}
