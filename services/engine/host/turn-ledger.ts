/**
 * The ledger of one turn: dense offsets, the ring of generated tokens, and the receiver's credit.
 *
 *     base ≤ acknowledged ≤ sent ≤ generated          (acknowledged may lag base after a cut below it)
 *     sendable end = min(generated, acknowledged + credit)
 *
 * Invariants
 *  1. Offsets are dense: a row is taken only at `generated`.
 *  2. The ring holds [base, generated): the last `ringTokens` tokens at least, and every unacknowledged one,
 *     so that a resume at any unacknowledged offset finds its tokens (PROTOCOL §1.1 R5, R7).
 *  3. After `close(end)` nothing at or past `end` exists here, so nothing of it can be sent (R2).
 *  4. Statements of the receiver are absolute: a repeat changes nothing, a backward one is ignored.
 *  5. Tokens forced from another engine count from the start, but lie here only after `fill`; until then nothing
 *     is taken. A turn that closes before has none of them.
 *
 * Ids and text are kept, never encoded frames (PERFORMANCE H3). Memory starts at nothing and grows in powers
 * of two; no object is made per token. Bounds: `ringTokens` tokens of 12 bytes and their text; a step that was
 * under way when the ring became full lies on top, which doubles the columns at most.
 */
import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TokenColumns } from '../contract.ts';

const FIRST_TOKENS = 64;
const FIRST_TEXT_BYTES = 512;
/** Texts up to this length are copied byte by byte: a view object per row would cost more. */
const COPY_BYTES_MAX = 48;
const NO_COLUMN = new Uint32Array(0);
const NO_TEXT = new Uint8Array(0);

/** A run of tokens that lies in one piece in the ring; filled by `take`, valid until the next append. */
export type LedgerRow = {
  lane: number;
  firstOffset: number;
  count: number;
  ids: Uint32Array;
  lengths: Uint32Array;
  at: number;
  text: Uint8Array;
  textStart: number;
  textEnd: number;
};

export function emptyRow(): LedgerRow {
  return {
    lane: 0,
    firstOffset: 0,
    count: 0,
    ids: NO_COLUMN,
    lengths: NO_COLUMN,
    at: 0,
    text: NO_TEXT,
    textStart: 0,
    textEnd: 0,
  };
}

export type TurnLedgerOptions = {
  /** First offset that is generated here: the count of forced tokens (PROTOCOL E6). */
  readonly startOffset: number;
  readonly creditTokens: number;
  /** Tests use a small ring; a power of two. Default `limits.ringTokens`. */
  readonly ringTokens?: number;
};

export class TurnLedger {
  readonly ringTokens: number;
  /** Oldest offset in the ring. */
  base: number;
  /** Exclusive end of what exists; after a cut, its effective offset. */
  generated: number;
  acknowledged: number;
  /** Exclusive end of what was sent on the lane in force. */
  sent: number;
  #sentMax: number;
  #creditTokens: number;
  #ids = NO_COLUMN;
  #lengths = NO_COLUMN;
  /** Position of each token's text in an endless byte line, modulo 2^32; the buffer index is its low bits. */
  #textAt = NO_COLUMN;
  #text = NO_TEXT;
  #textHead = 0;
  /** Forced tokens that `fill` still has to bring. */
  #awaited: number;

  constructor({ startOffset, creditTokens, ringTokens = limits.ringTokens }: TurnLedgerOptions) {
    this.ringTokens = ringTokens;
    this.base = Math.max(0, startOffset - ringTokens);
    this.#awaited = startOffset - this.base;
    this.generated = startOffset;
    this.acknowledged = startOffset;
    this.sent = startOffset;
    this.#sentMax = startOffset;
    this.#creditTokens = Math.min(creditTokens, ringTokens);
  }

  /** Exclusive end of what may be sent on the lane in force. */
  get sendableEnd(): number {
    return Math.min(this.generated, this.acknowledged + this.#creditTokens);
  }

  /** Highest offset that ever left, on any lane; an acknowledgement may not pass it. */
  get sentMax(): number {
    return this.#sentMax;
  }

  /** Bytes of memory that the ring takes. */
  get ringBytes(): number {
    return this.#ids.byteLength * 3 + this.#text.byteLength;
  }

  /** True when one more step could push an unacknowledged token out: the stream then pauses (R5). */
  full(stepTokens: number): boolean {
    return this.generated - this.acknowledged + stepTokens > this.ringTokens;
  }

  /** Brings the forced tokens of [base, startOffset), so that they can be replayed like any other. */
  fill(columns: TokenColumns): void {
    const count = this.#awaited;
    if (count === 0) return;
    assert(columns.tokenId.length === count, 'the ring takes the last forced tokens, all of them');
    this.#awaited = 0;
    this.generated -= count;
    this.append(columns, 0, count, 0);
  }

  /**
   * Appends a row of `count` tokens that starts at `generated`. `tokenAt` and `textAt` are its places in the
   * columns; returns the text position behind it.
   */
  append(columns: TokenColumns, tokenAt: number, count: number, textAt: number): number {
    let bytes = 0;
    for (let index = tokenAt; index < tokenAt + count; index++) bytes += columns.textLength[index] as number;
    this.#reserve(count, bytes);
    const mask = this.#ids.length - 1;
    let head = this.#textHead;
    for (let index = 0; index < count; index++) {
      const slot = (this.generated + index) & mask;
      const length = columns.textLength[tokenAt + index] as number;
      this.#ids[slot] = columns.tokenId[tokenAt + index] as number;
      this.#lengths[slot] = length;
      this.#textAt[slot] = head;
      head += length;
    }
    copy(columns.text, textAt, bytes, { into: this.#text, at: this.#textHead & (this.#text.length - 1) });
    this.#textHead = head >>> 0;
    this.generated += count;
    return textAt + bytes;
  }

  /** Fills `row` with the next run that may be sent, at most `tokensMax`, and counts it as sent; false when none. */
  take(row: LedgerRow, tokensMax: number): boolean {
    const end = Math.min(this.sendableEnd, this.sent + tokensMax);
    if (end <= this.sent) return false;
    const textMask = this.#text.length - 1;
    const at = this.sent & (this.#ids.length - 1);
    const last = Math.min(at + end - this.sent, this.#ids.length);
    const textStart = (this.#textAt[at] as number) & textMask;
    let textEnd = textStart;
    let slot = at;
    while (slot < last) {
      const length = this.#lengths[slot] as number;
      if (length > 0 && ((this.#textAt[slot] as number) & textMask) !== textEnd) break;
      textEnd += length;
      slot++;
    }
    // Leading tokens without text may point at the padding before a wrap; the run then starts with them alone.
    row.firstOffset = this.sent;
    row.count = slot - at;
    row.ids = this.#ids;
    row.lengths = this.#lengths;
    row.at = at;
    row.text = this.#text;
    row.textStart = textStart;
    row.textEnd = textEnd;
    this.sent += row.count;
    if (this.sent > this.#sentMax) this.#sentMax = this.sent;
    return true;
  }

  /** A statement of the receiver: it has [0, received) and takes `creditTokens` more. */
  flow(received: number, creditTokens: number): 'ok' | 'ack_out_of_range' {
    if (received > this.#sentMax) return 'ack_out_of_range';
    const through = Math.min(received, this.generated);
    if (through < this.acknowledged) return 'ok';
    this.acknowledged = through;
    this.#creditTokens = Math.min(creditTokens, this.ringTokens);
    return 'ok';
  }

  /**
   * Moves the ledger to a new lane whose receiver has [0, next). An offset past a cut that was once sent
   * counts as the cut: the receiver had not heard of it. Returns where the replay starts.
   */
  rebind(next: number, creditTokens: number): number | 'evicted' | 'future' {
    if (next > Math.max(this.generated, this.#sentMax)) return 'future';
    const from = Math.min(next, this.generated);
    if (from < this.base) return 'evicted';
    this.acknowledged = from;
    this.sent = from;
    this.#sentMax = Math.max(this.#sentMax, from);
    this.#creditTokens = Math.min(creditTokens, this.ringTokens);
    return from;
  }

  /** The turn ends at `end`: tokens at or past it are gone. */
  close(end: number): void {
    assert(end <= this.generated, 'a turn does not end past what it generated');
    if (this.#awaited > 0) {
      this.#awaited = 0;
      this.base = end;
      this.sent = end;
    } else if (end < this.generated) this.#textHead = (this.#textAt[end & (this.#ids.length - 1)] as number) ?? 0;
    this.generated = end;
    this.base = Math.min(this.base, end);
    this.acknowledged = Math.min(this.acknowledged, end);
    this.sent = Math.min(this.sent, end);
  }

  /** Frees the ring; every offset below `generated` counts as evicted from here on. */
  wipe(): void {
    this.#ids = NO_COLUMN;
    this.#lengths = NO_COLUMN;
    this.#textAt = NO_COLUMN;
    this.#text = NO_TEXT;
    this.#textHead = 0;
    this.base = this.generated;
    this.sent = this.generated;
  }

  /** Makes room for a row: grows up to the ring's size, then evicts what is acknowledged, and grows past it only for what is not. */
  #reserve(count: number, bytes: number): void {
    const held = this.generated + count - this.base;
    let capacity = this.#ids.length;
    if (held > capacity) {
      this.base = Math.max(this.base, Math.min(this.generated + count - this.ringTokens, this.acknowledged));
      capacity = powerOfTwo(
        this.generated + count - this.base,
        Math.max(capacity, Math.min(FIRST_TOKENS, this.ringTokens)),
      );
    }
    const room = this.#textRoom(bytes);
    if (capacity > this.#ids.length || room === 'grow') this.#grow(capacity, bytes);
    else this.#textHead = room;
  }

  /** Where a row's text goes so that it lies in one piece, or 'grow' when the live text leaves no such place. */
  #textRoom(bytes: number): number | 'grow' {
    const size = this.#text.length;
    if (size === 0) return 'grow';
    const index = this.#textHead & (size - 1);
    const head = index + bytes > size ? (this.#textHead + size - index) >>> 0 : this.#textHead;
    const tail = this.base < this.generated ? (this.#textAt[this.base & (this.#ids.length - 1)] as number) : head;
    return ((head - tail) >>> 0) + bytes <= size ? head : 'grow';
  }

  #grow(capacity: number, bytes: number): void {
    const { base, generated } = this;
    const oldMask = this.#ids.length - 1;
    const oldTextMask = this.#text.length - 1;
    let live = 0;
    for (let offset = base; offset < generated; offset++) live += this.#lengths[offset & oldMask] as number;
    // A quarter to spare, so that the padding before a wrap does not bring the next growth at once.
    const text = new Uint8Array(powerOfTwo((live + bytes) * 1.25, Math.max(this.#text.length, FIRST_TEXT_BYTES)));
    const columns = [new Uint32Array(capacity), new Uint32Array(capacity), new Uint32Array(capacity)] as const;
    const [ids, lengths, textAt] = columns;
    let head = 0;
    for (let offset = base; offset < generated; offset++) {
      const from = offset & oldMask;
      const to = offset & (capacity - 1);
      const length = this.#lengths[from] as number;
      ids[to] = this.#ids[from] as number;
      lengths[to] = length;
      textAt[to] = head;
      copy(this.#text, (this.#textAt[from] as number) & oldTextMask, length, { into: text, at: head });
      head += length;
    }
    this.#ids = ids;
    this.#lengths = lengths;
    this.#textAt = textAt;
    this.#text = text;
    this.#textHead = head;
  }
}

function powerOfTwo(atLeast: number, start: number): number {
  let size = start;
  while (size < atLeast) size *= 2;
  return size;
}

function copy(from: Uint8Array, start: number, bytes: number, target: { into: Uint8Array; at: number }): void {
  const { into, at } = target;
  if (bytes > COPY_BYTES_MAX) into.set(from.subarray(start, start + bytes), at);
  else for (let index = 0; index < bytes; index++) into[at + index] = from[start + index] as number;
}
