/**
 * Bench `context`: what a turn costs at the end of a conversation of 1,000 to 128,000 tokens, when the platform knows the
 * conversation and when it is sent again in full; on loopback for the cost, and behind 20 ms and TLS for the time
 * (PERFORMANCE G4, B2).
 */
import { join } from 'node:path';
import type { BenchOptions } from '../command-line.ts';
import type { ProcessSample } from '../rig/calls.ts';
import type { DelayRelayCalls } from '../rig/delay-relay-process.ts';
import { startPlatform, type BenchPlatform } from '../rig/platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { OPENSSL_INSTALL, selfSigned } from '../rig/self-signed.ts';
import type { StampingEngineCalls } from '../rig/stamping-engine-process.ts';
import { startTraceSink } from '../rig/trace-sink.ts';
import type { Wire } from '../rig/wire-delay.ts';
import { disposing, type Bench } from '../run.ts';
import type { ContextClientCalls, TurnsOrder } from './client-process.ts';
import { contextCells, contextGoals, lineOf, nameOf, type ContextBlock, type ContextPoint } from './figures.ts';

const TOKENS_PER_SECOND = 1_000;
const TURNS = 20;
const TURNS_SHORT = 4;
const MIB = 1024 * 1024;

/** TCP as it is on a path of 20 ms, and without its slow start. */
const WIRES = {
  rtt20: { rttMs: 20, handshake: true, slowStart: true },
  'rtt20-open': { rttMs: 20, handshake: true },
} as const satisfies Readonly<Record<Exclude<ContextPoint['wire'], 'loopback'>, Wire>>;

/** Both ends of the range everywhere, and what lies between on loopback. */
const POINTS: readonly ContextPoint[] = [
  ...[1, 8, 32, 128].flatMap((thousands): ContextPoint[] => [
    { wire: 'loopback', thousands, way: 'session' },
    { wire: 'loopback', thousands, way: 'kept-full' },
  ]),
  ...[1, 128].flatMap((thousands): ContextPoint[] => [
    { wire: 'rtt20', thousands, way: 'session' },
    { wire: 'rtt20', thousands, way: 'kept-id' },
    { wire: 'rtt20', thousands, way: 'kept-full' },
    { wire: 'rtt20', thousands, way: 'fresh-full' },
    { wire: 'rtt20-open', thousands, way: 'fresh-full' },
  ]),
];

type Tls = ReturnType<typeof selfSigned>;
type Parts = {
  readonly platform: BenchPlatform;
  readonly engine: RigProcess<StampingEngineCalls>;
  readonly client: RigProcess<ContextClientCalls>;
  /** `host:port` of each way in. */
  readonly addresses: Readonly<Partial<Record<ContextPoint['wire'], string>>>;
};

export const contextBench: Bench = async (options, say) => {
  const tls = selfSigned();
  const wanted = POINTS.filter((point) => options.only === undefined || nameOf(point).startsWith(options.only));
  const points = wanted.filter(({ wire }) => wire === 'loopback' || tls !== undefined);
  const missing = { peer: 'TLS', reason: 'openssl is not there: no cell behind a wire', install: OPENSSL_INSTALL };
  if (tls === undefined) say(`${missing.reason} (${missing.install})`);
  const found = points.map((point) => ({ ...point, blocks: [] as ContextBlock[] }));
  if (points.length > 0) await withParts(tls, (parts) => runRounds(parts, { found, options, say }));
  return { cells: contextCells(found), goals: contextGoals(found), skipped: tls === undefined ? [missing] : [] };
};

type Run = {
  readonly found: readonly (ContextPoint & { readonly blocks: ContextBlock[] })[];
  readonly options: BenchOptions;
  readonly say: (text: string) => void;
};

async function runRounds(parts: Parts, { found, options, say }: Run): Promise<void> {
  const { rounds, seconds, short } = options;
  const turns = short ? TURNS_SHORT : TURNS;
  for (const point of found) await runPoint(parts, point, { turns, secondsMax: seconds, salt: 'warm' });
  for (let round = 1; round <= rounds; round += 1) {
    // Every other round runs backwards, so that no point always follows the same one.
    for (const point of round % 2 === 1 ? found : found.toReversed()) {
      const block = await runPoint(parts, point, { turns, secondsMax: seconds, salt: `round ${round}` });
      point.blocks.push(block);
      say(`round ${round}/${rounds} ${nameOf(point)}: ${lineOf(block)}`);
    }
  }
}

type Asked = TurnsOrder & { readonly salt: string };

async function runPoint(parts: Parts, point: ContextPoint, asked: Asked): Promise<ContextBlock> {
  const { platform, engine, client, addresses } = parts;
  const { wire, thousands, way } = point;
  const address = addresses[wire];
  if (address === undefined) throw new Error(`no way in for ${wire}`);
  const { apiKey, gateway } = platform;
  // Each point has conversations of its own: nothing of another one's is warm.
  const salt = `${asked.salt} of ${nameOf(point)}`;
  const order = { way, address, tls: wire !== 'loopback', apiKey, contextTokens: thousands * 1_000, salt };
  await client.call('begin', order);
  await engine.call('record');
  const samples = () => Promise.all([gateway.sample(), engine.sample(), client.sample()]);
  const before = await samples();
  const { turnMicros, requestBytes } = await client.call('go', asked);
  const after = await samples();
  const { firstRowMicros } = await engine.call('stamps');
  if (firstRowMicros.length !== turnMicros.length) throw new Error(`${nameOf(point)}: the engine saw other turns`);
  const [gatewayCpu, engineCpu, clientCpu] = before.map((sample, index) => {
    return cpuBetween(sample, after[index] as ProcessSample);
  }) as [Cpu, Cpu, Cpu];
  return {
    overheadMicros: turnMicros.map((each, turn) => each - (firstRowMicros[turn] as number)),
    requestBytes,
    gatewayUs: gatewayCpu.micros / turnMicros.length,
    engineUs: engineCpu.micros / turnMicros.length,
    rigCore: engineCpu.core + clientCpu.core,
    rssMiB: after[0].rssBytes / MIB,
  };
}

type Cpu = ReturnType<typeof cpuBetween>;

/** One platform and one client for all points, and the wires in front of the gateway. */
async function withParts(tls: Tls, work: (parts: Parts) => Promise<void>): Promise<void> {
  const file = (...path: string[]): string => join(import.meta.dirname, ...path);
  const sink = await startTraceSink();
  const client = new RigProcess<ContextClientCalls>({ file: file('client-process.ts'), core: Core.rig });
  const wires = Object.entries(WIRES).map(([name, wire]) => {
    const relay = file('..', 'rig', 'delay-relay-process.ts');
    return { name, wire, process: new RigProcess<DelayRelayCalls>({ file: relay, core: Core.rig }) };
  });
  await disposing([sink, client, ...wires.map((wire) => wire.process)], async () => {
    const platform = await startPlatform({
      tokensPerSecond: TOKENS_PER_SECOND,
      engineCore: Core.rig,
      engineFile: file('..', 'rig', 'stamping-engine-process.ts'),
      front: { environment: sink.environment },
    });
    await disposing([platform], async () => {
      const { front } = platform;
      const addresses: Partial<Record<string, string>> = { loopback: front };
      for (const { name, wire, process } of tls === undefined ? [] : wires) {
        addresses[name] = await process.call('start', { ...wire, address: front, ...(tls && { tls }) });
      }
      // The file that was asked for serves these calls as well.
      const engine = platform.engine as unknown as RigProcess<StampingEngineCalls>;
      await work({ platform, engine, client, addresses });
    });
  });
}
