import { TOKEN_BYTES_MAX, tokeniseBytes } from '@reticle/core/domain/tokens';

import type { TokenWrite, TurnContent } from './token-write.ts';

const NEWLINE = 0x0a;

/** A text that is known as a whole. Past its end come newlines, which JSON allows and nobody is sent. */
export class FixedContent implements TurnContent {
  readonly tokenBytesMax = TOKEN_BYTES_MAX;
  /** Tokens of the complete text. */
  readonly tokens: number;
  readonly #ids: Uint32Array;
  readonly #text: Uint8Array;
  /** Byte at which each token begins, and the end of the last one. */
  readonly #starts: Uint32Array;
  readonly #newlineId: number;

  constructor(text: Uint8Array, vocab: number) {
    this.#text = text;
    const { ids, lengths } = tokeniseBytes(this.#text, vocab);
    this.tokens = ids.length;
    this.#ids = ids;
    this.#starts = new Uint32Array(ids.length + 1);
    for (let token = 0; token < ids.length; token += 1) {
      this.#starts[token + 1] = (this.#starts[token] ?? 0) + (lengths[token] ?? 0);
    }
    this.#newlineId = tokeniseBytes(Uint8Array.of(NEWLINE), vocab).ids[0] ?? 0;
  }

  write({ from, count, ids, idsAt, lengths, lengthsAt, text, textAt }: TokenWrite): number {
    const inside = Math.max(0, Math.min(count, this.tokens - from));
    for (let index = 0; index < inside; index += 1) {
      ids[idsAt + index] = this.#ids[from + index] ?? 0;
      lengths[lengthsAt + index] = this.#start(from + index + 1) - this.#start(from + index);
    }
    const own =
      inside === 0 ? this.#text.subarray(0, 0) : this.#text.subarray(this.#start(from), this.#start(from + inside));
    text.set(own, textAt);
    ids.fill(this.#newlineId, idsAt + inside, idsAt + count);
    lengths.fill(1, lengthsAt + inside, lengthsAt + count);
    text.fill(NEWLINE, textAt + own.length, textAt + own.length + count - inside);
    return own.length + count - inside;
  }

  #start(token: number): number {
    return this.#starts[token] ?? 0;
  }
}

/** Tokens of a text that nobody is sent: what stands between the texts of items. */
export class SilentContent implements TurnContent {
  readonly tokenBytesMax = 0;
  readonly tokens: number;
  readonly #ids: Uint32Array;

  constructor(text: Uint8Array, vocab: number) {
    this.#ids = tokeniseBytes(text, vocab).ids;
    this.tokens = this.#ids.length;
  }

  write({ from, count, ids, idsAt, lengths, lengthsAt }: TokenWrite): number {
    ids.set(this.#ids.subarray(from, from + count), idsAt);
    lengths.fill(0, lengthsAt, lengthsAt + count);
    return 0;
  }
}
