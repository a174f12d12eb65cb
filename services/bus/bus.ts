/**
 * The bus port: small, repeatable hints (presence now, signals later). A publish may be lost without a
 * word (PROMISES §1 rule 2), so nothing may depend on one arriving. Tokens never cross the bus.
 */
export type BusHandler = (payload: Uint8Array, subject: string) => void;

export interface Bus {
  /** At most once, to every current subscriber, never back into the caller's stack. */
  publish(subject: string, payload: Uint8Array): void;
  /** `pattern` is a subject in which `*` stands for one part. Returns the function that unsubscribes. */
  subscribe(pattern: string, handler: BusHandler): () => void;
}

/** True when the subject matches the pattern part by part. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const parts = subject.split('.');
  return wanted.length === parts.length && wanted.every((part, index) => part === '*' || part === parts[index]);
}
