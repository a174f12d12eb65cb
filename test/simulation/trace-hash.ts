const PRIME = 0x01000193;
const FIRST = 0x811c9dc5;
/** Start of the second half, so that the two halves differ from the first byte on. */
const SECOND = 0x6b43a9b5;

/**
 * A running hash of everything that happened, in order: two 32-bit FNV-1a lines over words, one of which sees
 * each word rotated. Equal hashes of two runs mean equal runs.
 */
export class TraceHash {
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);
  #low = FIRST;
  #high = SECOND;

  number(value: number): void {
    this.#float[0] = value;
    this.#word(this.#words[0] as number);
    this.#word(this.#words[1] as number);
  }

  text(value: string): void {
    for (let at = 0; at < value.length; at++) this.#word(value.charCodeAt(at));
  }

  bytes(value: Uint8Array): void {
    for (const byte of value) this.#word(byte);
  }

  /** 16 hexadecimal digits. */
  get digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return `${hex(this.#high)}${hex(this.#low)}`;
  }

  #word(word: number): void {
    this.#low = Math.imul(this.#low ^ word, PRIME);
    this.#high = Math.imul(this.#high ^ ((word << 13) | (word >>> 19)), PRIME) + 0x9e3779b9;
    this.#low ^= this.#high >>> 15;
  }
}
