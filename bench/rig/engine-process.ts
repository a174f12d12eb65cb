/** An engine of the plane and interrupt benches: the product's composition root with profile `bench-flat`. */
import { createLogger, standardError, systemEnv } from '@reticle/core/process';
import { startEngine, type EngineConfig } from '@reticle/services/main';
import { busOf } from './bus-of.ts';
import { clockOffsetMicros, serveCalls } from './calls.ts';

const env = systemEnv();
const logger = createLogger({ level: 'warn', clock: env.clock, output: standardError() });

const calls = {
  async start(config: EngineConfig): Promise<string> {
    const engine = await startEngine(config, { env, bus: await busOf(config.nats, logger), logger });
    return engine.address;
  },
  clockOffset: () => clockOffsetMicros(),
};

export type EngineCalls = typeof calls;
serveCalls(calls);
