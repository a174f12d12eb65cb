import type { Random } from '@reticle/core/flow';
import type { StepBatch, StreamId } from '../contract.ts';
import type { GarbledField } from './faults/fault.ts';
import type { TokenWrite, TurnContent } from './content/token-write.ts';

/** Largest token of the simulated tokeniser, in bytes; room for text is kept for that many per token. */
const TOKEN_BYTES_MAX = 8;
const ROWS_FIRST = 64;
const TOKENS_FIRST = 1024;

type Growing = { -readonly [Key in keyof StepBatch]: StepBatch[Key] };

/**
 * One wake's tokens, written in place: content writes straight into the columns of the one reused batch, which
 * only grows. Nothing is allocated per token or row once it has reached its size.
 */
export class StepBuffer {
  readonly #batch: Growing = {
    rows: 0,
    stream: new Uint32Array(ROWS_FIRST),
    firstOffset: new Uint32Array(ROWS_FIRST),
    count: new Uint32Array(ROWS_FIRST),
    dueMicros: new Uint32Array(ROWS_FIRST),
    tokenId: new Uint32Array(TOKENS_FIRST),
    textLength: new Uint32Array(TOKENS_FIRST),
    text: new Uint8Array(TOKENS_FIRST * TOKEN_BYTES_MAX),
    tokens: 0,
    textBytes: 0,
  };
  readonly #write: TokenWrite = {
    from: 0,
    count: 0,
    ids: this.#batch.tokenId,
    idsAt: 0,
    lengths: this.#batch.textLength,
    lengthsAt: 0,
    text: this.#batch.text,
    textAt: 0,
  };

  get batch(): StepBatch {
    return this.#batch;
  }

  reset(): void {
    this.#batch.rows = 0;
    this.#batch.tokens = 0;
    this.#batch.textBytes = 0;
  }

  /** Appends a row: tokens [from, from + count) of `content`. The text starts at the `textBytes` from before. */
  append(stream: StreamId, content: TurnContent, from: number, count: number): void {
    const batch = this.#batch;
    if (batch.rows === batch.stream.length) this.#growRows();
    if (batch.tokens + count > batch.tokenId.length) this.#growTokens(batch.tokens + count);
    const write = this.#write;
    write.from = from;
    write.count = count;
    write.idsAt = batch.tokens;
    write.lengthsAt = batch.tokens;
    write.textAt = batch.textBytes;
    batch.stream[batch.rows] = stream;
    batch.firstOffset[batch.rows] = from;
    batch.count[batch.rows] = count;
    batch.textBytes += content.write(write);
    batch.tokens += count;
    batch.rows += 1;
  }

  /** Due time of the last row's newest token. */
  stamp(dueUs: number): void {
    this.#batch.dueMicros[this.#batch.rows - 1] = dueUs;
  }

  /** Drops the newest tokens of the last row, which keeps one at least. */
  shorten(tokens: number): void {
    const batch = this.#batch;
    const row = batch.rows - 1;
    for (let index = 0; index < tokens; index += 1) {
      batch.tokens -= 1;
      batch.textBytes -= batch.textLength[batch.tokens] ?? 0;
    }
    batch.count[row] = (batch.count[row] ?? 0) - tokens;
  }

  /** Puts a wrong offset, or a wrong token id, into one row. */
  garble(what: GarbledField, random: Random): void {
    const batch = this.#batch;
    const row = Math.floor(random.unit() * batch.rows);
    const first = batch.firstOffset[row] ?? 0;
    if (what === 'offset') {
      batch.firstOffset[row] = first > 0 && random.unit() < 0.5 ? first - 1 : first + 1;
      return;
    }
    let token = 0;
    for (let other = 0; other < row; other += 1) token += batch.count[other] ?? 0;
    const id = batch.tokenId[token] ?? 0;
    batch.tokenId[token] = id > 0 ? id - 1 : 1;
  }

  #growRows(): void {
    const batch = this.#batch;
    batch.stream = doubled(batch.stream);
    batch.firstOffset = doubled(batch.firstOffset);
    batch.count = doubled(batch.count);
    batch.dueMicros = doubled(batch.dueMicros);
  }

  #growTokens(needed: number): void {
    const batch = this.#batch;
    while (batch.tokenId.length < needed) {
      batch.tokenId = doubled(batch.tokenId);
      batch.textLength = doubled(batch.textLength);
    }
    const text = new Uint8Array(batch.tokenId.length * TOKEN_BYTES_MAX);
    text.set(batch.text);
    batch.text = text;
    this.#write.ids = batch.tokenId;
    this.#write.lengths = batch.textLength;
    this.#write.text = text;
  }
}

function doubled(old: Uint32Array): Uint32Array {
  const fresh = new Uint32Array(old.length * 2);
  fresh.set(old);
  return fresh;
}
