import { encodeUtf8, TOKEN_BYTES_MAX, tokeniseBytes } from '@reticle/core/domain/tokens';

import { sentence, type ChapterNames, type ChapterShape } from './code-shape.ts';
import { collectionShapes } from './code-shapes-collections.ts';
import { ruleShapes } from './code-shapes-rules.ts';
import { identifierWords } from './code-words.ts';
import { oracleMix, type OracleKey } from './oracle-key.ts';
import type { TokenWrite, TurnContent } from './token-write.ts';

/** A chapter's way of ending its type's name. */
type Ending = { readonly shape: ChapterShape; readonly suffix: string };

const endings: readonly Ending[] = [...collectionShapes, ...ruleShapes].flatMap((shape) =>
  shape.suffixes.map((suffix) => ({ shape, suffix })),
);
const parts = ['comment', 'types', 'functions', 'tests'] as const;

/** Coprime to every number of names, so that steps of this size visit each name once before one returns. */
const NAME_STRIDE = 7919;
/** Numbers of {@link oracleMix} that one chapter may draw. */
const DRAWS_PER_CHAPTER = 8;

export type CodeContentOptions = {
  readonly key: OracleKey;
  readonly vocab: number;
  readonly lastUserText: string | undefined;
};

type Block = {
  readonly index: number;
  readonly ids: Uint32Array;
  readonly lengths: Uint32Array;
  readonly text: Uint8Array;
};

/**
 * `tokens: code` (WAFER §6.2): TypeScript that a person can read, in blocks. Block 0 opens the file; then chapters
 * of four blocks (a comment, a type, functions, a test) share names taken from the user's words. Block i is a
 * function of (key, words, i). Every block ends at a newline, which no token crosses, so blocks are tokenised alone.
 * Kept per turn: the block in use and one number per block passed.
 */
export class CodeContent implements TurnContent {
  readonly tokenBytesMax = TOKEN_BYTES_MAX;
  readonly #key: OracleKey;
  readonly #vocab: number;
  readonly #words: readonly string[];
  /** First offset of block i, for every block up to the furthest one rendered, and of the one after it. */
  readonly #starts: number[] = [0];
  #block: Block;
  /** Where the last write stopped inside the block, so that a running turn never adds up lengths again. */
  #cursor = { token: 0, byte: 0 };

  constructor({ key, vocab, lastUserText }: CodeContentOptions) {
    this.#key = key;
    this.#vocab = vocab;
    this.#words = identifierWords(lastUserText);
    this.#block = this.#render(0);
  }

  write(tokens: TokenWrite): number {
    let done = 0;
    let bytes = 0;
    while (done < tokens.count) {
      this.#seek(tokens.from + done);
      const { token, byte } = this.#cursor;
      const take = Math.min(tokens.count - done, this.#block.ids.length - token);
      for (let index = 0; index < take; index += 1) {
        tokens.ids[tokens.idsAt + done + index] = this.#block.ids[token + index] ?? 0;
        tokens.lengths[tokens.lengthsAt + done + index] = this.#block.lengths[token + index] ?? 0;
      }
      this.#advance(token + take);
      tokens.text.set(this.#block.text.subarray(byte, this.#cursor.byte), tokens.textAt + bytes);
      bytes += this.#cursor.byte - byte;
      done += take;
    }
    return bytes;
  }

  /** Puts the cursor on an offset, rendering each block on the way there at most once in the turn's life. */
  #seek(offset: number): void {
    while (offset >= this.#lastStart()) this.#enter(this.#starts.length - 1);
    if (offset < this.#start(this.#block.index) || offset >= this.#start(this.#block.index + 1)) {
      this.#enter(this.#blockOf(offset));
    }
    this.#advance(offset - this.#start(this.#block.index));
  }

  #enter(index: number): void {
    this.#block = this.#render(index);
    this.#cursor = { token: 0, byte: 0 };
  }

  #advance(token: number): void {
    if (token < this.#cursor.token) this.#cursor = { token: 0, byte: 0 };
    const cursor = this.#cursor;
    for (; cursor.token < token; cursor.token += 1) cursor.byte += this.#block.lengths[cursor.token] ?? 0;
  }

  #start(index: number): number {
    return this.#starts[index] ?? 0;
  }

  #lastStart(): number {
    return this.#start(this.#starts.length - 1);
  }

  /** Index of the known block that holds an offset. */
  #blockOf(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#start(middle) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  #render(index: number): Block {
    const text = encodeUtf8(renderBlock(this.#key, this.#words, index));
    const { ids, lengths } = tokeniseBytes(text, this.#vocab);
    if (index === this.#starts.length - 1) this.#starts.push(this.#lastStart() + ids.length);
    return { index, ids, lengths, text };
  }
}

/** Text of block `index`. */
export function renderBlock(key: OracleKey, words: readonly string[], index: number): string {
  if (index === 0) return opening(words);
  const chapter = Math.floor((index - 1) / parts.length);
  const { shape, names } = chapterOf(key, words, chapter);
  return shape[parts[(index - 1) % parts.length] ?? 'comment'](names);
}

function opening(words: readonly string[]): string {
  return `// ${words.join(', ')}: types, functions and their tests.

import { expect, test } from '@jest/globals';

`;
}

function chapterOf(
  key: OracleKey,
  words: readonly string[],
  chapter: number,
): { readonly shape: ChapterShape; readonly names: ChapterNames } {
  const total = words.length * endings.length;
  const position = (oracleMix(key, 0) + chapter * NAME_STRIDE) % total;
  const word = words[position % words.length] ?? 'order';
  const { shape, suffix } = endings[Math.floor(position / words.length)] ?? firstEnding();
  const round = Math.floor(chapter / total);
  const type = `${sentence(word)}${suffix}${round === 0 ? '' : round + 1}`;
  const number = (slot: number, low: number, high: number) =>
    low + (oracleMix(key, 1 + chapter * DRAWS_PER_CHAPTER + slot) % (high - low + 1));
  const title = `${word} ${suffix.toLowerCase()}`;
  return { shape, names: { type, value: `${word}${type.slice(word.length)}`, title, word, number } };
}

function firstEnding(): Ending {
  const [first] = endings;
  if (first === undefined) throw new Error('invariant: no chapter shapes');
  return first;
}
