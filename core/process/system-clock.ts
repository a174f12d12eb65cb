import type { Clock } from '@reticle/core/flow';

/** Longest delay that Node's timers take; a longer one would fire at once. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1;

/**
 * The machine's clock: `performance.now` for behaviour, `Date.now` for expiries and logs.
 *
 * Timers keep the process alive. A wait is work: a client between two attempts has no socket open, and a
 * timer that did not count would end its process in the middle of the retry. The price is that an owner must
 * cancel its timers when it is disposed; `superviseProcess` ends a process that still has one at the bound.
 */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => (delayMs <= 0 ? soon(callback) : later(delayMs, callback)),
};

/** The next turn of the loop: Node's shortest timer would cost a millisecond. */
function soon(callback: () => void): () => void {
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
}

/**
 * Node cuts delays to whole milliseconds, counts from the loop's cached time and may fire up to 1 ms early;
 * the port promises "not before", so a timer that is early is armed again for the rest.
 */
function later(delayMs: number, callback: () => void): () => void {
  const dueMs = performance.now() + delayMs;
  let timeout: NodeJS.Timeout;
  const arm = (): void => {
    const leftMs = Math.max(0, Math.ceil(dueMs - performance.now()));
    timeout = setTimeout(fire, Math.min(leftMs, NODE_DELAY_MS_MAX));
  };
  const fire = (): void => {
    if (performance.now() < dueMs) arm();
    else callback();
  };
  arm();
  return () => clearTimeout(timeout);
}

/**
 * A timer that does not keep the process alive, for the bound on a process's end: it must fire only when
 * something else has kept the process alive too long.
 */
export function afterUnref(delayMs: number, callback: () => void): () => void {
  const timeout = setTimeout(callback, Math.ceil(delayMs));
  timeout.unref();
  return () => clearTimeout(timeout);
}
