/** Storage of transcripts: blocks that are filled and never moved, so that a turn grows without copying what it holds. */
import { limits } from '@reticle/proto/contract';

const BLOCK_BITS = 9;
/** Tokens of one block. */
export const BLOCK_TOKENS = 1 << BLOCK_BITS;
const ID_BITS = 11;
/** Ids of one chunk: whole blocks, so that the ids of a block's tokens lie side by side. */
const ID_CHUNK = 1 << ID_BITS;
/** What a token of text takes on average, rounded up. */
const TOKEN_BYTES = 6;
/** Blocks that wait for their next turn: 8,192 take about 60 MiB. */
const SPARE_BLOCKS_MAX = 8_192;

/** Text and times of BLOCK_TOKENS consecutive tokens. */
export class TextBlock {
  /** Where each token's text ends in {@link text}. */
  readonly ends = new Uint32Array(BLOCK_TOKENS);
  /** Due time of each token at the engine, µs modulo 2^32. */
  readonly micros = new Uint32Array(BLOCK_TOKENS);
  text: Uint8Array = new Uint8Array(BLOCK_TOKENS * TOKEN_BYTES);

  /** The text, with room for so many bytes. */
  withRoom(bytes: number): Uint8Array {
    if (bytes <= this.text.length) return this.text;
    const grown = new Uint8Array(Math.max(bytes, this.text.length * 2));
    grown.set(this.text);
    this.text = grown;
    return grown;
  }
}

/**
 * Blocks that turns have left behind: a long turn gives one back for each that it takes, so that it allocates nothing
 * once its ring is full. A block is wiped when it is given back: nothing of one tenant is there for another.
 */
const spare: TextBlock[] = [];

export function takeBlock(): TextBlock {
  return spare.pop() ?? new TextBlock();
}

/** Nobody may read or write the block any more. */
export function giveBack(block: TextBlock): void {
  if (spare.length >= SPARE_BLOCKS_MAX || block.text.length > limits.ringTokens) return;
  block.ends.fill(0);
  block.micros.fill(0);
  block.text.fill(0);
  spare.push(block);
}

/** The block that holds an offset. */
export function blockIndex(offset: number): number {
  return offset >>> BLOCK_BITS;
}

/** Where in its block an offset lies. */
export function blockAt(offset: number): number {
  return offset & (BLOCK_TOKENS - 1);
}

/** Exclusive end of the block that holds an offset. */
export function blockEnd(offset: number): number {
  return ((offset >>> BLOCK_BITS) + 1) << BLOCK_BITS;
}

/** Where in its chunk of an {@link IdColumn} an offset lies. */
export function idAt(offset: number): number {
  return offset & (ID_CHUNK - 1);
}

/** Ids of a whole turn. */
export class IdColumn {
  readonly #chunks: Uint32Array[] = [];
  #last: Uint32Array = new Uint32Array(0);
  #lastIndex = -1;

  /** The chunk of an offset, which is held or the next one; it holds whole blocks. */
  chunk(offset: number): Uint32Array {
    const index = offset >>> ID_BITS;
    if (index !== this.#lastIndex) {
      this.#last = this.#chunks[index] ??= new Uint32Array(ID_CHUNK);
      this.#lastIndex = index;
    }
    return this.#last;
  }

  /** A copy of [0, end). */
  copy(end: number): Uint32Array {
    const ids = new Uint32Array(end);
    for (let from = 0; from < end; from += ID_CHUNK) ids.set(this.chunk(from).subarray(0, end - from), from);
    return ids;
  }
}
