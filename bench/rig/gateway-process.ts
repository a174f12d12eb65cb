/** The system under test of the plane and interrupt benches: the product's gateway, nothing turned off. */
import { createLogger, standardError, systemEnv } from '@reticle/core/process';
import { startGateway, type GatewayConfig, type RunningGateway } from '@reticle/services/main';
import { busOf } from './bus-of.ts';
import { serveCalls } from './calls.ts';

const env = systemEnv();
const logger = createLogger({ level: 'warn', clock: env.clock, output: standardError() });

/** `environment`: variables of OpenTelemetry. */
export type GatewayOrder = GatewayConfig & { readonly environment?: Readonly<Record<string, string>> };

let gateway: RunningGateway | undefined;

const calls = {
  /** Resolves to the port, once an engine is there. */
  async start({ environment = {}, ...config }: GatewayOrder): Promise<number> {
    gateway = await startGateway(config, { env, bus: await busOf(config.nats, logger), logger, environment });
    return gateway.port;
  },
  /** Of the OpenAI surfaces; 0 where they were not asked for. */
  httpPort: (): number => gateway?.httpPort ?? 0,
};

export type GatewayCalls = typeof calls;
serveCalls(calls);
