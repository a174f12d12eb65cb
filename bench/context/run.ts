/**
 * Bench `context`: what a turn costs at the end of a conversation of 1,000 to 128,000 tokens, when the platform knows the
 * conversation and when it is sent again in full; on loopback for the cost, and behind 20 ms and TLS for the time
 * (PERFORMANCE G4, B2).
 */
import { join } from 'node:path';
import type { BenchOptions } from '../command-line.ts';
import type { ProcessSample } from '../rig/calls.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { NO_WIRES, startWiredPlatform, type WiredPlatform } from '../rig/wired-platform.ts';
import { disposing, type Bench } from '../run.ts';
import type { ContextClientCalls, TurnsOrder } from './client-process.ts';
import { contextCells, contextGoals, lineOf, nameOf, type ContextBlock, type ContextPoint } from './figures.ts';

const TOKENS_PER_SECOND = 1_000;
const TURNS = 20;
const TURNS_SHORT = 4;
const MIB = 1024 * 1024;

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

type Parts = { readonly platform: WiredPlatform; readonly client: RigProcess<ContextClientCalls> };

export const contextBench: Bench = async (options, say) => {
  const wanted = POINTS.filter((point) => options.only === undefined || nameOf(point).startsWith(options.only));
  if (wanted.length === 0) return { cells: [], goals: [], skipped: [] };
  const client = new RigProcess<ContextClientCalls>({
    file: join(import.meta.dirname, 'client-process.ts'),
    core: Core.rig,
  });
  return await disposing([client], async () => {
    const platform = await startWiredPlatform(TOKENS_PER_SECOND);
    return await disposing([platform], async () => {
      const reached = wanted.filter(({ wire }) => platform.addresses[wire] !== undefined);
      const skipped = reached.length < wanted.length ? [NO_WIRES] : [];
      for (const { reason, install } of skipped) say(`${reason} (${install})`);
      const found = reached.map((point) => ({ ...point, blocks: [] as ContextBlock[] }));
      await runRounds({ platform, client }, { found, options, say });
      return { cells: contextCells(found), goals: contextGoals(found), skipped };
    });
  });
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
  const { platform, client } = parts;
  const { apiKey, gateway, engine, addresses } = platform;
  const { wire, thousands, way } = point;
  const address = addresses[wire];
  if (address === undefined) throw new Error(`no way in for ${wire}`);
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
