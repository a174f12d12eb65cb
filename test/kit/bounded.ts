/** Longest that a test waits for one thing; far above what any of them takes on a busy machine. */
export const WAIT_MS = 15_000;

/** The promise's own outcome, or an error that names what was waited for. `what` is asked when it is too late. */
export function bounded<T>(promise: Promise<T>, what: string | (() => string), ms = WAIT_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`not within ${ms} ms: ${typeof what === 'string' ? what : what()}`));
  }, ms);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
