import type { Clock } from '@reticle/core/flow';

/**
 * A clock whose timers fire on a grid of `windowMs` only. A simulator on it wakes once a window and tells all
 * that came due since, so that two transports carry the same tokens in the same groups.
 */
export function windowedClock(clock: Clock, windowMs: number): Clock {
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    after: (delayMs, callback) => {
      if (delayMs <= 0) return clock.after(delayMs, callback);
      const nowMs = clock.nowMs();
      return clock.after(Math.ceil((nowMs + delayMs) / windowMs) * windowMs - nowMs, callback);
    },
  };
}
