import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { StepRow, WireItemMark } from '@reticle/proto/wire';

const TOKENS_MIN = 64;
const TEXT_BYTES_MIN = 512;

/**
 * The tokens of one turn as the engine sent them: ids for the whole turn (a failover forces them), text for
 * the last `limits.ringTokens` tokens, so that memory does not grow with the turn.
 *
 * Invariants
 * 1. Offsets are dense from 0 to `end`; a row with a gap, or one that contradicts what is held, is refused.
 * 2. Offsets in [oldest, end) can be read; `oldest` = max(0, end − ringTokens), or later after a cut below the text that is held.
 * 3. After `cut(E)` there is nothing at or past E, and nothing at or past E is taken any more (inv. 2).
 *
 * Positions in text are absolute: bytes since offset 0.
 */
export class Transcript {
  #ids = new Uint32Array(TOKENS_MIN);
  #lengths = new Uint32Array(TOKENS_MIN);
  #micros = new Uint32Array(TOKENS_MIN);
  #text: Uint8Array = new Uint8Array(TEXT_BYTES_MIN);
  /** Absolute position of the first byte held. */
  #textBase = 0;
  #textEnd = 0;
  /** First offset whose text is held. */
  #floor = 0;
  #end = 0;
  #bar = Infinity;
  readonly #marks: WireItemMark[] = [];

  /**
   * Begins with the ids of [0, count), whose text another gateway had: they can be forced and compared, not read.
   * Only before anything was taken.
   */
  seed(ids: ArrayLike<number>, count: number): void {
    assert(this.#end === 0 && count <= ids.length, 'a transcript is seeded before it is used');
    this.#reserve(count);
    for (let index = 0; index < count; index++) this.#ids[index] = ids[index] as number;
    this.#end = count;
    this.#floor = count;
  }

  /** Exclusive end of what is held. */
  get end(): number {
    return this.#end;
  }

  get oldest(): number {
    return Math.max(this.#floor, this.#end - limits.ringTokens);
  }

  get ids(): Uint32Array {
    return this.#ids;
  }

  get lengths(): Uint32Array {
    return this.#lengths;
  }

  /** Item marks in order of offset. */
  get marks(): readonly WireItemMark[] {
    return this.#marks;
  }

  /** First offset of the item that is open at the end; undefined when none is. */
  get openItemAt(): number | undefined {
    const last = this.#marks.at(-1);
    return last === undefined || last.closed ? undefined : last.atOffset;
  }

  /** Due time of a token at the engine, µs modulo 2^32. */
  microsAt(offset: number): number {
    return this.#micros[offset] as number;
  }

  /** The text that is held; replaced when it grows or drops its oldest part. */
  get text(): Uint8Array {
    return this.#text;
  }

  /** Where an absolute position lies in {@link text}. */
  textIndex(position: number): number {
    assert(position >= this.#textBase && position <= this.#textEnd, 'the text is still held');
    return position - this.#textBase;
  }

  /** Absolute text position of an offset that can be read. */
  textPosition(offset: number): number {
    assert(offset >= this.oldest && offset <= this.#end, 'the offset can be read');
    let position = this.#textEnd;
    for (let at = offset; at < this.#end; at++) position -= this.#lengths[at] as number;
    return position;
  }

  /**
   * Takes a row. Tokens below `end` must be those that are held (a re-opened lane repeats them); the rest
   * continue at `end`. False: a gap or a contradiction; nothing is taken then.
   */
  append(row: StepRow, micros: number): boolean {
    const { firstOffset, count, at } = row;
    if (firstOffset > this.#end) return firstOffset >= this.#bar;
    const repeated = Math.min(count, this.#end - firstOffset);
    for (let index = 0; index < repeated; index++) {
      if (row.ids[at + index] !== this.#ids[firstOffset + index]) return false;
    }
    const wanted = Math.min(count, this.#bar - firstOffset);
    if (wanted > repeated) this.#take(row, repeated, wanted, micros);
    return true;
  }

  /** Takes tokens [from, to) of a row. */
  #take(row: StepRow, from: number, to: number, micros: number): void {
    let textStart = row.textStart;
    for (let index = 0; index < from; index++) textStart += row.lengths[row.at + index] as number;
    this.#reserve(to - from);
    let textEnd = textStart;
    for (let index = from; index < to; index++) {
      const length = row.lengths[row.at + index] as number;
      this.#ids[this.#end] = row.ids[row.at + index] as number;
      this.#lengths[this.#end] = length;
      this.#micros[this.#end] = micros;
      this.#end += 1;
      textEnd += length;
    }
    this.#takeText(row.text, textStart, textEnd);
  }

  #takeText(text: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    if (this.#textEnd - this.#textBase + bytes > this.#text.length) this.#makeRoom(bytes);
    const into = this.#textEnd - this.#textBase;
    // Tokens are a few bytes: a loop costs less than a view for `set`.
    for (let index = 0; index < bytes; index++) this.#text[into + index] = text[start + index] as number;
    this.#textEnd += bytes;
  }

  /** Drops text older than the ring; grows only when that frees less than half of the buffer. */
  #makeRoom(bytes: number): void {
    const keepFrom = this.#positionBefore(bytes);
    const kept = this.#textEnd - keepFrom;
    let size = this.#text.length;
    while (size < (kept + bytes) * 2) size *= 2;
    const next = new Uint8Array(size);
    next.set(this.#text.subarray(keepFrom - this.#textBase, this.#textEnd - this.#textBase));
    this.#text = next;
    this.#textBase = keepFrom;
    this.#floor = this.oldest;
  }

  /** Text position of `oldest`; `pending` bytes of the tokens being taken are not in the buffer yet. */
  #positionBefore(pending: number): number {
    let position = this.#textEnd + pending;
    for (let at = this.oldest; at < this.#end; at++) position -= this.#lengths[at] as number;
    return Math.max(this.#textBase, Math.min(position, this.#textEnd));
  }

  #reserve(count: number): void {
    const needed = this.#end + count;
    if (needed <= this.#ids.length) return;
    const size = Math.max(needed, this.#ids.length * 2);
    this.#ids = grown(this.#ids, size);
    this.#lengths = grown(this.#lengths, size);
    this.#micros = grown(this.#micros, size);
  }

  /** A mark opens or closes an item; a repeated one, or one past the cut, is ignored. */
  mark(mark: WireItemMark): void {
    const { atOffset, closed, itemIndex } = mark;
    if (atOffset > this.#bar || (!closed && atOffset >= this.#bar)) return;
    if (this.#marks.some((held) => held.itemIndex === itemIndex && held.closed === closed)) return;
    this.#marks.push(mark);
  }

  /** The turn is cut at E: forgets what lies at or past it and takes no more of it. */
  cut(offset: number): void {
    this.#bar = Math.min(this.#bar, offset);
    while (this.#end > this.#bar) {
      this.#end -= 1;
      this.#textEnd -= this.#lengths[this.#end] as number;
    }
    // A cut below the ring leaves no text that could be read.
    this.#textBase = Math.min(this.#textBase, this.#textEnd);
    this.#floor = Math.min(this.#floor, this.#end);
    const kept = this.#marks.filter(({ atOffset, closed }) => (closed ? atOffset <= offset : atOffset < offset));
    this.#marks.length = 0;
    this.#marks.push(...kept);
  }
}

function grown(array: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const next = new Uint32Array(size);
  next.set(array);
  return next;
}
