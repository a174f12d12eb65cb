import type { Clock } from '@reticle/core/flow';
import { chainOptions, createWaferSim, type WaferSim } from '@reticle/services/engine/wafer-sim';
import { BENCH_INPUT_IDS, benchFlatChain } from './bench-flat.ts';

/** The simulator with profile `bench-flat`. */
export function benchDriver(tokensPerSecond: number, clock: Clock): WaferSim {
  const chain = benchFlatChain(tokensPerSecond);
  return createWaferSim({ ...chainOptions(chain), clock, pace: chain.engine.pace });
}

/** Starts streams 0 to `streams` − 1, seeded by their number, without a host. */
export function startBareStreams(driver: WaferSim, streams: number): void {
  for (let stream = 0; stream < streams; stream += 1) {
    driver.start({
      stream,
      parent: 0,
      input: [{ kind: 'tokens', ids: BENCH_INPUT_IDS }],
      afterOutput: false,
      params: { temperature: 1, seed: stream, stop: [] },
      choice: 0,
      maxOutputTokens: driver.capabilities.maxOutputTokens,
      forced: [],
      successor: false,
    });
  }
}
