import { createHash, type Hash } from 'node:crypto';
import { endianness } from 'node:os';

const littleEndian = endianness() === 'LE';

/** What decides a turn's content, step widths and natural length (WAFER §6.2). */
export type OracleKey = {
  /** First u32 of the key, little endian; its low 15 bits are the turn tag. */
  readonly a: number;
  /** Second u32 of the key, little endian. */
  readonly b: number;
  /** Ninth byte of the key: picks the natural length. */
  readonly lengthByte: number;
};

/**
 * SHA-256 over a context's token ids as u32 LE, built up as the context grows. A driver keeps one per node of
 * its context tree and copies it to branch, so that each token is hashed once in a session's life.
 */
export class ContextHash {
  readonly #hash: Hash;

  constructor(hash: Hash = createHash('sha256')) {
    this.#hash = hash;
  }

  /** Appends ids; the array is read before this returns. */
  update(ids: Uint32Array): this {
    this.#hash.update(littleEndianBytes(ids));
    return this;
  }

  /** An independent hash of the same ids. */
  copy(): ContextHash {
    return new ContextHash(this.#hash.copy());
  }

  /** Digest of the ids so far; more may follow. */
  digest(): Uint8Array {
    return this.#hash.copy().digest();
  }
}

function littleEndianBytes(ids: Uint32Array): Uint8Array {
  if (littleEndian) return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  const bytes = new Uint8Array(ids.byteLength);
  const view = new DataView(bytes.buffer);
  for (const [index, id] of ids.entries()) view.setUint32(index * 4, id, true);
  return bytes;
}

export type OracleKeyOptions = {
  /** With its `sha256:` prefix. */
  readonly modelDigest: string;
  readonly seed: number;
  /** Index among the n answers of one request, from 0. */
  readonly choice: number;
  /** The whole context before offset 0, without any delivered prefix. */
  readonly context: ContextHash;
};

/** SHA-256("reticle-oracle-v1" 00 modelDigest 00 seed 00 choice 00 digest of the context); numbers in ASCII decimal. */
export function oracleKey({ modelDigest, seed, choice, context }: OracleKeyOptions): OracleKey {
  const key = createHash('sha256')
    .update(`reticle-oracle-v1\0${modelDigest}\0${seed}\0${choice}\0`)
    .update(context.digest())
    .digest();
  return { a: key.readUInt32LE(0), b: key.readUInt32LE(4), lengthByte: key.readUInt8(8) };
}

/** MurmurHash3's 32-bit finaliser; unsigned. */
export function fmix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** h(k) of WAFER §6.2: 32 bits for number `k` of a turn with this key. */
export function oracleMix(key: OracleKey, k: number): number {
  return fmix(fmix(key.a ^ Math.imul(k + 1, 0x9e3779b1)) ^ key.b);
}
