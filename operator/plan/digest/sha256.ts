/**
 * SHA-256 of text as UTF-8 (FIPS 180-4), `sha256:` and 64 hexadecimal digits. The planner is pure and has no
 * library at hand; plans and revisions are named by it.
 */
export function sha256(text: string): string {
  const bytes = padded(utf8(text));
  const view = new DataView(bytes.buffer);
  const state = Int32Array.from(START);
  const words = new Int32Array(64);
  for (let block = 0; block < bytes.length; block += 64) {
    for (let i = 0; i < 16; i += 1) words[i] = view.getInt32(block + 4 * i);
    expand(words);
    compress(state, words);
  }
  return `sha256:${Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')}`;
}

const primes = firstPrimes(64);
/** The first 32 bits of the fractional parts of square roots and cube roots of the first primes. */
const START = primes.slice(0, 8).map((prime) => fractionBits(Math.sqrt(prime)));
const ROUND = Int32Array.from(primes, (prime) => fractionBits(Math.cbrt(prime)));

function firstPrimes(count: number): readonly number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n += 1) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

function fractionBits(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
}

/** Room for every code unit at its longest; names and numbers are ASCII, which takes the first branch. */
function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      bytes[length] = unit;
      length += 1;
    } else {
      const code = text.codePointAt(i) ?? 0;
      length += encode(bytes, length, code);
      if (code >= 0x10000) i += 1;
    }
  }
  return bytes.subarray(0, length);
}

/** Writes a code point of several bytes and returns how many. */
function encode(bytes: Uint8Array, at: number, code: number): number {
  const parts =
    code < 0x800
      ? [0xc0 | (code >> 6), tail(code)]
      : code < 0x10000
        ? [0xe0 | (code >> 12), tail(code >> 6), tail(code)]
        : [0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code)];
  bytes.set(parts, at);
  return parts.length;
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

/** A set bit, zeros, and the length in bits as 64-bit number, up to a whole block. */
function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setUint32(whole.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(whole.length - 4, (bytes.length * 8) >>> 0);
  return whole;
}

function at(words: Int32Array, index: number): number {
  return words[index] ?? 0;
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function expand(words: Int32Array): void {
  for (let i = 16; i < 64; i += 1) {
    const a = at(words, i - 15);
    const b = at(words, i - 2);
    const low = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
    const high = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
    words[i] = (at(words, i - 16) + low + at(words, i - 7) + high) | 0;
  }
}

function compress(state: Int32Array, words: Int32Array): void {
  let a = at(state, 0);
  let b = at(state, 1);
  let c = at(state, 2);
  let d = at(state, 3);
  let e = at(state, 4);
  let f = at(state, 5);
  let g = at(state, 6);
  let h = at(state, 7);
  for (let i = 0; i < 64; i += 1) {
    const first =
      (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + at(ROUND, i) + at(words, i)) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] = at(state, 0) + a;
  state[1] = at(state, 1) + b;
  state[2] = at(state, 2) + c;
  state[3] = at(state, 3) + d;
  state[4] = at(state, 4) + e;
  state[5] = at(state, 5) + f;
  state[6] = at(state, 6) + g;
  state[7] = at(state, 7) + h;
}
