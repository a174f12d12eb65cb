import { fnv1a, FNV_BASIS } from '@reticle/core/domain/tokens';

import { fmix, type OracleKey } from './oracle-key.ts';
import type { TokenWrite, TurnContent } from './token-write.ts';

/** Every hash token is this long, so a byte position in a turn's text ÷ 8 is the token's offset. */
export const HASH_TOKEN_BYTES = 8;
/** With a canary, tokens at offsets 63, 127, … carry it. */
const CANARY_PERIOD = 64;
const NEVER = -1;
/** One token in so many pairs holds half an é, so about 1 in 50 tokens is no whole UTF-8 text. */
const LEAD_PERIOD = 50;
const TAG_MASK = 0x7fff;

const SPACE = 0x20;
const TILDE = 0x7e;
const E_ACUTE_FIRST = 0xc3;
const E_ACUTE_LAST = 0xa9;

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const letters = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));

export type HashContentOptions = {
  readonly key: OracleKey;
  readonly vocab: number;
  readonly canary: string | undefined;
};

/**
 * `tokens: hash` (WAFER §6.2): token k is three letters of the turn, four letters of k and a space. At a lead
 * (an even k, one in fifty) the space of k is C3 and A9 stands before the letters of k + 1: the two share an é.
 */
export class HashContent implements TurnContent {
  readonly tokenBytesMax = HASH_TOKEN_BYTES;
  readonly #a: number;
  readonly #b: number;
  readonly #vocab: number;
  readonly #tag0: number;
  readonly #tag1: number;
  readonly #tag2: number;
  /** FNV state after the turn's three letters, which most tokens start with. */
  readonly #tagHash: number;
  readonly #canary: Uint8Array | undefined;

  constructor({ key, vocab, canary }: HashContentOptions) {
    this.#a = key.a | 0;
    this.#b = key.b | 0;
    this.#vocab = vocab;
    this.#tag0 = letterOf(key.a >>> 10);
    this.#tag1 = letterOf(key.a >>> 5);
    this.#tag2 = letterOf(key.a);
    this.#tagHash = fnv1a(fnv1a(fnv1a(FNV_BASIS, this.#tag0), this.#tag1), this.#tag2);
    this.#canary =
      canary === undefined ? undefined : Uint8Array.from(`~${canary} `, (character) => character.charCodeAt(0));
  }

  write(tokens: TokenWrite): number {
    const { from, count, ids, idsAt, lengths, lengthsAt, text, textAt } = tokens;
    const a = this.#a;
    const b = this.#b;
    const canaryAt = this.#canary === undefined ? NEVER : CANARY_PERIOD - 1;
    const vocab = this.#vocab >>> 0;
    let at = textAt;
    for (let index = 0; index < count; index += 1) {
      const k = (from + index) | 0;
      lengths[lengthsAt + index] = HASH_TOKEN_BYTES;
      if (sharesAcute(a, b, k & ~1) || (k & (CANARY_PERIOD - 1)) === canaryAt) {
        this.#putSpecial(k, text, at);
        ids[idsAt + index] = (hashBytes(text.subarray(at, at + HASH_TOKEN_BYTES)) >>> 0) % vocab;
      } else {
        ids[idsAt + index] = (this.#putWord(k, text, at) >>> 0) % vocab;
      }
      at += HASH_TOKEN_BYTES;
    }
    return at - textAt;
  }

  /** A plain word, 49 of 50; returns its FNV state. */
  #putWord(k: number, text: Uint8Array, at: number): number {
    const first = letterOf(k >>> 15);
    const second = letterOf(k >>> 10);
    const third = letterOf(k >>> 5);
    const fourth = letterOf(k);
    text[at] = this.#tag0;
    text[at + 1] = this.#tag1;
    text[at + 2] = this.#tag2;
    text[at + 3] = first;
    text[at + 4] = second;
    text[at + 5] = third;
    text[at + 6] = fourth;
    text[at + 7] = SPACE;
    return fnv1a(fnv1a(fnv1a(fnv1a(fnv1a(this.#tagHash, first), second), third), fourth), SPACE);
  }

  /** A canary, or one of two words around an é: C3 ends the even one, A9 begins the odd one. */
  #putSpecial(k: number, text: Uint8Array, at: number): void {
    if (this.#canary !== undefined && (k & (CANARY_PERIOD - 1)) === CANARY_PERIOD - 1) {
      text.set(this.#canary, at);
    } else if ((k & 1) === 0) {
      this.#putWord(k, text, at);
      text[at + 7] = E_ACUTE_FIRST;
    } else {
      this.#putWord(k, text, at);
      text.copyWithin(at + 1, at, at + 7);
      text[at] = E_ACUTE_LAST;
    }
  }
}

/** Whether even token k and k + 1 share an é; k + 1 is never a canary's place. */
function sharesAcute(a: number, b: number, k: number): boolean {
  const mixed = fmix(fmix(a ^ Math.imul(k + 1, 0x9e3779b1)) ^ b);
  return mixed % LEAD_PERIOD === 0 && ((k + 1) & (CANARY_PERIOD - 1)) !== CANARY_PERIOD - 1;
}

/** Letter of the lowest five bits; four letters hold k modulo 2^20, high bits first. */
function letterOf(bits: number): number {
  return letters[bits & 31] ?? 0;
}

function hashBytes(bytes: Uint8Array): number {
  let hash = FNV_BASIS;
  for (const byte of bytes) hash = fnv1a(hash, byte);
  return hash;
}

/** What one hash token says. `offset` is modulo 2^20, since four letters carry 20 bits. */
export type DecodedHashToken =
  | { readonly kind: 'word'; readonly turnTag: number; readonly offset: number }
  | { readonly kind: 'canary'; readonly canary: string };

/** Turn tag that {@link decodeHashText} finds in a turn's words. */
export function turnTagOf(key: OracleKey): number {
  return key.a & TAG_MASK;
}

/** Reads the token at a byte offset of a turn's text; undefined when no whole hash token stands there. */
export function decodeHashText(bytes: Uint8Array, byteOffset: number): DecodedHashToken | undefined {
  const token = bytes.subarray(byteOffset, byteOffset + HASH_TOKEN_BYTES);
  const last = token[HASH_TOKEN_BYTES - 1];
  if (last === undefined) return undefined;
  if (token[0] === TILDE) {
    if (last !== SPACE || base32Value(token.subarray(1, 7)) === undefined) return undefined;
    return { kind: 'canary', canary: String.fromCharCode(...token.subarray(1, 7)) };
  }
  if (token[0] === E_ACUTE_LAST) return decodeWord(token.subarray(1));
  return last === SPACE || last === E_ACUTE_FIRST ? decodeWord(token.subarray(0, 7)) : undefined;
}

function decodeWord(word: Uint8Array): DecodedHashToken | undefined {
  const turnTag = base32Value(word.subarray(0, 3));
  const offset = base32Value(word.subarray(3));
  return turnTag === undefined || offset === undefined ? undefined : { kind: 'word', turnTag, offset };
}

function base32Value(word: Uint8Array): number | undefined {
  let value = 0;
  for (const byte of word) {
    const digit = letters.indexOf(byte);
    if (digit < 0) return undefined;
    value = (value << 5) | digit;
  }
  return value;
}
