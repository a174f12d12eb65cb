/**
 * The text of simulated turns in `tokens: hash` mode, written from WAFER §6.2 a second time, so that a receiver
 * does not check the simulator with the simulator's own code.
 */
import { createHash } from 'node:crypto';

/** Bytes of every token's text. */
export const ORACLE_TOKEN_BYTES = 8;
const LEAD_PERIOD = 50;
const SPACE = 0x20;
const ACUTE_FIRST = 0xc3;
const ACUTE_LAST = 0xa9;
const letters = Buffer.from('abcdefghijklmnopqrstuvwxyz234567', 'latin1');

export type OracleTurn = {
  /** With its `sha256:` prefix. */
  readonly modelDigest: string;
  readonly seed: number;
  /** Ids of the whole context before offset 0. */
  readonly inputIds: readonly number[];
};

function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function letter(bits: number): number {
  return letters[bits & 31] as number;
}

/** One turn's expected text. Inputs hold no canary. */
export class TurnOracle {
  readonly #a: number;
  readonly #b: number;
  readonly #token = new Uint8Array(ORACLE_TOKEN_BYTES);

  constructor({ modelDigest, seed, inputIds }: OracleTurn) {
    const ids = Buffer.alloc(inputIds.length * 4);
    for (const [index, id] of inputIds.entries()) ids.writeUInt32LE(id, index * 4);
    const key = createHash('sha256')
      .update(`reticle-oracle-v1\0${modelDigest}\0${seed}\0${0}\0`)
      .update(createHash('sha256').update(ids).digest())
      .digest();
    this.#a = key.readInt32LE(0);
    this.#b = key.readInt32LE(4);
  }

  /** Text of tokens [from, from + count). */
  write(from: number, count: number): Uint8Array {
    const text = Buffer.allocUnsafe(count * ORACLE_TOKEN_BYTES);
    for (let index = 0; index < count; index += 1) {
      this.#expect(from + index);
      text.set(this.#token, index * ORACLE_TOKEN_BYTES);
    }
    return text;
  }

  /** How many of `count` tokens from `from` stand at `at` of the bytes as they should, up to the first that does not. */
  matching(bytes: Uint8Array, at: number, from: number, count: number): number {
    const token = this.#token;
    let place = at;
    for (let index = 0; index < count; index += 1) {
      this.#expect(from + index);
      for (let byte = 0; byte < ORACLE_TOKEN_BYTES; byte += 1, place += 1) {
        if (bytes[place] !== token[byte]) return index;
      }
    }
    return count;
  }

  /** Puts the text of token `k` into `#token`. */
  #expect(k: number): void {
    const token = this.#token;
    const even = k & ~1;
    const shared =
      ((even + 1) & 63) !== 63 && mix(mix(this.#a ^ Math.imul(even + 1, 0x9e3779b1)) ^ this.#b) % LEAD_PERIOD === 0;
    let at = 0;
    if (shared && (k & 1) === 1) token[at++] = ACUTE_LAST;
    token[at] = letter(this.#a >>> 10);
    token[at + 1] = letter(this.#a >>> 5);
    token[at + 2] = letter(this.#a);
    token[at + 3] = letter(k >>> 15);
    token[at + 4] = letter(k >>> 10);
    token[at + 5] = letter(k >>> 5);
    token[at + 6] = letter(k);
    if (at === 0) token[7] = shared ? ACUTE_FIRST : SPACE;
  }
}
