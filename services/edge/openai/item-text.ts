import type { TokenRun } from '@reticle/services/stream';

const BLOCK_BYTES = 8_192;
const ENDS_PER_BLOCK = 1_024;
/** Bytes of the longest code point in UTF-8. */
const SEQUENCE_BYTES_MAX = 4;

/**
 * Text of one item, with the byte at which each of its tokens ends, so that it can be trimmed at any token (R1).
 * Blocks never move: a long answer costs its bytes once.
 */
export class ItemText {
  readonly #blocks: Buffer[] = [];
  readonly #ends: Uint32Array[] = [];
  #bytes = 0;
  #tokens = 0;

  /** Bytes of all tokens held. */
  get bytes(): number {
    return this.#bytes;
  }

  get tokens(): number {
    return this.#tokens;
  }

  /** Takes tokens [from, run's end) of a run, `from` ≥ its first offset. */
  append(run: TokenRun, from: number): void {
    const skipped = from - run.firstOffset;
    const textFrom = skipped === 0 ? run.textStart : (run.textEnds[run.textEndsAt + skipped - 1] ?? run.textStart);
    const shift = this.#bytes - textFrom;
    for (let index = skipped; index < run.tokenCount; index++) {
      this.#setEnd((run.textEnds[run.textEndsAt + index] ?? textFrom) + shift);
    }
    this.#copy(run.text, textFrom, run.textEnds[run.textEndsAt + run.tokenCount - 1] ?? textFrom);
  }

  /** The byte behind a token, counted from the item's first; 0 for none. */
  byteEnd(tokens: number): number {
    if (tokens <= 0) return 0;
    const index = Math.min(tokens, this.#tokens) - 1;
    return this.#ends[Math.floor(index / ENDS_PER_BLOCK)]?.[index % ENDS_PER_BLOCK] ?? 0;
  }

  /** The last border of code points at or before a byte: a token may split one, and its first half waits. */
  border(byte: number): number {
    for (let back = 1; back <= SEQUENCE_BYTES_MAX && back <= byte; back++) {
      const lead = this.#byte(byte - back);
      if (!isContinuation(lead)) return sequenceBytes(lead) > back ? byte - back : byte;
    }
    return byte;
  }

  /** Text of bytes [from, through), both on borders. */
  slice(from: number, through: number): string {
    const first = Math.floor(from / BLOCK_BYTES);
    if (Math.floor((through - 1) / BLOCK_BYTES) === first) {
      return this.#blocks[first]?.toString('utf8', from % BLOCK_BYTES, through - first * BLOCK_BYTES) ?? '';
    }
    const parts: Buffer[] = [];
    for (let at = from; at < through;) {
      const index = Math.floor(at / BLOCK_BYTES);
      const end = Math.min(through, (index + 1) * BLOCK_BYTES);
      parts.push((this.#blocks[index] as Buffer).subarray(at - index * BLOCK_BYTES, end - index * BLOCK_BYTES));
      at = end;
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** Forgets what lies past a number of tokens (R2). */
  trim(tokens: number): void {
    if (tokens >= this.#tokens) return;
    this.#bytes = this.byteEnd(tokens);
    this.#tokens = tokens;
  }

  #setEnd(end: number): void {
    const index = Math.floor(this.#tokens / ENDS_PER_BLOCK);
    const block = (this.#ends[index] ??= new Uint32Array(ENDS_PER_BLOCK));
    block[this.#tokens % ENDS_PER_BLOCK] = end;
    this.#tokens += 1;
  }

  #copy(text: Uint8Array, from: number, through: number): void {
    for (let at = from; at < through;) {
      const index = Math.floor(this.#bytes / BLOCK_BYTES);
      const block = (this.#blocks[index] ??= Buffer.allocUnsafe(BLOCK_BYTES));
      const room = BLOCK_BYTES - (this.#bytes % BLOCK_BYTES);
      const count = Math.min(room, through - at);
      block.set(text.subarray(at, at + count), this.#bytes % BLOCK_BYTES);
      this.#bytes += count;
      at += count;
    }
  }

  #byte(at: number): number {
    return this.#blocks[Math.floor(at / BLOCK_BYTES)]?.[at % BLOCK_BYTES] ?? 0;
  }
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function sequenceBytes(lead: number): number {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}
