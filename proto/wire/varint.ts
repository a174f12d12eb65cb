/** Bytes that an unsigned 32-bit varint takes. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes an unsigned 32-bit varint at `at`; returns the offset past it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0;
  let next = at;
  while (rest >= 0x80) {
    target[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[next++] = rest;
  return next;
}

/** A growing byte column; `take` leaves the storage in place for the next frame. */
export class ByteColumn {
  bytes: Uint8Array;
  length = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  reserve(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  varint(value: number): void {
    this.reserve(5);
    this.length = writeVarint(this.bytes, this.length, value);
  }

  /** Appends `source[start, end)`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    if (count <= SMALL_COPY) {
      for (let index = start; index < end; index++) this.bytes[this.length++] = source[index] as number;
      return;
    }
    this.bytes.set(source.subarray(start, end), this.length);
    this.length += count;
  }

  clear(): void {
    this.length = 0;
  }
}

/** Below this many bytes a loop beats the view that `set` needs. */
const SMALL_COPY = 64;

/** Reads varints out of a buffer; a truncated or oversized one throws `RangeError`. */
export class VarintCursor {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
  }

  /** The next varint as an unsigned 32-bit number; wider values (step counters) lose their high bits to `wide`. */
  uint32(): number {
    const bytes = this.bytes;
    let at = this.at;
    let byte = at < this.end ? (bytes[at++] as number) : truncated();
    let value = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift > 28) throw new RangeError('varint over 32 bits');
      byte = at < this.end ? (bytes[at++] as number) : truncated();
      value |= (byte & 0x7f) << shift;
    }
    this.at = at;
    return value >>> 0;
  }

  /** The next varint up to 2^53 - 1. */
  uint53(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.at < this.end ? (this.bytes[this.at++] as number) : truncated();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('varint over 53 bits');
        return value;
      }
      scale *= 128;
    }
    throw new RangeError('varint over 64 bits');
  }

  /** Reads a length prefix and returns the exclusive end of that field. */
  lengthDelimited(): number {
    const length = this.uint32();
    const end = this.at + length;
    if (end > this.end) truncated();
    return end;
  }

  /** Skips a field of this wire type. */
  skip(wireType: number): void {
    if (wireType === 0) this.uint53();
    else if (wireType === 2) this.at = this.lengthDelimited();
    else if (wireType === 5) this.advance(4);
    else if (wireType === 1) this.advance(8);
    else throw new RangeError('unsupported wire type');
  }

  private advance(count: number): void {
    if (this.at + count > this.end) truncated();
    this.at += count;
  }
}

function truncated(): never {
  throw new RangeError('truncated message');
}
