/**
 * The tokeniser of simulated models (WAFER §6.2). It works on UTF-8 bytes, takes the first rule that
 * matches at each position and looks at 16 bytes at most, so it is linear in its input:
 *
 * 1. two hash words that share an é: `[a-z2-7]{7}` C3 | A9 `[a-z2-7]{7}`, split inside the é
 * 2. hash word: `[a-z2-7]{7}` and a space
 * 3. canary word: `~[a-z2-7]{6}` and a space
 * 4. `[A-Za-z0-9_]{1,4}` and at most one space
 * 5. one to eight spaces
 * 6. a newline, or any other single code point
 *
 * No rule crosses a newline, so a text may be tokenised in parts that are cut after newlines.
 */
import { assert } from '../assert.ts';
import { encodeUtf8 } from './utf8.ts';

/** Ids and byte lengths of a text's tokens; `lengths` add up to the bytes of the text. */
export type Tokens = { readonly ids: Uint32Array; readonly lengths: Uint32Array };

/** Longest token of this tokeniser, in bytes. */
export const TOKEN_BYTES_MAX = 8;

/** Bytes that are looked at to find a token, its own included. */
export const LOOK_BYTES = 16;

/** Start value of {@link fnv1a}. */
export const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

const SPACE = 0x20;
const TILDE = 0x7e;
const E_ACUTE_FIRST = 0xc3;
const E_ACUTE_LAST = 0xa9;
const WORD = 1;
const BASE32 = 2;
const kinds = byteKinds();

function byteKinds(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (from: string, to: string, kind: number) => {
    for (let byte = from.charCodeAt(0); byte <= to.charCodeAt(0); byte += 1) table[byte] = (table[byte] ?? 0) | kind;
  };
  mark('a', 'z', WORD | BASE32);
  mark('2', '7', BASE32);
  mark('0', '9', WORD);
  mark('A', 'Z', WORD);
  mark('_', '_', WORD);
  return table;
}

/** One round of FNV-1a-32; start from {@link FNV_BASIS}. The result is a signed 32-bit number. */
export function fnv1a(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, FNV_PRIME);
}

/** Tokens of a text for a vocabulary of `vocab` ids; a token's id is FNV-1a-32 of its bytes modulo `vocab`. */
export function tokenise(text: string, vocab: number): Tokens {
  return tokeniseBytes(encodeUtf8(text), vocab);
}

/** As {@link tokenise}, for text that is UTF-8 already. A byte outside every code point is a token of its own. */
export function tokeniseBytes(bytes: Uint8Array, vocab: number): Tokens {
  assert(Number.isInteger(vocab) && vocab > 0 && vocab <= 0xffff_ffff, 'a vocabulary is a positive uint32');
  const ids = new Uint32Array(bytes.length);
  const lengths = new Uint32Array(bytes.length);
  let count = 0;
  for (let at = 0; at < bytes.length; count += 1) {
    const end = at + tokenLength(bytes, at);
    lengths[count] = end - at;
    let hash = FNV_BASIS;
    for (; at < end; at += 1) hash = fnv1a(hash, bytes[at] ?? 0);
    ids[count] = (hash >>> 0) % vocab;
  }
  return { ids: ids.slice(0, count), lengths: lengths.slice(0, count) };
}

/** Length in bytes of the token that begins at a byte; it depends on {@link LOOK_BYTES} from there on. */
export function tokenLength(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (((kinds[byte] ?? 0) & WORD) !== 0) return isHashWord(bytes, at) ? 8 : wordLength(bytes, at);
  if (byte === SPACE) return spacesLength(bytes, at);
  if (isMarkedWord(bytes, at)) return 8;
  return codePointLength(bytes, at);
}

/** Rules 1 and 2, seen from the first letter; a half é counts only when the other word is there too. */
function isHashWord(bytes: Uint8Array, at: number): boolean {
  const last = bytes[at + 7];
  if (last !== SPACE && last !== E_ACUTE_FIRST) return false;
  if (!isBase32Run(bytes, at, 7)) return false;
  return last === SPACE || (bytes[at + 8] === E_ACUTE_LAST && isBase32Run(bytes, at + 9, 7));
}

/** Rule 3, and the second word of rule 1: A9 starts no code point, so here it is the half of a split é. */
function isMarkedWord(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  if (byte === E_ACUTE_LAST) return isBase32Run(bytes, at + 1, 7);
  return byte === TILDE && bytes[at + 7] === SPACE && isBase32Run(bytes, at + 1, 6);
}

function isBase32Run(bytes: Uint8Array, at: number, count: number): boolean {
  for (let index = at; index < at + count; index += 1) {
    if (((kinds[bytes[index] ?? 0] ?? 0) & BASE32) === 0) return false;
  }
  return true;
}

function wordLength(bytes: Uint8Array, at: number): number {
  let length = 1;
  while (length < 4 && ((kinds[bytes[at + length] ?? 0] ?? 0) & WORD) !== 0) length += 1;
  return bytes[at + length] === SPACE ? length + 1 : length;
}

function spacesLength(bytes: Uint8Array, at: number): number {
  let length = 1;
  while (length < 8 && bytes[at + length] === SPACE) length += 1;
  return length;
}

function codePointLength(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte < 0xc0) return 1;
  const whole = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  let length = 1;
  while (length < whole && ((bytes[at + length] ?? 0) & 0xc0) === 0x80) length += 1;
  return length;
}
