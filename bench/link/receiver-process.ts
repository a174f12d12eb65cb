/** The receiving end of a link cell: a raw grpc-js client that checks every token of every stream. */
import { Client, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { linkServiceDefinition } from '@reticle/proto/load';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import { StepFrameReader } from '@reticle/proto/wire';
import { streamPerSessionDefinition } from '../referents/stream-per-session.ts';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { creditRequest, helloRequest, openRequest, startRequest } from '../rig/link-requests.ts';
import { faultsOf, TokenCheck, type Faults } from '../rig/token-check.ts';
import { TurnOracle } from '../rig/turn-oracle.ts';
import { Histogram } from '../statistics.ts';

export type ReceiverOrder = {
  readonly address: string;
  readonly streams: number;
  /** From the sender's `performance.now` in µs to the machine's monotonic clock. */
  readonly clockOffsetMicros: number;
};

export type ReceiverCounts = Faults & {
  readonly monotonicMicros: number;
  readonly tokens: number;
  /** Messages that carried tokens, and their bytes. */
  readonly frames: number;
  readonly bytes: number;
  /** Newest-token delay per frame, µs; counts of a Histogram. */
  readonly newestCounts: Float64Array;
};

const CREDIT_EVERY_MS = 100;
const LINK_WINDOW_BYTES = 4 * 1024 * 1024;
const identity = (bytes: Buffer): Buffer => bytes;

let checks: TokenCheck[] = [];
let offsetMicros = 0;
let tokens = 0;
let frames = 0;
let bytesSeen = 0;
let newest = new Histogram();
const reader = new StepFrameReader();

function prepare({ streams, clockOffsetMicros }: ReceiverOrder): void {
  offsetMicros = clockOffsetMicros;
  checks = Array.from({ length: streams }, (_, stream) => {
    return new TokenCheck(new TurnOracle({ modelDigest: BENCH_DIGEST, seed: stream, inputIds: BENCH_INPUT_IDS }));
  });
}

function clientOf(address: string): Client {
  return new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc-node.flow_control_window': LINK_WINDOW_BYTES,
  });
}

/** False when the message is no step frame. */
function take(message: Buffer): boolean {
  if (!reader.read(message)) return false;
  let at = reader.textStart;
  let token = 0;
  for (let row = 0; row < reader.rows; row += 1) {
    const count = reader.tokenCount[row] as number;
    checks[(reader.lane[row] as number) - 1]?.take(reader.firstOffset[row] as number, count, reader.text, at);
    for (const end = token + count; token < end; token += 1) at += reader.textLengths[token] as number;
  }
  if (reader.tokens === 0) return true;
  tokens += reader.tokens;
  frames += 1;
  bytesSeen += message.length;
  // Both clocks modulo 2^32 µs; the difference is small and signed.
  newest.record((monotonicMicros() - offsetMicros - reader.micros) | 0);
  return true;
}

/** Opens the link, all sessions and all turns; resolves when every turn is told to start. */
async function receiveLink(order: ReceiverOrder): Promise<void> {
  prepare(order);
  const { Link } = linkServiceDefinition();
  const call: ClientDuplexStream<LinkRequest__Input, Buffer> = clientOf(order.address).makeBidiStreamRequest(
    Link.path,
    Link.requestSerialize as (request: LinkRequest__Input) => Buffer,
    identity,
  );
  const control = Link.responseDeserialize;
  let opened = 0;
  let started = 0;
  await new Promise<void>((resolve, reject) => {
    call.on('error', reject);
    call.on('data', (message: Buffer) => {
      if (take(message)) return;
      const response = control(message);
      if (response.fault) reject(new Error(`fault: ${JSON.stringify(response.fault)}`));
      if (response.opened) opened += 1;
      if (response.started) started += 1;
      if (response.opened && opened === order.streams) {
        for (let stream = 0; stream < order.streams; stream += 1) call.write(startRequest(stream));
      }
      if (response.started && started === order.streams) resolve();
    });
    call.write(helloRequest());
    for (let stream = 0; stream < order.streams; stream += 1) call.write(openRequest(stream));
  });
  setInterval(() => call.write(creditRequest(checks.map((check) => check.next))), CREDIT_EVERY_MS);
}

/** Opens one call per stream; resolves when the server has all of them. */
async function receiveStreamPerSession(order: ReceiverOrder): Promise<void> {
  prepare(order);
  const client = clientOf(order.address);
  const { path } = streamPerSessionDefinition.stream;
  const ready = checks.map((_, stream) => {
    const request = Buffer.alloc(4);
    request.writeUInt32LE(stream);
    const call = client.makeServerStreamRequest(path, identity, identity, request);
    call.on('data', take);
    return new Promise<void>((resolve, reject) => {
      call.on('error', reject);
      call.on('metadata', () => resolve());
    });
  });
  await Promise.all(ready);
}

const calls = {
  receiveLink,
  receiveStreamPerSession,
  /** Counts since the start; the delays since the last call. */
  counts: (): ReceiverCounts => {
    const newestCounts = newest.counts;
    newest = new Histogram();
    return { ...faultsOf(checks), monotonicMicros: monotonicMicros(), tokens, frames, bytes: bytesSeen, newestCounts };
  },
};

export type ReceiverCalls = typeof calls;
serveCalls(calls);
