import type { Clock } from '@reticle/core/flow';

/** Whether the promise resolves before `ms` have passed; false as soon as they have. Rejects as the promise does. */
export function within(clock: Clock, promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const cancel = clock.after(ms, () => late.resolve(false));
  return Promise.race([promise.then(() => true), late.promise]).finally(cancel);
}
