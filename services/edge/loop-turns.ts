/**
 * Long work of one process in steps (PROMISES P17): one step of all that is long runs in each turn of the event loop, so
 * that many long requests hold the others up for no longer than one does.
 */

/** Characters of text that are worked on in one step; shorter texts are worked on at once. */
export const STEP_CHARACTERS = 128 * 1_024;

/** Work that waits for its step, the longest waiting first. There is one event loop, and so one queue. */
const waiting: (() => void)[] = [];

/** Resolves in a turn of the loop in which no other long work takes a step. */
export function loopTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(runNext);
  });
}

/** Runs once per turn of the loop while anything waits. */
function runNext(): void {
  const next = waiting.shift();
  if (waiting.length > 0) setImmediate(runNext);
  next?.();
}
