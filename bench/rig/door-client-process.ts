/** The receiving end of the front door: streams over SSE, over lanes of WebSockets, or off an engine's link, every token checked. */
import { BENCH_DIGEST, BENCH_INPUT_IDS } from './bench-flat.ts';
import { askedOracle, createBody } from './asked-turn.ts';
import { monotonicMicros, serveCalls } from './calls.ts';
import { DeltaEvents, endingOf } from './delta-events.ts';
import { HttpStream } from './http-stream.ts';
import { LinkClient } from './link-client.ts';
import { Stamps, type StampedStreams } from './stamps.ts';
import { faultsOf, TokenCheck, type Faults } from './token-check.ts';
import { TurnOracle } from './turn-oracle.ts';
import { WebSocketClient } from './websocket-client.ts';

export type DoorTransport = 'sse' | 'websocket' | 'link';

export type DoorOrder = {
  readonly transport: DoorTransport;
  /** `host:port`; of the engine for `link`. */
  readonly address: string;
  readonly apiKey: string;
  readonly streams: number;
  /** Streams of one WebSocket. */
  readonly lanes: number;
  /** The text comes from a referent that answers every stream with the turn of seed 0. */
  readonly sameText: boolean;
};

export type DoorCounts = Faults & {
  readonly monotonicMicros: number;
  readonly tokens: number;
  readonly frames: number;
  /** Why streams ended, if any did. */
  readonly problems: readonly string[];
};

const PATH = '/v1/responses';
const stamps = new Stamps();
const checks: TokenCheck[] = [];
const problems: string[] = [];
let tokens = 0;
let frames = 0;

/** One stream's events; `first` is told once, with its first tokens. */
class Receiver {
  readonly first = Promise.withResolvers<void>();
  readonly #stream: number;
  readonly #deltas: DeltaEvents;

  constructor(stream: number, sameText: boolean) {
    this.#stream = stream;
    const same = { modelDigest: BENCH_DIGEST, seed: 0, inputIds: BENCH_INPUT_IDS };
    const check = new TokenCheck(sameText ? new TurnOracle(same) : askedOracle(stream));
    checks[stream] = check;
    this.#deltas = new DeltaEvents(check);
    this.first.promise.catch(() => {});
  }

  event(bytes: Buffer, from: number, to: number): void {
    if (!this.#deltas.take(bytes, from, to)) {
      const ending = endingOf(bytes.toString('utf8', from, to));
      if (ending !== undefined) this.fail(ending);
      return;
    }
    counted(this.#stream, this.#deltas.end, this.#deltas.tokens);
    this.first.resolve();
  }

  fail(problem: string): void {
    problems.push(problem);
    this.first.reject(new Error(problem));
  }
}

function counted(stream: number, end: number, count: number): void {
  tokens += count;
  frames += 1;
  stamps.note(stream, end, monotonicMicros());
}

async function runSse({ address, apiKey, streams, sameText }: DoorOrder): Promise<void> {
  const begun: Promise<void>[] = [];
  for (let stream = 0; stream < streams; stream += 1) {
    const receiver = new Receiver(stream, sameText);
    const connection = await HttpStream.open({ address });
    const answer = connection.request({
      method: 'POST',
      path: PATH,
      headers: headersOf(apiKey),
      body: JSON.stringify(createBody(stream)),
      event: (bytes, from, to) => receiver.event(bytes, from, to),
    });
    answer.then(
      (status) => receiver.fail(`the answer ended (${status})`),
      (error: unknown) => receiver.fail(String(error)),
    );
    begun.push(receiver.first.promise);
  }
  await Promise.all(begun);
}

async function runWebSocket({ address, apiKey, streams, lanes, sameText }: DoorOrder): Promise<void> {
  for (let from = 0; from < streams; from += lanes) {
    const receivers = Array.from({ length: Math.min(lanes, streams - from) }, (_, lane) => {
      return new Receiver(from + lane, sameText);
    });
    const socket = await WebSocketClient.open({
      address,
      path: PATH,
      headers: headersOf(apiKey),
      message: (bytes, at, to) => receivers[laneOf(bytes, to)]?.event(bytes, at, to),
      ended: (problem) => receivers[0]?.fail(problem),
    });
    for (const lane of receivers.keys()) {
      const create = { type: 'response.create', ...createBody(from + lane), stream_id: String(lane) };
      socket.send(JSON.stringify(create));
    }
    await Promise.all(receivers.map((receiver) => receiver.first.promise));
  }
}

/** An event of a lane ends in `"stream_id":"n"}`, n of one digit. */
function laneOf(bytes: Buffer, to: number): number {
  return (bytes[to - 3] as number) - 0x30;
}

async function runLink({ address, streams }: DoorOrder): Promise<void> {
  const linkChecks = Array.from({ length: streams }, (_, stream) => {
    const turn = { modelDigest: BENCH_DIGEST, seed: stream, inputIds: BENCH_INPUT_IDS };
    return new TokenCheck(new TurnOracle(turn));
  });
  checks.push(...linkChecks);
  await LinkClient.run({ address, checks: linkChecks, row: counted });
}

function headersOf(apiKey: string): Record<string, string> {
  return { authorization: `Bearer ${apiKey}`, traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` };
}

const runs = { sse: runSse, websocket: runWebSocket, link: runLink } as const;

const calls = {
  /** Resolves when every stream has its first tokens. */
  run: (order: DoorOrder): Promise<void> => runs[order.transport](order),
  record: (): void => stamps.begin(),
  /** What came since `record`. */
  stamps: (): StampedStreams => stamps.take(),
  counts: (): DoorCounts => ({ ...faultsOf(checks), monotonicMicros: monotonicMicros(), tokens, frames, problems }),
};

export type DoorClientCalls = typeof calls;
serveCalls(calls);
