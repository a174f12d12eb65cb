/**
 * Hand-written coder of `reticle.engine.v1.StepFrame` inside its `LinkResponse` envelope: one columnar
 * message per decode step and link, about 11 bytes per token (PERFORMANCE H1, H2, H14). The writer and
 * the reader reuse their columns; nothing is allocated per token or per row.
 */
import { ByteColumn, VarintCursor, varintSize, writeVarint } from './varint.ts';

/** `LinkResponse.step`, field 5, length-delimited. */
const STEP_TAG = 0x2a;

const Field = {
  step: 1,
  micros: 2,
  lane: 3,
  firstOffset: 4,
  tokenCount: 5,
  tokenId: 6,
  textLength: 7,
  text: 8,
  items: 9,
} as const;

/** `reticle.session.v1.ItemMark` as the link carries it; `kind` is the wire's `ItemKind` number. */
export type WireItemMark = {
  readonly turnId: string;
  readonly itemIndex: number;
  readonly kind: number;
  readonly atOffset: number;
  readonly closed: boolean;
  readonly itemId: string;
  readonly callId: string;
  readonly toolName: string;
};

/** A row: `count` tokens of `lane` from `firstOffset`; ids and lengths start at `at` of their arrays. */
export type StepRow = {
  readonly lane: number;
  readonly firstOffset: number;
  readonly count: number;
  readonly ids: Uint32Array;
  readonly lengths: Uint32Array;
  readonly at: number;
  readonly text: Uint8Array;
  readonly textStart: number;
  readonly textEnd: number;
};

export class StepFrameWriter {
  #step = 0;
  #micros = 0;
  #rows = 0;
  #tokens = 0;
  readonly #lane = new ByteColumn();
  readonly #firstOffset = new ByteColumn();
  readonly #tokenCount = new ByteColumn();
  readonly #tokenId = new ByteColumn(4096);
  readonly #textLength = new ByteColumn();
  readonly #text = new ByteColumn(8192);
  readonly #items = new ByteColumn();

  /** Starts a frame; whatever an unfinished one held is dropped. */
  begin(step: number, micros: number): void {
    this.#step = step;
    this.#micros = micros >>> 0;
    this.#rows = 0;
    this.#tokens = 0;
    for (const column of this.#columns()) column.clear();
  }

  get rows(): number {
    return this.#rows;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** True when nothing was added since `begin`. */
  get empty(): boolean {
    return this.#rows === 0 && this.#items.length === 0;
  }

  /** Due time of the frame's newest token, µs modulo 2^32. */
  set micros(value: number) {
    this.#micros = value >>> 0;
  }

  row(row: StepRow): void {
    const end = row.at + row.count;
    this.#lane.varint(row.lane);
    this.#firstOffset.varint(row.firstOffset);
    this.#tokenCount.varint(row.count);
    for (let index = row.at; index < end; index++) {
      this.#tokenId.varint(row.ids[index] as number);
      this.#textLength.varint(row.lengths[index] as number);
    }
    this.#text.append(row.text, row.textStart, row.textEnd);
    this.#rows += 1;
    this.#tokens += row.count;
  }

  /** An item opens or closes on a lane. */
  item(lane: number, mark: WireItemMark): void {
    const encoded = encodeLaneItem(lane, mark);
    this.#items.varint((Field.items << 3) | 2);
    this.#items.varint(encoded.length);
    this.#items.append(encoded, 0, encoded.length);
  }

  /** The bytes of `LinkResponse{step}`; the caller owns them. */
  finish(): Uint8Array {
    const countColumn = this.#tokens === this.#rows ? 0 : this.#tokenCount.length;
    const body =
      wideField(this.#step) +
      scalarSize(this.#micros) +
      packedSize(this.#lane.length) +
      packedSize(this.#firstOffset.length) +
      packedSize(countColumn) +
      packedSize(this.#tokenId.length) +
      packedSize(this.#textLength.length) +
      packedSize(this.#text.length) +
      this.#items.length;
    const bytes = Buffer.allocUnsafe(1 + varintSize(body) + body);
    bytes[0] = STEP_TAG;
    let at = writeVarint(bytes, 1, body);
    at = writeWide(bytes, at, Field.step, this.#step);
    if (this.#micros !== 0) {
      bytes[at++] = Field.micros << 3;
      at = writeVarint(bytes, at, this.#micros);
    }
    at = writeColumn(bytes, at, Field.lane, this.#lane);
    at = writeColumn(bytes, at, Field.firstOffset, this.#firstOffset);
    if (countColumn > 0) at = writeColumn(bytes, at, Field.tokenCount, this.#tokenCount);
    at = writeColumn(bytes, at, Field.tokenId, this.#tokenId);
    at = writeColumn(bytes, at, Field.textLength, this.#textLength);
    at = writeColumn(bytes, at, Field.text, this.#text);
    bytes.set(this.#items.bytes.subarray(0, this.#items.length), at);
    return bytes;
  }

  #columns(): ByteColumn[] {
    return [this.#lane, this.#firstOffset, this.#tokenCount, this.#tokenId, this.#textLength, this.#text, this.#items];
  }
}

function scalarSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function packedSize(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

function wideField(value: number): number {
  if (value === 0) return 0;
  let size = 1;
  for (let rest = value; rest >= 1; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function writeWide(bytes: Uint8Array, start: number, field: number, value: number): number {
  if (value === 0) return start;
  let at = start;
  bytes[at++] = field << 3;
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

function writeColumn(bytes: Uint8Array, start: number, field: number, column: ByteColumn): number {
  if (column.length === 0) return start;
  bytes[start] = (field << 3) | 2;
  const at = writeVarint(bytes, start + 1, column.length);
  bytes.set(column.bytes.subarray(0, column.length), at);
  return at + column.length;
}

function encodeLaneItem(lane: number, mark: WireItemMark): Uint8Array {
  const inner = new ByteColumn(64);
  text(inner, 1, mark.turnId);
  scalar(inner, 2, mark.itemIndex);
  scalar(inner, 3, mark.kind);
  scalar(inner, 4, mark.atOffset);
  scalar(inner, 5, mark.closed ? 1 : 0);
  text(inner, 6, mark.itemId);
  text(inner, 7, mark.callId);
  text(inner, 8, mark.toolName);
  const outer = new ByteColumn(64);
  scalar(outer, 1, lane);
  outer.varint((2 << 3) | 2);
  outer.varint(inner.length);
  outer.append(inner.bytes, 0, inner.length);
  return outer.bytes.subarray(0, outer.length);
}

function scalar(column: ByteColumn, field: number, value: number): void {
  if (value === 0) return;
  column.varint(field << 3);
  column.varint(value);
}

function text(column: ByteColumn, field: number, value: string): void {
  if (value === '') return;
  const bytes = Buffer.from(value, 'utf8');
  column.varint((field << 3) | 2);
  column.varint(bytes.length);
  column.append(bytes, 0, bytes.length);
}

/** Columns of one frame, valid until the next `read`. A malformed frame throws `RangeError`. */
export class StepFrameReader {
  step = 0;
  micros = 0;
  rows = 0;
  tokens = 0;
  lane = new Uint32Array(64);
  firstOffset = new Uint32Array(64);
  tokenCount = new Uint32Array(64);
  tokenIds = new Uint32Array(1024);
  textLengths = new Uint32Array(1024);
  /** The frame's own bytes; its text is [textStart, textEnd). */
  text: Uint8Array = new Uint8Array(0);
  textStart = 0;
  textEnd = 0;
  items: { lane: number; mark: WireItemMark }[] = [];
  readonly #cursor = new VarintCursor();

  /** False when the bytes are a `LinkResponse` of another kind; nothing is changed then. */
  read(bytes: Uint8Array): boolean {
    if (bytes[0] !== STEP_TAG) return false;
    const cursor = this.#cursor;
    cursor.reset(bytes);
    cursor.at = 1;
    cursor.end = cursor.lengthDelimited();
    this.#reset(bytes);
    let counts = 0;
    let offsets = 0;
    let lengths = 0;
    while (cursor.at < cursor.end) {
      const tag = cursor.uint32();
      const field = tag >>> 3;
      if (field === Field.lane) [this.lane, this.rows] = this.#column(tag, this.lane);
      else if (field === Field.firstOffset) [this.firstOffset, offsets] = this.#column(tag, this.firstOffset);
      else if (field === Field.tokenCount) [this.tokenCount, counts] = this.#column(tag, this.tokenCount);
      else if (field === Field.tokenId) [this.tokenIds, this.tokens] = this.#column(tag, this.tokenIds);
      else if (field === Field.textLength) [this.textLengths, lengths] = this.#column(tag, this.textLengths);
      else this.#scalarField(tag);
    }
    this.#check(offsets, counts, lengths);
    return true;
  }

  #reset(bytes: Uint8Array): void {
    this.step = 0;
    this.micros = 0;
    this.rows = 0;
    this.tokens = 0;
    this.text = bytes;
    this.textStart = 0;
    this.textEnd = 0;
    if (this.items.length > 0) this.items = [];
  }

  #scalarField(tag: number): void {
    const cursor = this.#cursor;
    const field = tag >>> 3;
    if (field === Field.step) this.step = cursor.uint53();
    else if (field === Field.micros) this.micros = cursor.uint32();
    else if (field === Field.text) {
      const end = cursor.lengthDelimited();
      this.textStart = cursor.at;
      this.textEnd = end;
      cursor.at = end;
    } else if (field === Field.items) this.items.push(readLaneItem(cursor));
    else cursor.skip(tag & 7);
  }

  /** A packed column into `into`, grown when needed; returns the array and the entries read. */
  #column(tag: number, into: Uint32Array<ArrayBuffer>): [Uint32Array<ArrayBuffer>, number] {
    if ((tag & 7) !== 2) throw new RangeError('column is not packed');
    const cursor = this.#cursor;
    const end = cursor.lengthDelimited();
    let target = into;
    if (end - cursor.at > target.length) target = new Uint32Array(Math.max(end - cursor.at, target.length * 2));
    let count = 0;
    while (cursor.at < end) target[count++] = cursor.uint32();
    if (cursor.at !== end) throw new RangeError('column ends inside a varint');
    return [target, count];
  }

  #check(offsets: number, counts: number, lengths: number): void {
    if (offsets !== this.rows || lengths !== this.tokens) throw new RangeError('columns differ in length');
    if (counts === 0) {
      if (this.rows > this.tokenCount.length) this.tokenCount = new Uint32Array(this.rows * 2);
      this.tokenCount.fill(1, 0, this.rows);
    } else if (counts !== this.rows) throw new RangeError('columns differ in length');
    let tokens = 0;
    for (let row = 0; row < this.rows; row++) tokens += this.tokenCount[row] as number;
    let bytes = 0;
    for (let token = 0; token < this.tokens; token++) bytes += this.textLengths[token] as number;
    if (tokens !== this.tokens || bytes !== this.textEnd - this.textStart)
      throw new RangeError('row counts do not add up');
  }
}

function readLaneItem(cursor: VarintCursor): { lane: number; mark: WireItemMark } {
  const end = cursor.lengthDelimited();
  let lane = 0;
  let mark: WireItemMark = readItemMark(cursor, cursor.at);
  while (cursor.at < end) {
    const tag = cursor.uint32();
    if (tag === 8) lane = cursor.uint32();
    else if (tag === 18) mark = readItemMark(cursor, cursor.lengthDelimited());
    else cursor.skip(tag & 7);
  }
  return { lane, mark };
}

function readItemMark(cursor: VarintCursor, end: number): WireItemMark {
  const numbers = Array.from({ length: 6 }, () => 0);
  const texts = Array.from({ length: 9 }, () => '');
  while (cursor.at < end) {
    const tag = cursor.uint32();
    const field = tag >>> 3;
    if ((tag & 7) === 0 && field >= 2 && field <= 5) numbers[field] = cursor.uint32();
    else if ((tag & 7) === 2 && field <= 8) {
      const stop = cursor.lengthDelimited();
      texts[field] = Buffer.from(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.at, stop - cursor.at).toString(
        'utf8',
      );
      cursor.at = stop;
    } else cursor.skip(tag & 7);
  }
  return {
    turnId: texts[1] as string,
    itemIndex: numbers[2] as number,
    kind: numbers[3] as number,
    atOffset: numbers[4] as number,
    closed: numbers[5] === 1,
    itemId: texts[6] as string,
    callId: texts[7] as string,
    toolName: texts[8] as string,
  };
}
