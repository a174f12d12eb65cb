import { LOOK_BYTES, tokenLength } from './tokeniser.ts';
import { encodeUtf8 } from './utf8.ts';

/** Characters that are made bytes at a time: the bytes stay in the processor's cache. */
const PIECE_CHARACTERS = 16 * 1_024;

/**
 * Counts a text's tokens in steps, so that a long text need not be counted in one go.
 *
 * A piece of the text is read with the characters behind it that its last token may look at. A token that ends in the
 * next piece has taken the first bytes of that.
 */
export class TokenCounter {
  readonly #text: string;
  #at = 0;
  /** Bytes of the text from `#at` on that are counted already. */
  #takenBytes = 0;
  #tokens = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Tokens so far; all of the text's once {@link isDone}. */
  get tokens(): number {
    return this.#tokens;
  }

  get isDone(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Counts on, through this many characters (at least 2) or to the end. */
  step(characters: number): void {
    const end = this.#at + characters;
    while (this.#at < end && !this.isDone) this.#piece(Math.min(end, this.#at + PIECE_CHARACTERS));
  }

  #piece(until: number): void {
    const text = this.#text;
    // Halves of a pair are one code point.
    const end = isHighSurrogate(text.charCodeAt(until - 1)) ? until + 1 : until;
    const bytes = encodeUtf8(text.slice(this.#at, end + LOOK_BYTES));
    const own = end >= text.length ? bytes.length : bytes.length - encodeUtf8(text.slice(end, end + LOOK_BYTES)).length;
    let at = this.#takenBytes;
    for (; at < own; at += tokenLength(bytes, at)) this.#tokens += 1;
    this.#takenBytes = at - own;
    this.#at = end;
  }
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** How many tokens a text has. */
export function countTokens(text: string): number {
  const counter = new TokenCounter(text);
  counter.step(Infinity);
  return counter.tokens;
}
