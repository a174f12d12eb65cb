import type { TokenColumns } from '../../contract.ts';
import type { TurnContent } from './token-write.ts';

/** Tokens of a turn in arrays of their own, for callers off the hot path. */
export type WrittenTokens = {
  readonly ids: Uint32Array;
  readonly lengths: Uint8Array;
  readonly text: Uint8Array;
};

/** As {@link writtenTokens}, in the columns of the engine contract. */
export function tokenColumns(content: TurnContent, from: number, count: number): TokenColumns {
  const { ids, lengths, text } = writtenTokens(content, from, count);
  return { tokenId: ids, textLength: Uint32Array.from(lengths), text };
}

/** Tokens [from, from + count) of a turn. */
export function writtenTokens(content: TurnContent, from: number, count: number): WrittenTokens {
  const ids = new Uint32Array(count);
  const lengths = new Uint8Array(count);
  const text = new Uint8Array(count * content.tokenBytesMax);
  const bytes = content.write({ from, count, ids, idsAt: 0, lengths, lengthsAt: 0, text, textAt: 0 });
  return { ids, lengths, text: text.slice(0, bytes) };
}
