/**
 * Referent of the front door: the events of a response without anything behind them. It answers every POST with a head of
 * the form that ours has, then writes the text of seed 0 at a constant pace, one event per stream and wake, in HTTP/1.1
 * chunks straight to the socket.
 */
import { createServer, type Socket } from 'node:net';
import { BENCH_DIGEST, BENCH_INPUT_IDS } from '../rig/bench-flat.ts';
import { monotonicMicros, serveCalls } from '../rig/calls.ts';
import { listenAnywhere } from '../rig/listen.ts';
import { Stamps, type StampedStreams } from '../rig/stamps.ts';
import { ORACLE_TOKEN_BYTES, TurnOracle } from '../rig/turn-oracle.ts';

export type BareSseOrder = {
  readonly tokensPerSecond: number;
  /** Tokens of one stream that the run can use up. */
  readonly tokensMax: number;
};

type Stream = { readonly number: number; readonly socket: Socket; readonly startMs: number; sent: number };

const WAKE_MS = 1;
const SLOTS = 64;
const QUESTION = /bench-(\d+)/;
const HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-store\r\n' +
  'transfer-encoding: chunked\r\n\r\n';
const EVENT = 'response.output_text.delta';
/** As long as our own: an item's id is its turn's. */
const ITEM_ID = `msg_${'a'.repeat(26)}`;
const DELTA_HEAD = `{"type":"${EVENT}","item_id":"${ITEM_ID}","output_index":0,"content_index":0,"logprobs":[],"sequence_number":`;

const stamps = new Stamps();
const streams = new Set<Stream>();
let order: BareSseOrder = { tokensPerSecond: 1, tokensMax: 0 };
let text = Buffer.alloc(0);

/** One delta as a chunk, with the fields of PROTOCOL §4.2. */
function chunkOf(from: number, end: number): string {
  const number = end * SLOTS;
  const delta = text.toString('utf8', from * ORACLE_TOKEN_BYTES, end * ORACLE_TOKEN_BYTES);
  const event = `event: ${EVENT}\nid: ${number}\ndata: ${DELTA_HEAD}${number},"delta":"${delta}"}\n\n`;
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
}

/** A token whose last character goes on in the next one waits for it. */
function wholeUpTo(end: number): number {
  const isBorder = ((text[end * ORACLE_TOKEN_BYTES] ?? 0) & 0xc0) !== 0x80;
  return isBorder ? end : end - 1;
}

function emit(stream: Stream): void {
  const elapsedMs = performance.now() - stream.startMs;
  const due = Math.min(order.tokensMax, Math.floor((elapsedMs * order.tokensPerSecond) / 1000));
  const end = wholeUpTo(due);
  if (end <= stream.sent) return;
  const chunk = chunkOf(stream.sent, end);
  stream.sent = end;
  stamps.note(stream.number, end, monotonicMicros());
  stream.socket.write(chunk);
}

function serve(socket: Socket): void {
  let request = '';
  let stream: Stream | undefined;
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    const asked = QUESTION.exec(request)?.[1];
    if (asked === undefined || stream !== undefined) return;
    stream = { number: Number(asked), socket, startMs: performance.now(), sent: 0 };
    socket.write(HEAD);
    streams.add(stream);
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    if (stream !== undefined) streams.delete(stream);
  });
}

/** Absolute grid: a late wake does not lower the rate. */
function wakeAt(dueMs: number): void {
  setTimeout(
    () => {
      for (const stream of streams) emit(stream);
      wakeAt(Math.max(dueMs + WAKE_MS, performance.now()));
    },
    Math.max(0, dueMs - performance.now()),
  );
}

const calls = {
  /** Resolves to `host:port`. */
  start(asked: BareSseOrder): Promise<string> {
    order = asked;
    const oracle = new TurnOracle({ modelDigest: BENCH_DIGEST, seed: 0, inputIds: BENCH_INPUT_IDS });
    text = Buffer.from(oracle.write(0, asked.tokensMax));
    const server = createServer({ noDelay: true }, serve);
    wakeAt(performance.now() + WAKE_MS);
    return listenAnywhere(server);
  },
  record: (): void => stamps.begin(),
  stamps: (): StampedStreams => stamps.take(),
};

export type BareSseEmitterCalls = typeof calls;
serveCalls(calls);
