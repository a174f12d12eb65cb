import type { Env, Logger } from '@reticle/core/process';
import type { Bus } from '@reticle/services/bus';
import { EngineHost, listenLinks, publishPresence } from '@reticle/services/engine';
import { createWaferSim } from '@reticle/services/engine/wafer-sim';
import type { EngineConfig } from './messages.ts';

export type EngineDependencies = { readonly env: Env; readonly bus: Bus; readonly logger: Logger };

/** A running engine; the caller drains and closes it. */
export type RunningEngine = {
  /** `host:port` of its LinkService. */
  readonly address: string;
  /** Drains for at most `timeLeftMs`, then closes links, driver and listener. The first call decides. */
  close(timeLeftMs: number, reason: string): Promise<void>;
};

/** Composes driver, host, link server and presence. Rejects when the model does not fit or the address is taken. */
export async function startEngine(
  config: EngineConfig,
  { env, bus, logger }: EngineDependencies,
): Promise<RunningEngine> {
  const { chain, engineId, region, replicaEpoch } = config;
  const { tokens, length, pace, seed, flatStepMicros, itemEvery } = chain.engine;
  const driver = createWaferSim({
    model: {
      name: chain.servedName,
      digest: chain.modelDigest,
      contextTokens: chain.contextTokens,
      maxOutputTokens: chain.maxOutputTokens,
      geometry: chain.geometry,
    },
    profile: chain.profile,
    wafers: chain.wafers,
    clock: env.clock,
    immediate: (callback) => void setImmediate(callback),
    tokens,
    length,
    pace,
    seed,
    ...(flatStepMicros === undefined ? {} : { flatStepMicros }),
    ...(itemEvery === undefined ? {} : { itemEvery }),
  });
  const host = new EngineHost({ driver, clock: env.clock, identity: { engineId, region, replicaEpoch } });
  const server = await listenLinks({ host, bind: `${config.host}:0`, clock: env.clock });
  const address = `${config.host}:${server.port}`;
  const stopPresence = publishPresence({
    host,
    address,
    cell: region,
    publish: (subject, bytes) => bus.publish(subject, bytes),
  });
  logger.info('engine serves', { engine: engineId, model: chain.servedName, port: server.port });
  const end = async (timeLeftMs: number, reason: string): Promise<void> => {
    await server.close(timeLeftMs, reason);
    stopPresence();
  };
  let ended: Promise<void> | undefined;
  return { address, close: (timeLeftMs, reason) => (ended ??= end(timeLeftMs, reason)) };
}
