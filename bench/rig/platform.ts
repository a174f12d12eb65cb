import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { base32, RANDOM_ID_BYTES, tiers, type LocalChain } from '@reticle/core/domain';
import { systemRandom } from '@reticle/core/process';
import { BusHub } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import type { NatsAccess } from '@reticle/services/main';
import { benchFlatChain } from './bench-flat.ts';
import { startBusServer, type BusMember, type BusServer } from './bus-server.ts';
import type { EngineCalls } from './engine-process.ts';
import type { GatewayCalls } from './gateway-process.ts';
import { BENCH_REGION } from './link-requests.ts';
import { Core, RigProcess, type CoreNumber } from './rig-process.ts';

const HOST = '127.0.0.1';
const SECRET_BYTES = 32;
/** Presence comes every 250 ms; after this many a gateway knows the engine and its link is up. */
const SETTLE_MS = 1_000;

type Gateway = RigProcess<GatewayCalls>;
type Engine = RigProcess<EngineCalls>;

export type BenchPlatform = AsyncDisposable & {
  readonly gateway: Gateway;
  readonly engine: Engine;
  /** `host:port` of the gateway. */
  readonly address: string;
  /** Of all gateways; the first is {@link address}. */
  readonly addresses: readonly string[];
  readonly apiKey: string;
  /** `host:port` of the first gateway's OpenAI surfaces, where they were asked for. */
  readonly front: string;
  /** `host:port` of the first engine's links. */
  readonly engineAddress: string;
  /** Of the engine, which stamps due times. */
  readonly clockOffsetMicros: number;
  /** Where the bus is a server. */
  readonly bus: BusServer | undefined;
};

export type PlatformOptions = {
  readonly tokensPerSecond: number;
  readonly engineCore: CoreNumber;
  /** Chains of further engines, each a process on the rig's core. */
  readonly others?: readonly LocalChain[];
  /** Gateway processes, all on the system's core; 1 by default. */
  readonly gateways?: number;
  /** A nats-server binary; without one the rig carries the bus itself. */
  readonly natsPath?: string;
  /** The gateways serve the OpenAI surfaces. */
  readonly front?: FrontOptions;
  /** Serves the calls of `engine-process.ts`, which is the default. */
  readonly engineFile?: string;
};

export type FrontOptions = {
  /** Variables of OpenTelemetry; absent: nothing is exported, and nobody can ask for metrics. */
  readonly environment?: Readonly<Record<string, string>>;
};

/** Gateway processes on the system's core, one engine on the given one, and the bus between them. */
export async function startPlatform(options: PlatformOptions): Promise<BenchPlatform> {
  const { gateways: count = 1 } = options;
  const gateways = Array.from({ length: count }, () => {
    return new RigProcess<GatewayCalls>({ file: file('gateway-process.ts'), core: Core.system });
  });
  const engines = enginesOf(options);
  let bus: BusServer | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([...gateways, ...engines].map((each) => each.stop()));
    await bus?.[Symbol.asyncDispose]();
  };
  try {
    const names = engines.map(newId);
    if (options.natsPath === undefined) carryBus([...gateways, ...engines]);
    else bus = await startBusServer(options.natsPath, membersOf(count, names));
    const started = await startAll({ options, gateways, engines, names, access: bus?.access ?? [] });
    const [gateway, engine, [address]] = [gateways[0], engines[0], started.addresses];
    if (gateway === undefined || engine === undefined || address === undefined) throw new Error('a gateway at least');
    return { gateway, engine, address, ...started, bus, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const file = (name: string): string => join(import.meta.dirname, name);

function enginesOf({ engineCore, others = [], engineFile = file('engine-process.ts') }: PlatformOptions): Engine[] {
  const cores = [engineCore, ...others.map(() => Core.rig)];
  return cores.map((core) => new RigProcess<EngineCalls>({ file: engineFile, core }));
}

function carryBus(all: readonly (Gateway | Engine)[]): void {
  const hub = new BusHub();
  for (const each of all) hub.join(each.channel);
}

function membersOf(gateways: number, engineIds: readonly string[]): BusMember[] {
  const hosts = engineIds.map((engineId): BusMember => ({ role: 'host', engineId }));
  return [...Array.from({ length: gateways }, (): BusMember => ({ role: 'gateway' })), ...hosts];
}

type Starting = {
  readonly options: PlatformOptions;
  readonly gateways: readonly Gateway[];
  readonly engines: readonly Engine[];
  /** Ids of the engines. */
  readonly names: readonly string[];
  /** To the bus server, of gateways and then engines; empty without one. */
  readonly access: readonly NatsAccess[];
};

async function startAll({ options, gateways, engines, names, access }: Starting) {
  const random = systemRandom;
  const pepper = random.bytes(SECRET_BYTES);
  const { key, id, secret } = mintApiKey(random, 'bench');
  const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
  const common = { region: BENCH_REGION, host: HOST, logLevel: 'warn' } as const;
  const cellKeys = [{ kid: 'k1', key: random.bytes(SECRET_BYTES) }];
  const keys = [{ id, hmacs, tenant: 'bench', models: [], tiers, defaultTier: 'ultrafast' as const }];
  const nats = (index: number): { nats?: NatsAccess } => (access[index] === undefined ? {} : { nats: access[index] });
  const ports = await Promise.all(
    gateways.map((gateway, index) =>
      gateway.call('start', {
        ...common,
        ...frontOf(options.front),
        gatewayId: newId(),
        grpcPort: 0,
        keys,
        pepper,
        cellKeys,
        ...nats(index),
      }),
    ),
  );
  const chains = [benchFlatChain(options.tokensPerSecond), ...(options.others ?? [])];
  const [engineAddress = ''] = await Promise.all(
    engines.map((engine, index) => {
      const engineId = names[index] as string;
      const signalKeys = engineSignalKeys(cellKeys, engineId);
      const own = { engineId, replicaEpoch: 1, chain: chains[index] as LocalChain, signalKeys };
      return engine.call('start', { ...common, ...own, ...nats(gateways.length + index) });
    }),
  );
  await sleep(SETTLE_MS);
  const clockOffsetMicros = (await engines[0]?.call('clockOffset')) ?? 0;
  const front = `${HOST}:${await gateways[0]?.call('httpPort')}`;
  const addresses = ports.map((port) => `${HOST}:${port}`);
  return { addresses, front, engineAddress, apiKey: key, clockOffsetMicros };
}

function frontOf(front: FrontOptions | undefined) {
  if (front === undefined) return {};
  const { environment } = front;
  return environment === undefined ? { httpPort: 0 } : { httpPort: 0, metricsPort: 0, environment };
}

function newId(): string {
  return base32(systemRandom.bytes(RANDOM_ID_BYTES));
}
