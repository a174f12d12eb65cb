import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { base32, RANDOM_ID_BYTES, tiers, type LocalChain } from '@reticle/core/domain';
import { systemRandom } from '@reticle/core/process';
import { BusHub } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { hmacOfSecret, mintApiKey } from '@reticle/services/edge/auth';
import { benchFlatChain } from './bench-flat.ts';
import type { EngineCalls } from './engine-process.ts';
import type { GatewayCalls } from './gateway-process.ts';
import { BENCH_REGION } from './link-requests.ts';
import { Core, RigProcess, type CoreNumber } from './rig-process.ts';

const HOST = '127.0.0.1';
const SECRET_BYTES = 32;
/** Presence comes every 250 ms; after this many a gateway knows the engine and its link is up. */
const SETTLE_MS = 1_000;

export type BenchPlatform = AsyncDisposable & {
  readonly gateway: RigProcess<GatewayCalls>;
  readonly engine: RigProcess<EngineCalls>;
  /** `host:port` of the gateway. */
  readonly address: string;
  readonly apiKey: string;
  /** Of the engine, which stamps due times. */
  readonly clockOffsetMicros: number;
};

export type PlatformOptions = {
  readonly tokensPerSecond: number;
  readonly engineCore: CoreNumber;
  /** Chains of further engines, each a process on the rig's core. */
  readonly others?: readonly LocalChain[];
};

/** One gateway process on the system's core, one engine on the given one, and the bus between them. */
export async function startPlatform(options: PlatformOptions): Promise<BenchPlatform> {
  const { tokensPerSecond, engineCore, others = [] } = options;
  const random = systemRandom;
  const file = (name: string): string => join(import.meta.dirname, name);
  const gateway = new RigProcess<GatewayCalls>({ file: file('gateway-process.ts'), core: Core.system });
  const engine = new RigProcess<EngineCalls>({ file: file('engine-process.ts'), core: engineCore });
  const more = others.map(() => new RigProcess<EngineCalls>({ file: file('engine-process.ts'), core: Core.rig }));
  const all = [gateway, engine, ...more];
  const stop = async (): Promise<void> => void (await Promise.all(all.map((each) => each.stop())));
  try {
    const hub = new BusHub();
    for (const each of all) hub.join(each.channel);
    const pepper = random.bytes(SECRET_BYTES);
    const { key, id, secret } = mintApiKey(random, 'bench');
    const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
    const common = { region: BENCH_REGION, host: HOST, logLevel: 'warn' } as const;
    const newId = (): string => base32(random.bytes(RANDOM_ID_BYTES));
    const cellKey = { kid: 'k1', key: random.bytes(SECRET_BYTES) };
    const port = await gateway.call('start', {
      ...common,
      gatewayId: newId(),
      grpcPort: 0,
      keys: [{ id, hmacs, tenant: 'bench', models: [], tiers, defaultTier: 'ultrafast' }],
      pepper,
      cellKeys: [cellKey],
    });
    const startEngine = (process: RigProcess<EngineCalls>, chain: LocalChain): Promise<string> => {
      const engineId = newId();
      const signalKeys = engineSignalKeys([cellKey], engineId);
      return process.call('start', { ...common, engineId, replicaEpoch: 1, chain, signalKeys });
    };
    await startEngine(engine, benchFlatChain(tokensPerSecond));
    await Promise.all(more.map((each, index) => startEngine(each, others[index] as LocalChain)));
    await sleep(SETTLE_MS);
    const clockOffsetMicros = await engine.call('clockOffset');
    return { gateway, engine, address: `${HOST}:${port}`, apiKey: key, clockOffsetMicros, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
