import { Health, type Env, type Logger } from '@reticle/core/process';
import { startTelemetry, type Telemetry } from '@reticle/core/process/telemetry';
import type { Bus } from '@reticle/services/bus';
import {
  EngineHost,
  listenLinks,
  observeLoad,
  publishPresence,
  recordedHost,
  serveSignals,
  warmedDriver,
  type WarmedDriver,
} from '@reticle/services/engine';
import { watchStages, type StageWatch } from '@reticle/services/engine/stage';
import { chainOptions, createWaferSim, faultScript } from '@reticle/services/engine/wafer-sim';
import type { EngineConfig } from './messages.ts';

export type EngineDependencies = {
  readonly env: Env;
  readonly bus: Bus;
  readonly logger: Logger;
  /** Variables of OpenTelemetry; absent: none. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A drain that came by signal is over: no turn runs. */
  readonly onDrained?: () => void;
};

/** The chain of the engine, as a component of its health. */
const CHAIN = 'chain';

/** A running engine; the caller drains and closes it. */
export type RunningEngine = {
  /** `host:port` of its LinkService. */
  readonly address: string;
  /** The listener's own port, where another address is announced. */
  readonly port: number;
  /** Of `/metrics`, where it was asked for. */
  readonly metricsPort?: number;
  /** Drains for at most `timeLeftMs`, then closes links, driver and listener. The first call decides. */
  close(timeLeftMs: number, reason: string): Promise<void>;
};

/**
 * Composes driver, host, link server and presence. Rejects when the model does not fit, the address is taken, a stage
 * of the chain does not answer in time (`internal`) or refuses this chain (`epoch_stale`), or the chain is slower than
 * planned (`internal`).
 */
export async function startEngine(config: EngineConfig, dependencies: EngineDependencies): Promise<RunningEngine> {
  const { env, logger } = dependencies;
  const { chain, engineId, region, replicaEpoch } = config;
  const simulated = simulatedDriver(config, env);
  const warmed = warmedDriver(simulated, env.clock);
  const health = new Health();
  health.register(CHAIN);
  const telemetry = await engineTelemetry(config, dependencies);
  const host = new EngineHost({
    driver: warmed.driver,
    clock: env.clock,
    identity: { engineId, region, replicaEpoch },
    observer: recordedHost({ ...telemetry, clock: env.clock, engineId, model: chain.servedName }),
    failpoint: env.failpoint,
  });
  observeLoad(telemetry.instruments, host);
  const broken = (reason: string): void => {
    health.notServing(CHAIN, 'broken');
    simulated.breakChain(reason);
  };
  try {
    const ring = await startRing(config, { clock: env.clock, logger, broken, warmed });
    const { metricsPort } = telemetry;
    const serving = await serve({ config, host, health, ring, telemetry }, dependencies).catch((error: unknown) => {
      ring.close();
      throw error;
    });
    return { ...serving, ...(metricsPort === undefined ? {} : { metricsPort }) };
  } catch (error) {
    host.close();
    await telemetry.close();
    throw error;
  }
}

type Served = {
  readonly config: EngineConfig;
  readonly host: EngineHost;
  readonly health: Health;
  readonly ring: StageWatch;
  readonly telemetry: Telemetry;
};

/** Links, presence and signals. */
async function serve(served: Served, { env, bus, logger, onDrained }: EngineDependencies): Promise<RunningEngine> {
  const { config, host, health, ring, telemetry } = served;
  const { engineId, region } = config;
  const signals = host.signals({
    cell: region,
    engineKeys: config.signalKeys,
    ...(onDrained === undefined ? {} : { onDrained }),
  });
  const bind = `${config.host}:${config.port ?? 0}`;
  const server = await listenLinks({ host, bind, clock: env.clock, signals, health });
  const address = config.advertise ?? `${config.host}:${server.port}`;
  const stopPresence = publishPresence({
    host,
    address,
    cell: region,
    publish: (subject, bytes) => bus.publish(subject, bytes),
  });
  health.serving(CHAIN);
  logger.info('engine serves', { engine: engineId, model: config.chain.servedName, port: server.port });
  const stopSignals = serveSignals({ bus, signals, cell: region, engineId, address });
  const end = async (timeLeftMs: number, reason: string): Promise<void> => {
    await server.close(timeLeftMs, reason);
    ring.close();
    stopSignals();
    stopPresence();
    await telemetry.close();
  };
  let ended: Promise<void> | undefined;
  return { address, port: server.port, close: (timeLeftMs, reason) => (ended ??= end(timeLeftMs, reason)) };
}

function engineTelemetry(config: EngineConfig, dependencies: EngineDependencies): Promise<Telemetry> {
  const { env, logger, environment = {} } = dependencies;
  const { engineId, region, host, metricsPort } = config;
  return startTelemetry({
    service: 'reticle-engine',
    instance: engineId,
    region,
    clock: env.clock,
    logger,
    environment,
    ...(metricsPort === undefined ? {} : { listen: { host, port: metricsPort } }),
  });
}

function simulatedDriver({ chain }: EngineConfig, { clock }: Env): ReturnType<typeof createWaferSim> {
  const { pace, faults } = chain.engine;
  return createWaferSim({
    ...chainOptions(chain),
    clock,
    immediate: (callback) => void setImmediate(callback),
    pace,
    ...(faults === undefined ? {} : { faults: faultScript(faults, chain.wafers) }),
  });
}

type RingOptions = Pick<Env, 'clock'> & {
  readonly logger: Logger;
  readonly broken: (reason: string) => void;
  readonly warmed: WarmedDriver;
};

/** The ring, once a fixed prompt has gone round it at the planned pace; closed when it has not. */
async function startRing(config: EngineConfig, options: RingOptions): Promise<StageWatch> {
  const { plannedTokensPerSecond } = config;
  const ring = await watchRing(config, options);
  if (plannedTokensPerSecond === undefined) return ring;
  try {
    await options.warmed.warmUp(plannedTokensPerSecond);
    return ring;
  } catch (error) {
    ring.close();
    throw error;
  }
}

/** The leader's watch of the stages that are processes of their own (WAFER §6.5); nothing to watch without any. */
async function watchRing({ engineId, stages = [] }: EngineConfig, options: RingOptions): Promise<StageWatch> {
  if (stages.length === 0) return { close: () => {} };
  const { clock, logger, broken } = options;
  return watchStages({ clock, stages }, (reason) => {
    logger.error('the chain is broken', { engine: engineId, reason });
    broken(reason);
  });
}
