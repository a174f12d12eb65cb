/**
 * Every id of one turn, forced ones included, for as long as its name is known: what another engine needs to go
 * on behind it (PROTOCOL E6), long after the ring has let the text go. 4 bytes a token, doubling while it grows;
 * cut to what is kept when the turn ends.
 */
const FIRST_IDS = 64;

export class IdLog {
  #ids: Uint32Array;
  #length: number;

  constructor(forced: readonly number[]) {
    this.#ids = Uint32Array.from(forced);
    this.#length = forced.length;
  }

  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.#ids.byteLength;
  }

  /** Appends `count` ids from `at` on. */
  append(ids: Uint32Array, at: number, count: number): void {
    const end = this.#length + count;
    if (end > this.#ids.length) {
      const grown = new Uint32Array(Math.max(end, this.#ids.length * 2, FIRST_IDS));
      grown.set(this.#ids);
      this.#ids = grown;
    }
    for (let index = 0; index < count; index++) this.#ids[this.#length + index] = ids[at + index] as number;
    this.#length = end;
  }

  /** The turn ends at `end`: later ids and spare memory go. */
  close(end: number): void {
    this.#length = Math.min(this.#length, end);
    this.#ids = this.#ids.slice(0, this.#length);
  }

  /** Ids of [first, end). */
  slice(first: number, end: number): number[] {
    return Array.from(this.#ids.subarray(first, Math.min(end, this.#length)));
  }
}
