/** An engine of the plane and interrupt benches: the product's composition root with profile `bench-flat`. */
import { createLogger, standardError, systemEnv } from '@reticle/core/process';
import { ChannelBus } from '@reticle/services/bus';
import { startEngine, type EngineConfig } from '@reticle/services/main';
import { clockOffsetMicros, serveCalls } from './calls.ts';

const env = systemEnv();
const logger = createLogger({ level: 'warn', clock: env.clock, output: standardError() });

const calls = {
  async start(config: EngineConfig): Promise<string> {
    const parent = env.spawn.parent();
    if (parent === undefined) throw new Error('this process is forked by the bench');
    const engine = await startEngine(config, { env, bus: new ChannelBus(parent, env.clock), logger });
    return engine.address;
  },
  clockOffset: () => clockOffsetMicros(),
};

export type EngineCalls = typeof calls;
serveCalls(calls);
