import type { VirtualClock } from '@reticle/core/flow';

/** Lets every promise that can settle by itself do so. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Moves a virtual clock on, timer by timer, with promises settled in between. */
export async function elapse(clock: VirtualClock, ms: number): Promise<void> {
  const untilMs = clock.nowMs() + ms;
  for (;;) {
    await drained();
    if (clock.nextMs === undefined || clock.nextMs > untilMs) break;
    clock.step();
  }
  clock.advance(untilMs - clock.nowMs());
  await drained();
}

/** The promise's outcome, with as much virtual time as it takes; rejects when nothing is left that could settle it. */
export async function until<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let over = false;
  const end = (): void => void (over = true);
  promise.then(end, end);
  for (;;) {
    await drained();
    if (over) return promise;
    if (!clock.step()) throw new Error('nothing is left that could settle it');
  }
}
