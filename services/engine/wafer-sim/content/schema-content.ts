import { GrammarWalk, type Grammar } from '@reticle/core/domain';
import { TOKEN_BYTES_MAX, tokeniseBytes } from '@reticle/core/domain/tokens';

import { oracleMix, type OracleKey } from './oracle-key.ts';
import type { TokenWrite, TurnContent } from './token-write.ts';

const NEWLINE = 0x0a;
const BYTES_FIRST = 512;

export type SchemaContentOptions = {
  readonly key: OracleKey;
  readonly vocab: number;
  readonly grammar: Grammar;
};

/**
 * Output under a grammar (WAFER §6.2), alike in both token modes: token k is legal[h(k) mod |legal|]. The text is
 * finite, so all of it is walked once, when the turn is drafted; past its end come newlines, which JSON allows and
 * nobody is sent.
 */
export class SchemaContent implements TurnContent {
  readonly tokenBytesMax = TOKEN_BYTES_MAX;
  /** Tokens of the complete text. */
  readonly tokens: number;
  readonly #ids: Uint32Array;
  readonly #text: Uint8Array;
  /** Byte at which each token begins, and the end of the last one. */
  readonly #starts: Uint32Array;
  readonly #newlineId: number;

  constructor({ key, vocab, grammar }: SchemaContentOptions) {
    this.#text = walked(grammar, key);
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

/** The text that the turn's key picks. Its tokens are the walk's, since each piece is a token wherever it stands. */
function walked(grammar: Grammar, key: OracleKey): Uint8Array {
  const walk = new GrammarWalk(grammar);
  let text = new Uint8Array(BYTES_FIRST);
  let size = 0;
  for (let { legal } = walk; legal.length > 0; { legal } = walk) {
    const piece = walk.take(oracleMix(key, walk.tokens) % legal.length);
    if (size + piece.length > text.length) {
      const larger = new Uint8Array(text.length * 2);
      larger.set(text);
      text = larger;
    }
    text.set(piece, size);
    size += piece.length;
  }
  return text.slice(0, size);
}
