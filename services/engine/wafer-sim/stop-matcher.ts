/** Finds the first stop string in a stream's text, also across the borders of tokens and batches. */
export class StopMatcher {
  readonly #stops: readonly Buffer[];
  readonly #tailBytes: number;
  /** End of the text seen so far, as far as a stop string may begin in it. */
  #tail: Buffer = Buffer.alloc(0);

  /** @param stops not empty, and none of them empty */
  constructor(stops: readonly string[]) {
    this.#stops = stops.map((stop) => Buffer.from(stop));
    this.#tailBytes = Math.max(...this.#stops.map((stop) => stop.length)) - 1;
  }

  /** Bytes of `text` through the end of the first stop string that ends in it; −1 when none does. */
  feed(text: Uint8Array): number {
    const seen = Buffer.concat([this.#tail, text]);
    let end = -1;
    for (const stop of this.#stops) {
      const at = seen.indexOf(stop);
      if (at >= 0 && (end < 0 || at + stop.length < end)) end = at + stop.length;
    }
    const before = this.#tail.length;
    this.#tail = Buffer.from(seen.subarray(Math.max(0, seen.length - this.#tailBytes)));
    return end < 0 ? -1 : end - before;
  }
}
