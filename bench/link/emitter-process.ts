/** The sending end of a link cell, with as much of the engine as the cell's part asks for. */
import type { Clock } from '@reticle/core/flow';
import { systemClock } from '@reticle/core/process';
import { limits } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import type { LinkRequest, LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import { EngineHost, listenLinks, type DriverEvents, type HostLink } from '@reticle/services/engine';
import type { WaferSim } from '@reticle/services/engine/wafer-sim';
import { StreamPerSessionServer } from '../referents/stream-per-session.ts';
import { benchDriver, startBareStreams } from '../rig/bench-driver.ts';
import { clockOffsetMicros, serveCalls } from '../rig/calls.ts';
import { BENCH_REGION, creditRequest, helloRequest, openRequest, startRequest } from '../rig/link-requests.ts';
import { windowedClock } from '../rig/windowed-clock.ts';

/**
 * What runs: the driver into nothing, the host on top of it into nothing, the whole engine with its link server,
 * or the driver behind the referent.
 */
export type EmitterPart = 'driver' | 'host' | 'engine' | 'stream-per-session';

export type EmitterOrder = {
  readonly part: EmitterPart;
  readonly streams: number;
  readonly tokensPerSecond: number;
  /** Grid of the simulator's wakes; undefined: its own. */
  readonly windowMs: number | undefined;
};

export type EmitterCounts = {
  /** Wakes that told tokens. */
  readonly wakes: number;
  /** Messages beyond the first that wakes were too large for (the host's bound of a frame). */
  readonly splits: number;
  readonly tokens: number;
  readonly paceSlipSeconds: number;
};

const CREDIT_EVERY_MS = 100;
/** The host ends a frame at so many tokens; only a wake after a stall holds more. */
const FRAME_TOKENS_MAX = 65_536;

let wakes = 0;
let splits = 0;
let tokens = 0;
/** Per stream: offset behind its newest token. */
const generated: number[] = [];
let driver: WaferSim | undefined;
let startBare = (): void => {};

/** Counts the batches between a driver and whoever listens to it. */
function counted(events: DriverEvents): DriverEvents {
  return {
    prefilled: (op, result) => events.prefilled(op, result),
    started: (stream, result) => events.started(stream, result),
    mark: (stream, mark) => events.mark(stream, mark),
    step: (batch) => {
      wakes += 1;
      splits += Math.ceil(batch.tokens / FRAME_TOKENS_MAX) - 1;
      tokens += batch.tokens;
      for (let row = 0; row < batch.rows; row += 1) {
        generated[batch.stream[row] as number] = (batch.firstOffset[row] as number) + (batch.count[row] as number);
      }
      events.step(batch);
    },
    ended: (stream, result) => events.ended(stream, result),
    halted: (stream, generated) => events.halted(stream, generated),
    failed: (_subject, error) => {
      throw error;
    },
    broken: (reason) => {
      throw new Error(reason);
    },
  };
}

function sink(step: DriverEvents['step']): DriverEvents {
  const ignore = (): void => {};
  return counted({
    prefilled: ignore,
    started: ignore,
    mark: ignore,
    step,
    ended: ignore,
    halted: ignore,
    failed: ignore,
    broken: ignore,
  });
}

/** The same driver, whose batches are counted on their way to the host. */
function countedDriver(inner: WaferSim): WaferSim {
  const connect = inner.connect.bind(inner);
  inner.connect = (events) => connect(counted(events));
  return inner;
}

/** Everything a gateway would say, to a host whose link leads nowhere and takes every row at once. */
function runNullLink(host: EngineHost, streams: number, clock: Clock): void {
  const link: HostLink = { writable: true, control() {}, step() {}, close() {} };
  const peer = host.connect(link);
  const codec = messageCodec<LinkRequest__Input, LinkRequest>('reticle.engine.v1.LinkRequest');
  const say = (request: LinkRequest__Input): void => peer.message(codec.decode(codec.encode(request)));
  say(helloRequest());
  for (let stream = 0; stream < streams; stream += 1) say(openRequest(stream));
  // The host numbers the driver's streams as they start, so stream n is lane n + 1.
  for (let stream = 0; stream < streams; stream += 1) say(startRequest(stream));
  const acknowledge = (): void => {
    say(creditRequest(generated));
    clock.after(CREDIT_EVERY_MS, acknowledge);
  };
  clock.after(CREDIT_EVERY_MS, acknowledge);
}

/** Builds the part; resolves to the address that a receiver dials, if the part has one. */
async function start(order: EmitterOrder): Promise<string | undefined> {
  const { part, streams, tokensPerSecond, windowMs } = order;
  const clock = windowMs === undefined ? systemClock : windowedClock(systemClock, windowMs);
  const made = benchDriver(tokensPerSecond, clock);
  driver = made;
  if (part === 'driver') {
    made.connect(sink(() => {}));
    startBareStreams(made, streams);
    return undefined;
  }
  if (part === 'stream-per-session') {
    const server = new StreamPerSessionServer();
    made.connect(sink(server.step));
    startBare = () => startBareStreams(made, streams);
    return server.listen();
  }
  const identity = { engineId: 'a'.repeat(26), region: BENCH_REGION, replicaEpoch: 1 };
  const host = new EngineHost({
    driver: countedDriver(made),
    clock: systemClock,
    identity,
    ringTokens: limits.ringTokens,
  });
  if (part === 'host') {
    runNullLink(host, streams, systemClock);
    return undefined;
  }
  const { port } = await listenLinks({ host, bind: '127.0.0.1:0', clock: systemClock });
  return `127.0.0.1:${port}`;
}

const calls = {
  start,
  /** Starts the streams of the referent, whose receiver must be there first. */
  go: () => startBare(),
  counts: (): EmitterCounts => ({ wakes, splits, tokens, paceSlipSeconds: driver?.counters.paceSlipSeconds ?? 0 }),
  clockOffset: () => clockOffsetMicros(),
};

export type EmitterCalls = typeof calls;
serveCalls(calls);
