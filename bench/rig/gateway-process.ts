/** The system under test of the plane and interrupt benches: the product's gateway, nothing turned off. */
import { createLogger, standardError, systemEnv } from '@reticle/core/process';
import { ChannelBus } from '@reticle/services/bus';
import { startGateway, type GatewayConfig } from '@reticle/services/main';
import { serveCalls } from './calls.ts';

const env = systemEnv();
const logger = createLogger({ level: 'warn', clock: env.clock, output: standardError() });

const calls = {
  /** Resolves to the port, once an engine is there. */
  async start(config: GatewayConfig): Promise<number> {
    const parent = env.spawn.parent();
    if (parent === undefined) throw new Error('this process is forked by the bench');
    const gateway = await startGateway(config, { env, bus: new ChannelBus(parent, env.clock), logger });
    return gateway.port;
  },
};

export type GatewayCalls = typeof calls;
serveCalls(calls);
