import { performance } from 'node:perf_hooks';

/** Share of the time since the last call, 0 to 1, in which this thread's event loop was busy. */
export function loopMeter(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
