/** The receiving end of a link cell: a raw grpc-js client that checks every token of every stream. */
import { StepFrameReader } from '@reticle/proto/wire';
import { streamPerSessionDefinition } from '../referents/stream-per-session.ts';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { checkRows, LinkClient, rawClient } from '../rig/link-client.ts';
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

function counted({ tokens: count, micros }: StepFrameReader, bytes: number): void {
  tokens += count;
  frames += 1;
  bytesSeen += bytes;
  // Both clocks modulo 2^32 µs; the difference is small and signed.
  newest.record((monotonicMicros() - offsetMicros - micros) | 0);
}

/** Opens the link, all sessions and all turns; resolves when every turn is told to start. */
async function receiveLink(order: ReceiverOrder): Promise<void> {
  prepare(order);
  await LinkClient.run({ address: order.address, checks, frame: counted });
}

/** Opens one call per stream; resolves when the server has all of them. */
async function receiveStreamPerSession(order: ReceiverOrder): Promise<void> {
  prepare(order);
  const client = rawClient(order.address);
  const { path } = streamPerSessionDefinition.stream;
  const ready = checks.map((_, stream) => {
    const request = Buffer.alloc(4);
    request.writeUInt32LE(stream);
    const call = client.makeServerStreamRequest(path, identity, identity, request);
    call.on('data', (message: Buffer) => {
      if (!reader.read(message) || reader.tokens === 0) return;
      checkRows(reader, checks);
      counted(reader, message.length);
    });
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
