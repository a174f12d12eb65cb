import type { Env, Logger } from '@reticle/core/process';
import { startTelemetry, type Telemetry } from '@reticle/core/process/telemetry';
import type { Bus } from '@reticle/services/bus';
import {
  EngineHost,
  listenLinks,
  observeLoad,
  publishPresence,
  recordedHost,
  serveSignals,
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
 * Composes driver, host, link server and presence. Rejects when the model does not fit, the address is taken, or a
 * stage of the chain does not answer in time (`internal`) or refuses this chain (`epoch_stale`).
 */
export async function startEngine(config: EngineConfig, dependencies: EngineDependencies): Promise<RunningEngine> {
  const { env, bus, logger } = dependencies;
  const { chain, engineId, region, replicaEpoch } = config;
  const driver = simulatedDriver(config, env);
  const telemetry = await engineTelemetry(config, dependencies);
  const host = new EngineHost({
    driver,
    clock: env.clock,
    identity: { engineId, region, replicaEpoch },
    observer: recordedHost({ ...telemetry, clock: env.clock, engineId, model: chain.servedName }),
    failpoint: env.failpoint,
  });
  observeLoad(telemetry.instruments, host);
  const stop = async (): Promise<void> => {
    host.close();
    await telemetry.close();
  };
  const ring = await watchRing(config, {
    clock: env.clock,
    logger,
    broken: (reason) => driver.breakChain(reason),
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const { onDrained } = dependencies;
  const signals = host.signals({
    cell: region,
    engineKeys: config.signalKeys,
    ...(onDrained === undefined ? {} : { onDrained }),
  });
  const server = await listenLinks({ host, bind: `${config.host}:0`, clock: env.clock, signals }).catch(
    async (error: unknown) => {
      ring.close();
      await stop();
      throw error;
    },
  );
  const address = config.advertise ?? `${config.host}:${server.port}`;
  const stopPresence = publishPresence({
    host,
    address,
    cell: region,
    publish: (subject, bytes) => bus.publish(subject, bytes),
  });
  logger.info('engine serves', { engine: engineId, model: chain.servedName, port: server.port });
  const stopSignals = serveSignals({ bus, signals, cell: region, engineId, address });
  const end = async (timeLeftMs: number, reason: string): Promise<void> => {
    await server.close(timeLeftMs, reason);
    ring.close();
    stopSignals();
    stopPresence();
    await telemetry.close();
  };
  let ended: Promise<void> | undefined;
  const { metricsPort } = telemetry;
  return {
    address,
    port: server.port,
    ...(metricsPort === undefined ? {} : { metricsPort }),
    close: (timeLeftMs, reason) => (ended ??= end(timeLeftMs, reason)),
  };
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

type RingOptions = Pick<Env, 'clock'> & { readonly logger: Logger; readonly broken: (reason: string) => void };

/** The leader's watch of the stages that are processes of their own (WAFER §6.5); nothing to watch without any. */
async function watchRing({ engineId, stages = [] }: EngineConfig, options: RingOptions): Promise<StageWatch> {
  if (stages.length === 0) return { close: () => {} };
  const { clock, logger, broken } = options;
  return watchStages({ clock, stages }, (reason) => {
    logger.error('the chain is broken', { engine: engineId, reason });
    broken(reason);
  });
}
