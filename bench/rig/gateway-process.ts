/** The system under test of the plane and interrupt benches: the product's gateway, nothing turned off. */
import { createLogger, standardError, systemEnv } from '@reticle/core/process';
import { startGateway, type GatewayConfig } from '@reticle/services/main';
import { busOf } from './bus-of.ts';
import { serveCalls } from './calls.ts';

const env = systemEnv();
const logger = createLogger({ level: 'warn', clock: env.clock, output: standardError() });

const calls = {
  /** Resolves to the port, once an engine is there. */
  async start(config: GatewayConfig): Promise<number> {
    const gateway = await startGateway(config, { env, bus: await busOf(config.nats, logger), logger });
    return gateway.port;
  },
};

export type GatewayCalls = typeof calls;
serveCalls(calls);
