/**
 * Hand-written encoder of `reticle.session.v1.TokenFrame` inside the envelope of its stream. The constant
 * bytes (turn id) are made once per turn; a frame is prefix + varints + text (PERFORMANCE H6, H14).
 */
import { varintSize, writeVarint } from './varint.ts';

/** `ConverseResponse.token_frame` is field 4, `ReplayTurnResponse.token_frame` field 2; both length-delimited. */
const ENVELOPE_TAG = { converse: 0x22, replay: 0x12 } as const;

const Tag = {
  turnId: 0x0a,
  firstOffset: 0x10,
  tokenCount: 0x18,
  tokenIds: 0x22,
  text: 0x2a,
  textLengths: 0x32,
  itemIndex: 0x38,
  engineMicros: 0x40,
} as const;

/** Consecutive tokens of one turn: ids from `idsAt` on, and where their texts end from `textEndsAt` on. */
export type WireTokenRun = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  readonly itemIndex: number;
  /** Due time of the newest token at the engine, µs modulo 2^32. */
  readonly engineMicros: number;
  readonly ids: Uint32Array;
  readonly idsAt: number;
  readonly text: Uint8Array;
  /** Of the first token. */
  readonly textStart: number;
  readonly textEnds: Uint32Array;
  readonly textEndsAt: number;
};

export type TokenFrameOptions = { readonly includeTokenIds: boolean; readonly omitText: boolean };

export class TokenFrameWriter {
  readonly #envelope: number;
  /** Tag, length and bytes of the turn id. */
  readonly #turn: Uint8Array;

  constructor(turnId: string, envelope: keyof typeof ENVELOPE_TAG) {
    this.#envelope = ENVELOPE_TAG[envelope];
    const id = Buffer.from(turnId, 'utf8');
    this.#turn = Buffer.concat([Buffer.from([Tag.turnId, id.length]), id]);
  }

  /** The bytes of one message of the stream; the caller owns them. */
  encode(run: WireTokenRun, options: TokenFrameOptions): Buffer {
    const textEnd = run.textEnds[run.textEndsAt + run.tokenCount - 1] as number;
    const idBytes = options.includeTokenIds ? idsSize(run) : 0;
    const textBytes = options.omitText ? 0 : textEnd - run.textStart;
    const lengthBytes = options.omitText || run.tokenCount === 1 ? 0 : lengthsSize(run);
    const body =
      this.#turn.length +
      scalarSize(run.firstOffset) +
      scalarSize(run.tokenCount) +
      packedSize(idBytes) +
      packedSize(textBytes) +
      packedSize(lengthBytes) +
      scalarSize(run.itemIndex) +
      scalarSize(run.engineMicros);
    const bytes = Buffer.allocUnsafe(1 + varintSize(body) + body);
    bytes[0] = this.#envelope;
    let at = writeVarint(bytes, 1, body);
    at = copy(this.#turn, { from: 0, to: this.#turn.length }, bytes, at);
    at = writeScalar(bytes, at, Tag.firstOffset, run.firstOffset);
    at = writeScalar(bytes, at, Tag.tokenCount, run.tokenCount);
    if (idBytes > 0) at = writeIds(bytes, writeHeader(bytes, at, Tag.tokenIds, idBytes), run);
    if (textBytes > 0) {
      at = writeHeader(bytes, at, Tag.text, textBytes);
      at = copy(run.text, { from: run.textStart, to: textEnd }, bytes, at);
    }
    if (lengthBytes > 0) at = writeLengths(bytes, writeHeader(bytes, at, Tag.textLengths, lengthBytes), run);
    at = writeScalar(bytes, at, Tag.itemIndex, run.itemIndex);
    writeScalar(bytes, at, Tag.engineMicros, run.engineMicros);
    return bytes;
  }
}

/** Below this many bytes a loop beats the view that `set` needs. */
const SMALL_COPY = 128;

function copy(source: Uint8Array, part: { from: number; to: number }, target: Uint8Array, at: number): number {
  const { from, to } = part;
  const count = to - from;
  if (count > SMALL_COPY) target.set(source.subarray(from, to), at);
  else for (let index = 0; index < count; index++) target[at + index] = source[from + index] as number;
  return at + count;
}

function idsSize({ ids, idsAt: at, tokenCount }: WireTokenRun): number {
  let size = 0;
  for (let index = at; index < at + tokenCount; index++) size += varintSize(ids[index] as number);
  return size;
}

function lengthsSize({ textEnds, textStart, textEndsAt: at, tokenCount }: WireTokenRun): number {
  let size = 0;
  let start = textStart;
  for (let index = at; index < at + tokenCount; index++) {
    const end = textEnds[index] as number;
    size += varintSize(end - start);
    start = end;
  }
  return size;
}

function packedSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function scalarSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value >>> 0);
}

function writeScalar(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return writeVarint(bytes, at + 1, value);
}

function writeHeader(bytes: Uint8Array, at: number, tag: number, length: number): number {
  bytes[at] = tag;
  return writeVarint(bytes, at + 1, length);
}

function writeIds(target: Uint8Array, start: number, { ids, idsAt: at, tokenCount }: WireTokenRun): number {
  let next = start;
  for (let index = at; index < at + tokenCount; index++) next = writeVarint(target, next, ids[index] as number);
  return next;
}

function writeLengths(target: Uint8Array, start: number, run: WireTokenRun): number {
  const { textEnds, textStart, textEndsAt: at, tokenCount } = run;
  let next = start;
  let from = textStart;
  for (let index = at; index < at + tokenCount; index++) {
    const end = textEnds[index] as number;
    next = writeVarint(target, next, end - from);
    from = end;
  }
  return next;
}
