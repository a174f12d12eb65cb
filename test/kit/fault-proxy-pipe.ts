import type { Socket } from 'node:net';
import { type Border, Http2Borders, messageFrame } from './http2-borders.ts';

/** What one direction of a wire does to the bytes on it. Absent: nothing. */
export type Toxics = {
  /** Each chunk arrives this much later, give or take `jitterMs`; order is kept. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Chunks arrive in pieces of at most this many bytes, `sliceDelayMs` apart (default: one turn of the loop). */
  readonly sliceBytes?: number;
  readonly sliceDelayMs?: number;
  /** Holds everything back, as lost packets that are sent again and again; cleared, it all arrives. */
  readonly stall?: boolean;
  /** Takes bytes and forgets them. A wire that lost bytes is reset when this is cleared: TCP has no holes. */
  readonly drop?: boolean;
  /** The end of the stream arrives this much later. */
  readonly slowCloseMs?: number;
  /** After so many bytes of this direction both ends are closed. */
  readonly limitBytes?: number;
};

/** What ends a wire at one byte of one direction. */
export type EndingFault =
  /** Both ends see a reset. */
  | 'reset'
  /** Both ends see a proper end of the stream. */
  | 'close'
  /** Nothing arrives any more in either direction, and nothing says so. */
  | 'blackhole'
  /** The receiver of this direction sees a reset; its sender keeps an open socket on which nothing happens. */
  | 'half-open';

/** What is wrong on a wire that goes on. Garbage waits for a border, since HTTP/2 has no sum that tells a changed byte. */
export type GarblingFault =
  /** One bit of the byte is flipped. */
  | 'garble'
  /** Bytes that are no frame come in between two HTTP/2 frames, at the byte or as soon after it as there is a border. */
  | 'garbage'
  /** A frame that is right brings a gRPC message that is none, between two of an open stream. */
  | 'garbage-message';

export type WireFault = EndingFault | GarblingFault;

const garbling: readonly string[] = ['garble', 'garbage', 'garbage-message'] satisfies GarblingFault[];

function isGarbling(fault: WireFault): fault is GarblingFault {
  return garbling.includes(fault);
}

/** Taken as a frame its length is past every bound; taken as a message it is a tag without an end. */
const GARBAGE = Buffer.alloc(24, 0xff);

/** A fault at a byte: the first `afterBytes` from now pass untouched. */
export type Trip = { readonly afterBytes: number; readonly fault: WireFault };

export type PipeOptions = {
  readonly source: Socket;
  readonly target: Socket;
  readonly toxics: Toxics;
  /** 0 ≤ x < 1; for jitter. */
  readonly unit: () => number;
  readonly onTrip: (fault: EndingFault) => void;
};

type Piece = { readonly bytes: Buffer; readonly dueMs: number };

/** Bytes that may wait inside a pipe before its source is paused. */
const HELD_BYTES_MAX = 256 * 1024;
/** Pieces per second that a bandwidth bound is spread over. */
const BANDWIDTH_PIECES = 50;

/**
 * One direction of a wire.
 *
 * Invariants
 * 1. What arrives is a prefix of what was sent, but for what a garbling fault does; nothing overtakes.
 * 2. At most `HELD_BYTES_MAX` and one chunk wait inside: beyond that the source feels back-pressure.
 */
export class FaultPipe {
  readonly #options: PipeOptions;
  readonly #borders = new Http2Borders();
  #toxics: Toxics;
  #queue: Piece[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #finished = false;
  #dead = false;
  #lostBytes = 0;
  #trip: { atByte: number; fault: WireFault } | undefined;
  /** Bytes that left the pipe towards the target. */
  passedBytes = 0;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#toxics = options.toxics;
    this.#limit();
    const { source, target } = options;
    source.on('data', (bytes: Buffer) => this.#take(bytes));
    source.on('end', () => this.#sourceEnded());
    target.on('drain', () => this.#pump());
  }

  /** True when bytes of this direction were dropped. */
  get lost(): boolean {
    return this.#lostBytes > 0;
  }

  /** True while a fault waits for its byte. */
  get armed(): boolean {
    return this.#trip !== undefined;
  }

  disarm(): void {
    this.#trip = undefined;
  }

  set(toxics: Toxics): void {
    this.#toxics = toxics;
    this.#limit();
    // What waited under the toxics of before is due at once.
    if (toxics.stall !== true) this.#queue = this.#queue.map(({ bytes }) => ({ bytes, dueMs: 0 }));
    this.#lastDueMs = 0;
    this.#pump();
  }

  trip({ afterBytes, fault }: Trip): void {
    this.#trip = { atByte: this.passedBytes + afterBytes, fault };
    if (afterBytes === 0 && !isGarbling(fault)) this.#tripped(fault);
  }

  /** Reads on and forgets, for ever. */
  swallow(): void {
    this.#dead = true;
    this.#queue = [];
    clearTimeout(this.#timer);
    this.#options.source.resume();
  }

  #limit(): void {
    const { limitBytes } = this.#toxics;
    if (limitBytes !== undefined) this.#trip = { atByte: limitBytes, fault: 'close' };
  }

  #take(bytes: Buffer): void {
    if (this.#dead) return;
    if (this.#toxics.drop === true) {
      this.#lostBytes += bytes.length;
      return;
    }
    for (const piece of this.#slices(bytes)) this.#queue.push({ bytes: piece, dueMs: this.#dueMs(piece.length) });
    this.#heldBytes += bytes.length;
    this.#pump();
    if (this.#heldBytes > HELD_BYTES_MAX) this.#options.source.pause();
  }

  #slices(bytes: Buffer): Buffer[] {
    const { sliceBytes, bytesPerSecond } = this.#toxics;
    const size = sliceBytes ?? (bytesPerSecond === undefined ? bytes.length : bytesPerSecond / BANDWIDTH_PIECES);
    const step = Math.max(1, Math.ceil(size));
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.subarray(at, at + step));
    return pieces;
  }

  /** When a piece of this length is due, after everything before it. 0: at once. */
  #dueMs(length: number): number {
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond, sliceBytes, sliceDelayMs = 0 } = this.#toxics;
    if (latencyMs === 0 && jitterMs === 0 && bytesPerSecond === undefined && sliceBytes === undefined) return 0;
    const delayMs = Math.max(0, latencyMs + jitterMs * (2 * this.#options.unit() - 1));
    const busyMs = bytesPerSecond === undefined ? sliceDelayMs : (1_000 * length) / bytesPerSecond;
    this.#lastDueMs = Math.max(this.#lastDueMs + busyMs, performance.now() + delayMs);
    return this.#lastDueMs;
  }

  #pump(): void {
    clearTimeout(this.#timer);
    const { target, source } = this.#options;
    while (!this.#dead && this.#toxics.stall !== true && !target.writableNeedDrain) {
      const [head] = this.#queue;
      if (head === undefined) break;
      const waitMs = head.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#heldBytes -= head.bytes.length;
      this.#pass(head.bytes);
      // A slice is a segment of its own, so the next one waits for the loop.
      if (this.#toxics.sliceBytes !== undefined) {
        this.#timer = setTimeout(() => this.#pump(), 0);
        break;
      }
    }
    if (this.#heldBytes <= HELD_BYTES_MAX) source.resume();
    if (this.#ended && this.#queue.length === 0) this.#finish();
  }

  #pass(bytes: Buffer): void {
    const { target } = this.#options;
    const borders = this.#borders.read(bytes);
    const trip = this.#trip;
    const first = trip === undefined ? bytes.length : trip.atByte - this.passedBytes;
    if (trip === undefined || first > bytes.length) {
      this.passedBytes += bytes.length;
      target.write(bytes);
    } else if (isGarbling(trip.fault)) {
      const bad = garbled(bytes, { fault: trip.fault, first, borders });
      if (bad !== undefined) this.#trip = undefined;
      this.passedBytes += bytes.length;
      target.write(bad ?? bytes);
    } else {
      const { fault } = trip;
      this.#dead = true;
      this.passedBytes += first;
      // The fault comes when these bytes are out: a reset at once would take them along.
      target.write(bytes.subarray(0, first), () => this.#tripped(fault));
    }
  }

  #tripped(fault: EndingFault): void {
    this.#trip = undefined;
    this.#options.onTrip(fault);
  }

  #sourceEnded(): void {
    this.#ended = true;
    if (this.#queue.length === 0) this.#finish();
  }

  #finish(): void {
    if (this.#finished || this.#dead) return;
    this.#finished = true;
    const { slowCloseMs } = this.#toxics;
    if (slowCloseMs === undefined) this.#options.target.end();
    else this.#timer = setTimeout(() => this.#options.target.end(), slowCloseMs);
  }

  close(): void {
    this.#dead = true;
    this.#queue = [];
    clearTimeout(this.#timer);
  }
}

type Garbling = { readonly fault: GarblingFault; readonly first: number; readonly borders: readonly Border[] };

/** These bytes with the fault in them; undefined when it has no place there. */
function garbled(bytes: Buffer, { fault, first, borders }: Garbling): Buffer | undefined {
  if (fault === 'garble') {
    if (first >= bytes.length) return undefined;
    const bad = Buffer.from(bytes);
    bad[first] = (bad[first] as number) ^ 0x10;
    return bad;
  }
  const border = borders.find(({ at, stream }) => at >= first && (fault === 'garbage' || stream !== undefined));
  if (border === undefined) return undefined;
  const { at, stream = 0 } = border;
  const inserted = fault === 'garbage' ? GARBAGE : messageFrame(stream, GARBAGE);
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}
