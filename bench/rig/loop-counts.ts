import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Turns of this process's event loop so far. */
export function loopTurns(): number {
  return performance.nodeTiming.uvMetricsInfo.loopCount;
}

/** Write system calls of this process so far, sockets and others; NaN where the kernel does not tell. */
export function writeCalls(): number {
  try {
    const [, count = 'NaN'] = /^syscw: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8')) ?? [];
    return Number(count);
  } catch {
    return NaN;
  }
}

/** How long the process's main thread could have run and had no core so far, µs; NaN where the kernel does not tell. */
export function waitedMicros(process: number | 'self' = 'self'): number {
  try {
    const [, waitedNanos = 'NaN'] = readFileSync(`/proc/${process}/schedstat`, 'latin1').split(' ');
    return Number(waitedNanos) / 1000;
  } catch {
    return NaN;
  }
}
