import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BareSseEmitterCalls } from '../referents/bare-sse-emitter-process.ts';
import type { HttpRelayCalls } from '../referents/http-relay-process.ts';
import { startNginx } from '../referents/nginx.ts';
import type { ProcessSample } from '../rig/calls.ts';
import type { DoorClientCalls, DoorCounts, DoorOrder, DoorTransport } from '../rig/door-client-process.ts';
import { startFrontPlatform } from '../rig/front-platform.ts';
import { Core, cpuBetween, RigProcess } from '../rig/rig-process.ts';
import { eachDelay, type StampedStreams } from '../rig/stamps.ts';
import { disposing, sum } from '../run.ts';
import { Histogram } from '../statistics.ts';

export type DoorLoad = {
  /** `link` goes past the system, to the engine itself. */
  readonly transport: DoorTransport;
  readonly streams: number;
  readonly tokensPerSecond: number;
  readonly warmSeconds: number;
  readonly seconds: number;
};

/** One measured stretch of one cell, in fresh processes. */
export type DoorBlock = {
  readonly seconds: number;
  readonly tokens: number;
  readonly frames: number;
  /** Of the system under test. */
  readonly usPerFrame: number;
  readonly usPerToken: number;
  readonly core: number;
  /** Fraction of the time in which the system could have run and had no core; NaN: not known. */
  readonly waited: number;
  readonly rssMiB: number;
  /** Fraction of the rig's core, of all its processes. */
  readonly rigCore: number;
  readonly lost: number;
  readonly doubled: number;
  /** Newest token of a frame: from the driver, or the emitter's write, to the client; µs. */
  readonly newest: Histogram;
  /** Frames that were on the way for longer than {@link STALL_MICROS}. */
  readonly stalls: number;
  /** Write system calls ÷ (loop turns × sockets) of the system; NaN where nobody tells. */
  readonly writesPerTurn: number;
};

/** Nagle against a delayed acknowledgement takes 40 ms (PERFORMANCE §10.1). */
const STALL_MICROS = 30_000;
/** Streams of one WebSocket: the lanes that a socket has by default (PROTOCOL §4.3). */
const LANES = 8;
const MIB = 1024 * 1024;

type Sampled = { sample(): Promise<ProcessSample> };
type Client = RigProcess<DoorClientCalls>;
/** Where tokens come from, which notes when. */
type Source = Sampled & { record(): Promise<void>; rows(): Promise<StampedStreams> };
type Parts = {
  readonly system: Sampled;
  readonly source: Source;
  readonly client: Client;
  /** Of the system, that carry the load. */
  readonly sockets: number;
};

const file = (...path: string[]): string => join(import.meta.dirname, '..', ...path);

/** Engine and client on the rig's core, the gateway alone on the system's; `told`: with telemetry. */
export async function runOurs(load: DoorLoad, told: boolean): Promise<DoorBlock> {
  const platform = await startFrontPlatform({ tokensPerSecond: load.tokensPerSecond, told });
  const client = startClient();
  return await disposing([client, platform], async () => {
    const { gateway, engine, front, engineAddress, apiKey } = platform;
    const address = load.transport === 'link' ? engineAddress : front;
    await client.call('run', { ...orderOf(load), address, apiKey, sameText: false });
    const rows = async (): Promise<StampedStreams> => (await engine.call('stamps')).rows;
    const source = { sample: () => engine.sample(), record: () => engine.call('record'), rows };
    const block = await measure(load, { system: gateway, source, client, sockets: socketsOf(load) });
    if (told && platform.exports() === 0) throw new Error('telemetry is on and nothing was exported');
    return block;
  });
}

/** An emitter of the same events on the rig's core, a relay of them on the system's. */
export async function runReferent(load: DoorLoad, nginxPath: string | undefined): Promise<DoorBlock> {
  const emitter = new RigProcess<BareSseEmitterCalls>({
    file: file('referents', 'bare-sse-emitter-process.ts'),
    core: Core.rig,
  });
  const client = startClient();
  return await disposing([client, emitter], async () => {
    const { tokensPerSecond, warmSeconds, seconds } = load;
    // Twice the time of the run covers a slow start.
    const tokensMax = Math.ceil((warmSeconds + seconds) * 2 + 30) * tokensPerSecond;
    const behind = await emitter.call('start', { tokensPerSecond, tokensMax });
    const relay = await startRelay(behind, nginxPath);
    return await disposing([relay], async () => {
      const { address } = relay;
      await client.call('run', { ...orderOf(load), address, apiKey: 'none', sameText: true });
      const source = {
        sample: () => emitter.sample(),
        record: () => emitter.call('record'),
        rows: () => emitter.call('stamps'),
      };
      return await measure(load, { system: relay, source, client, sockets: 2 * load.streams });
    });
  });
}

type Relay = Sampled & AsyncDisposable & { readonly address: string };

async function startRelay(behind: string, nginxPath: string | undefined): Promise<Relay> {
  if (nginxPath !== undefined) return startNginx(nginxPath, behind);
  const relay = new RigProcess<HttpRelayCalls>({ file: file('referents', 'http-relay-process.ts'), core: Core.system });
  const address = await relay.call('start', behind);
  return { address, sample: () => relay.sample(), [Symbol.asyncDispose]: () => relay.stop() };
}

function startClient(): Client {
  return new RigProcess<DoorClientCalls>({ file: file('rig', 'door-client-process.ts'), core: Core.rig });
}

function orderOf({ transport, streams }: DoorLoad): Pick<DoorOrder, 'transport' | 'streams' | 'lanes'> {
  return { transport, streams, lanes: LANES };
}

/** The link to the engine is a socket too. */
function socketsOf({ transport, streams }: DoorLoad): number {
  return (transport === 'websocket' ? Math.ceil(streams / LANES) : streams) + 1;
}

async function snapshot({ system, source, client }: Parts) {
  const [own, sender, receiver, counts] = await Promise.all([
    system.sample(),
    source.sample(),
    client.sample(),
    client.call('counts'),
  ]);
  return { own, rig: [sender, receiver], counts };
}

async function measure({ warmSeconds, seconds }: DoorLoad, parts: Parts): Promise<DoorBlock> {
  const { source, client, sockets } = parts;
  await sleep(warmSeconds * 1000);
  await Promise.all([source.record(), client.call('record')]);
  const before = await snapshot(parts);
  await sleep(seconds * 1000);
  const after = await snapshot(parts);
  const [left, came] = await Promise.all([source.rows(), client.call('stamps')]);
  const own = cpuBetween(before.own, after.own);
  const rig = after.rig.map((sample, index) => cpuBetween(before.rig[index] as ProcessSample, sample).core);
  const tokens = after.counts.tokens - before.counts.tokens;
  const frames = after.counts.frames - before.counts.frames;
  return {
    seconds: (after.counts.monotonicMicros - before.counts.monotonicMicros) / 1e6,
    tokens,
    frames,
    usPerFrame: own.micros / frames,
    usPerToken: own.micros / tokens,
    core: own.core,
    waited: own.waited,
    rssMiB: after.own.rssBytes / MIB,
    rigCore: sum(rig),
    writesPerTurn:
      (after.own.writeCalls - before.own.writeCalls) / ((after.own.loopTurns - before.own.loopTurns) * sockets),
    ...faults(after.counts),
    ...delays(left, came),
  };
}

function delays(left: StampedStreams, came: StampedStreams): Pick<DoorBlock, 'newest' | 'stalls'> {
  const newest = new Histogram();
  let stalls = 0;
  eachDelay(left, came, (micros) => {
    newest.record(micros);
    if (micros > STALL_MICROS) stalls += 1;
  });
  return { newest, stalls };
}

/** Faults of the whole life; a stream that ended is a loss too. */
function faults({ lost, doubled, altered, problems }: DoorCounts): { lost: number; doubled: number } {
  const [first] = problems;
  if (first !== undefined) throw new Error(`${problems.length} streams ended early: ${first}`);
  return { lost: lost + altered, doubled };
}
