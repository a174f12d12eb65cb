import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BareChainRelayCalls } from '../referents/bare-chain-relay-process.ts';
import type { BareEmitterCalls } from '../referents/bare-emitter.ts';
import { startPlatform } from '../rig/platform.ts';
import type { ProfileSummary } from '../rig/profile.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { disposing, sum } from '../run.ts';
import { Histogram } from '../statistics.ts';
import type { ClientCalls, ClientCounts, ClientOrder } from './client-process.ts';

export type PlaneLoad = {
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly tokensPerSecond: number;
  readonly warmSeconds: number;
  readonly seconds: number;
  /** Profiled after that; 0: not. */
  readonly profileSeconds: number;
};

/** One measured stretch of one cell, in fresh processes. */
export type PlaneBlock = {
  readonly seconds: number;
  readonly tokens: number;
  readonly frames: number;
  /** Of the system under test. */
  readonly usPerToken: number;
  readonly core: number;
  readonly rssMiB: number;
  /** Fraction of the rig's core, of all its processes. */
  readonly rigCore: number;
  readonly lost: number;
  readonly doubled: number;
  readonly stalls: number;
  readonly newest: Histogram;
  readonly oldest: Histogram;
  /** Write system calls ÷ (loop turns × sockets) of the system; null where the kernel does not tell. */
  readonly writesPerTurn: number | null;
  /** Of the system, after the measured stretch, when it was asked for. */
  readonly profile: ProfileSummary | undefined;
};

type Process = RigProcess<object>;
type Client = RigProcess<ClientCalls>;

const MIB = 1024 * 1024;
const clientFile = join(import.meta.dirname, 'client-process.ts');
const referents = join(import.meta.dirname, '..', 'referents');
const emitterFile = join(referents, 'bare-emitter.ts');
const relayFile = join(referents, 'bare-chain-relay-process.ts');

/** Engine and client on the rig's core, the gateway alone on the system's. */
export async function runOurs(load: PlaneLoad): Promise<PlaneBlock> {
  const platform = await startPlatform({ tokensPerSecond: load.tokensPerSecond, engineCore: Core.rig });
  const client: Client = new RigProcess({ file: clientFile, core: Core.rig });
  return await disposing([client, platform], async () => {
    const { address, apiKey, clockOffsetMicros } = platform;
    await client.call('run', { ...orderOf(load), address, apiKey, clockOffsetMicros, sameSeed: false });
    // The link to its engine is a socket too.
    const sockets = load.connections + 1;
    return await measure(load, { system: platform.gateway, client, rig: [platform.engine, client], sockets });
  });
}

/** The bare emitter on the system's core with the given flush window, the client alone on the rig's. */
export function runBareEmitter(load: PlaneLoad, windowMs: number): Promise<PlaneBlock> {
  const emitter = new RigProcess<BareEmitterCalls>({ file: emitterFile, core: Core.system });
  const client: Client = new RigProcess({ file: clientFile, core: Core.rig });
  return disposing([client, emitter], async () => {
    const address = await startEmitter(emitter, load, windowMs);
    await runClient(client, load, { address, clockOffsetMicros: await emitter.call('clockOffset') });
    return await measure(load, { system: emitter, client, rig: [client], sockets: load.connections });
  });
}

/** The same emitter on the rig's core, and on the system's a relay with a stream on both sides for every session. */
export function runStreamRelay(load: PlaneLoad, windowMs: number): Promise<PlaneBlock> {
  const emitter = new RigProcess<BareEmitterCalls>({ file: emitterFile, core: Core.rig });
  const relay = new RigProcess<BareChainRelayCalls>({ file: relayFile, core: Core.system });
  const client: Client = new RigProcess({ file: clientFile, core: Core.rig });
  return disposing([client, relay, emitter], async () => {
    const behind = await startEmitter(emitter, load, windowMs);
    const address = await relay.call('start', { address: behind, connections: load.connections });
    await runClient(client, load, { address, clockOffsetMicros: await emitter.call('clockOffset') });
    return await measure(load, { system: relay, client, rig: [emitter, client], sockets: 2 * load.connections });
  });
}

function startEmitter(emitter: RigProcess<BareEmitterCalls>, load: PlaneLoad, windowMs: number): Promise<string> {
  const { tokensPerSecond, warmSeconds, seconds } = load;
  // Twice the time of the run covers a slow start.
  const tokensMax = Math.ceil((warmSeconds + seconds) * 2 + 30) * tokensPerSecond;
  return emitter.call('start', { tokensPerSecond, windowMs, tokensMax });
}

function runClient(
  client: Client,
  load: PlaneLoad,
  target: Pick<ClientOrder, 'address' | 'clockOffsetMicros'>,
): Promise<void> {
  return client.call('run', { ...orderOf(load), ...target, apiKey: 'none', sameSeed: true });
}

function orderOf(load: PlaneLoad): Pick<ClientOrder, 'connections' | 'streamsPerConnection' | 'tokensPerSecond'> {
  const { connections, streamsPerConnection, tokensPerSecond } = load;
  return { connections, streamsPerConnection, tokensPerSecond };
}

type Parts = {
  readonly system: Process;
  readonly client: Client;
  readonly rig: readonly Process[];
  /** Of the system, that carry the load. */
  readonly sockets: number;
};

async function snapshot({ system, client, rig }: Parts) {
  const [own, others, counts] = await Promise.all([
    system.sample(),
    Promise.all(rig.map((each) => each.sample())),
    client.call('counts'),
  ]);
  return { own, others, counts };
}

async function measure(load: PlaneLoad, parts: Parts): Promise<PlaneBlock> {
  const { warmSeconds, seconds, profileSeconds } = load;
  await sleep(warmSeconds * 1000);
  const before = await snapshot(parts);
  await sleep(seconds * 1000);
  const after = await snapshot(parts);
  const own = cpuBetween(before.own, after.own);
  const rig = after.others.map((sample, index) => {
    const start = before.others[index];
    return start === undefined ? 0 : cpuBetween(start, sample).core;
  });
  const tokens = after.counts.tokens - before.counts.tokens;
  const writes = after.own.writeCalls - before.own.writeCalls;
  const turns = (after.own.loopTurns - before.own.loopTurns) * parts.sockets;
  const profile = profileSeconds > 0 ? await parts.system.call('profile', profileSeconds) : undefined;
  return {
    seconds: (after.counts.monotonicMicros - before.counts.monotonicMicros) / 1e6,
    tokens,
    frames: after.counts.frames - before.counts.frames,
    usPerToken: own.micros / tokens,
    core: own.core,
    rssMiB: after.own.rssBytes / MIB,
    rigCore: sum(rig),
    ...faults(after.counts),
    stalls: after.counts.stalls - before.counts.stalls,
    newest: new Histogram(after.counts.newestCounts),
    oldest: new Histogram(after.counts.oldestCounts),
    writesPerTurn: Number.isFinite(writes) ? writes / turns : null,
    profile,
  };
}

/** Faults of the whole life; a stream that ended is a loss too. */
function faults({ lost, doubled, altered, problems }: ClientCounts): { lost: number; doubled: number } {
  const [first] = problems;
  if (first !== undefined) throw new Error(`${problems.length} streams ended early: ${first}`);
  return { lost: lost + altered, doubled };
}
