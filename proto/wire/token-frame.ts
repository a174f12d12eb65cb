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

/** Consecutive tokens of one turn; ids and lengths start at `at`, text is [textStart, textEnd). */
export type WireTokenRun = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  readonly itemIndex: number;
  /** Due time of the newest token at the engine, µs modulo 2^32. */
  readonly engineMicros: number;
  readonly ids: Uint32Array;
  readonly lengths: Uint32Array;
  readonly at: number;
  readonly text: Uint8Array;
  readonly textStart: number;
  readonly textEnd: number;
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
  encode(run: WireTokenRun, options: TokenFrameOptions): Uint8Array {
    const end = run.at + run.tokenCount;
    const idBytes = options.includeTokenIds ? packedBytes(run.ids, run.at, end) : 0;
    const textBytes = options.omitText ? 0 : run.textEnd - run.textStart;
    const lengthBytes = options.omitText || run.tokenCount === 1 ? 0 : packedBytes(run.lengths, run.at, end);
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
    bytes.set(this.#turn, at);
    at = writeScalar(bytes, at + this.#turn.length, Tag.firstOffset, run.firstOffset);
    at = writeScalar(bytes, at, Tag.tokenCount, run.tokenCount);
    if (idBytes > 0) at = writePacked(writeHeader(bytes, at, Tag.tokenIds, idBytes), run.ids, run);
    if (textBytes > 0) {
      at = writeHeader(bytes, at, Tag.text, textBytes).at;
      bytes.set(run.text.subarray(run.textStart, run.textEnd), at);
      at += textBytes;
    }
    if (lengthBytes > 0) at = writePacked(writeHeader(bytes, at, Tag.textLengths, lengthBytes), run.lengths, run);
    at = writeScalar(bytes, at, Tag.itemIndex, run.itemIndex);
    writeScalar(bytes, at, Tag.engineMicros, run.engineMicros);
    return bytes;
  }
}

function packedBytes(values: Uint32Array, start: number, end: number): number {
  let size = 0;
  for (let index = start; index < end; index++) size += varintSize(values[index] as number);
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

function writeHeader(bytes: Uint8Array, at: number, tag: number, length: number): { bytes: Uint8Array; at: number } {
  bytes[at] = tag;
  return { bytes, at: writeVarint(bytes, at + 1, length) };
}

function writePacked(
  target: { bytes: Uint8Array; at: number },
  values: Uint32Array,
  run: { readonly at: number; readonly tokenCount: number },
): number {
  let at = target.at;
  for (let index = run.at; index < run.at + run.tokenCount; index++) {
    at = writeVarint(target.bytes, at, values[index] as number);
  }
  return at;
}
