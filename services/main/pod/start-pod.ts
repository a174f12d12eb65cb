import { join } from 'node:path';
import { assert, parseChainDocument, type ChainDocument, type ChainStage } from '@reticle/core/domain';
import { environment, Secret, type Env, type Lifecycle, type Logger } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import { connectNatsBus } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { startStage } from '@reticle/services/engine/stage';
import { startEngine } from '../engine-root.ts';
import type { PodSettings } from './pod-settings.ts';
import { takeWafer } from './wafer-fence.ts';

export type PodParts = { readonly env: Env; readonly logger: Logger; readonly lifecycle: Lifecycle };

/** A pod that fails more often within one epoch is not started again. */
const STARTS_MAX = limits.startsPerEpochMax;
const KEY_ID = 'k1';
const KEY_BYTES = 32;

/**
 * Runs one stage of a chain until the lifecycle ends it.
 *
 * @throws ReticleError `epoch_stale` when a higher epoch has the wafer, and as `parseChainDocument` and `startEngine`
 */
export async function startPod(settings: PodSettings, parts: PodParts): Promise<void> {
  const { env } = parts;
  const document = parseChainDocument(await env.disk.readText(settings.plan));
  const own = document.stages[settings.stage];
  if (own === undefined) throw new Error(`the chain has ${document.stages.length} stages, none is ${settings.stage}`);
  const { hardwareId, waferEpoch: epoch } = own;
  const starts = await takeWafer(env.disk, settings.waferState, { hardwareId, epoch });
  if (own.stage === 0) await lead({ settings, document, starts }, parts);
  else await follow({ settings, document, own }, parts);
}

type Following = { readonly settings: PodSettings; readonly document: ChainDocument; readonly own: ChainStage };

async function follow({ settings, document, own }: Following, { logger, lifecycle }: PodParts): Promise<void> {
  const { stage, programId, hardwareId } = own;
  const { epoch } = document.replica;
  const running = await startStage({
    identity: { stage, programId, hardwareId, epoch },
    host: settings.bind,
    port: settings.port,
    onRefused: (ping) => logger.warn('a leader of another chain asked', { kind: 'stage', epoch: ping.epoch }),
  });
  lifecycle.own('stage', () => running.close());
  logger.info('stage serves', { kind: 'stage', port: running.port });
}

type Leading = { readonly settings: PodSettings; readonly document: ChainDocument; readonly starts: number };

async function lead({ settings, document, starts }: Leading, { env, logger, lifecycle }: PodParts): Promise<void> {
  assert(starts <= STARTS_MAX, 'a head that was started so often is not started again at this epoch');
  const { replica, region, chain, tokensPerSecond } = document;
  const { clock, random, disk } = env;
  const seed = new Secret((await disk.readText(join(settings.keys, 'nats.seed'))).trim());
  const key = Buffer.from((await disk.readText(join(settings.keys, 'engine.key'))).trim(), 'hex');
  assert(key.length === KEY_BYTES, 'engine.key has 64 hexadecimal digits');
  const bus = lifecycle.own('bus', await connectNatsBus({ servers: [settings.nats], seed, clock, random, logger }));
  const hosts = await hostsOf(settings, env);
  const engine = await startEngine(
    {
      engineId: replica.engineId,
      region,
      host: settings.bind,
      port: settings.port,
      // A restart keeps the replica's epoch, and is another run of it all the same (PROTOCOL E8).
      replicaEpoch: replica.epoch * STARTS_MAX + (starts - 1),
      chain,
      signalKeys: engineSignalKeys([{ kid: KEY_ID, key }], replica.engineId),
      plannedTokensPerSecond: tokensPerSecond,
      stages: document.stages.slice(1).map(({ stage, programId, hardwareId, host }) => ({
        stage,
        programId,
        hardwareId,
        epoch: replica.epoch,
        host: hosts.get(host) ?? host,
        port: settings.port,
      })),
    },
    { env, bus, logger, environment: environment(), onDrained: () => void lifecycle.drain('drained') },
  );
  lifecycle.own('engine', () => engine.close(0, 'closed'));
  lifecycle.onDrain('engine', ({ timeLeftMs, reason }) => engine.close(timeLeftMs, reason));
}

/** Addresses by name, as a hosts file has them. */
async function hostsOf({ hosts }: PodSettings, { disk }: Env): Promise<ReadonlyMap<string, string>> {
  if (hosts === undefined) return new Map();
  const pairs = (await disk.readText(hosts)).split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(pairs.flatMap(([address = '', name = '']) => (name === '' ? [] : [[name, address] as const])));
}
