import { assert } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { TokenRun } from './front.ts';
import {
  BLOCK_TOKENS,
  blockAt,
  blockEnd,
  blockIndex,
  giveBack,
  idAt,
  IdColumn,
  takeBlock,
  type TextBlock,
} from './transcript-blocks.ts';

/** Above every offset; a small integer, since a row is counted against it. */
const NO_BAR = 0x3fff_ffff;

type MutableRun = { -readonly [Key in keyof TokenRun]: TokenRun[Key] };

/**
 * The tokens of one turn as the engine sent them: ids for the whole turn (a failover forces them), text for
 * at least the last `limits.ringTokens` tokens, so that memory does not grow with the turn.
 *
 * Invariants
 * 1. Offsets are dense from 0 to `end`; a row with a gap, or one that contradicts what is held, is refused.
 * 2. Offsets in [oldest, end) can be read; `oldest` = max(0, end − ringTokens), or later after a cut below the text that is held.
 * 3. After `cut(E)` there is nothing at or past E, and nothing at or past E is taken any more (inv. 2).
 */
export class Transcript {
  readonly #ids = new IdColumn();
  /** By offset ÷ BLOCK_TOKENS; those below `#textFrom` were given back. */
  readonly #blocks: (TextBlock | undefined)[] = [];
  #textFrom = 0;
  /** First offset whose text is held. */
  #floor = 0;
  #end = 0;
  #bar = NO_BAR;
  readonly #marks: WireItemMark[] = [];

  /**
   * Begins with the ids of [0, count), whose text another gateway had: they can be forced and compared, not read.
   * Only before anything was taken.
   */
  seed(ids: ArrayLike<number>, count: number): void {
    assert(this.#end === 0 && count <= ids.length, 'a transcript is seeded before it is used');
    for (let offset = 0; offset < count; offset++) {
      this.#ids.chunk(offset)[idAt(offset)] = ids[offset] as number;
    }
    this.#textFrom = blockIndex(count);
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

  /** A copy of all ids from offset 0. */
  get ids(): Uint32Array {
    return this.#ids.copy(this.#end);
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

  /** Due time of a token at the engine, µs modulo 2^32; 0 where that is not held. */
  microsAt(offset: number): number {
    return this.#blocks[blockIndex(offset)]?.micros[blockAt(offset)] ?? 0;
  }

  /** Points `run` at the tokens from `first` on, all of one block: at most `blockEnd(first) − first` of them. */
  view(run: MutableRun, first: number, end: number): void {
    assert(first >= this.oldest && end <= this.#end && end <= blockEnd(first), 'the offsets can be read');
    const block = this.#block(first);
    const at = blockAt(first);
    run.firstOffset = first;
    run.tokenCount = end - first;
    run.ids = this.#ids.chunk(first);
    run.idsAt = idAt(first);
    run.text = block.text;
    run.textStart = at === 0 ? 0 : (block.ends[at - 1] as number);
    run.textEnds = block.ends;
    run.textEndsAt = at;
    run.engineMicros = block.micros[at + end - first - 1] as number;
  }

  /**
   * Takes a row. Tokens below `end` must be those that are held (a re-opened lane repeats them); the rest
   * continue at `end`. False: a gap or a contradiction; nothing is taken then.
   */
  append(row: StepRow, micros: number): boolean {
    const { firstOffset, count } = row;
    const end = this.#end;
    if (firstOffset > end) return firstOffset >= this.#bar;
    const repeated = Math.min(count, end - firstOffset);
    if (repeated > 0 && !this.#repeats(row, repeated)) return false;
    const wanted = Math.min(count, this.#bar - firstOffset);
    while (this.#end - firstOffset < wanted) {
      this.#take(row, Math.min(firstOffset + wanted, blockEnd(this.#end)), micros);
    }
    return true;
  }

  #repeats(row: StepRow, repeated: number): boolean {
    for (let index = 0; index < repeated; index++) {
      const offset = row.firstOffset + index;
      if (row.ids[row.at + index] !== this.#ids.chunk(offset)[idAt(offset)]) return false;
    }
    return true;
  }

  /** Takes the tokens of a row from `end` to `to` into their block. */
  #take(row: StepRow, to: number, micros: number): void {
    const first = this.#end;
    const block = this.#blockFor(first);
    const into = blockAt(first);
    const { ids, lengths, text: given } = row;
    const { ends, micros: times } = block;
    const idsInto = this.#ids.chunk(first);
    const idsFrom = idAt(first);
    const textFrom = into === 0 ? 0 : (ends[into - 1] as number);
    const count = to - first;
    const source = row.at + first - row.firstOffset;
    let textStart = row.textStart;
    for (let index = row.at; index < source; index++) textStart += lengths[index] as number;
    let textEnd = textFrom;
    for (let index = 0; index < count; index++) {
      textEnd += lengths[source + index] as number;
      idsInto[idsFrom + index] = ids[source + index] as number;
      ends[into + index] = textEnd;
      times[into + index] = micros;
    }
    this.#end = to;
    const bytes = textEnd - textFrom;
    const text = block.withRoom(textEnd);
    // Tokens are a few bytes: a loop costs less than a view for `set`.
    for (let index = 0; index < bytes; index++) text[textFrom + index] = given[textStart + index] as number;
  }

  #block(offset: number): TextBlock {
    const block = this.#blocks[blockIndex(offset)];
    assert(block !== undefined, 'the text of the offset is held');
    return block;
  }

  /** As `#block`, where the offset is the next one: for a new block the ring gives back those that it has left. */
  #blockFor(offset: number): TextBlock {
    const index = blockIndex(offset);
    let block = this.#blocks[index];
    if (block === undefined) {
      this.#leaveBelow(blockIndex(Math.max(0, offset - limits.ringTokens)));
      this.#blocks[index] = block = takeBlock();
    }
    return block;
  }

  #leaveBelow(index: number): void {
    for (; this.#textFrom < index; this.#textFrom++) this.#giveBack(this.#textFrom);
    this.#floor = Math.max(this.#floor, this.#textFrom * BLOCK_TOKENS);
  }

  #giveBack(index: number): void {
    const block = this.#blocks[index];
    if (block !== undefined) giveBack(block);
    this.#blocks[index] = undefined;
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
    this.#end = Math.min(this.#end, this.#bar);
    for (let index = Math.ceil(this.#end / BLOCK_TOKENS); index < this.#blocks.length; index++) this.#giveBack(index);
    // A cut below the ring leaves no text that could be read.
    this.#floor = Math.min(this.#floor, this.#end);
    const kept = this.#marks.filter(({ atOffset, closed }) => (closed ? atOffset <= offset : atOffset < offset));
    this.#marks.length = 0;
    this.#marks.push(...kept);
  }
}
