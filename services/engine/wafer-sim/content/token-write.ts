/**
 * Where tokens go. The caller owns the buffers and this object, and reuses both: writing allocates nothing per
 * token. `text` needs `count × tokenBytesMax` bytes of room past `textAt`.
 */
export type TokenWrite = {
  /** First offset to write. */
  from: number;
  count: number;
  ids: Uint32Array;
  idsAt: number;
  /** Bytes of text per token. */
  lengths: Uint8Array | Uint32Array;
  lengthsAt: number;
  text: Uint8Array;
  textAt: number;
};

/** What a turn says at every offset; it never ends, its length is decided elsewhere. Not safe to share between turns. */
export interface TurnContent {
  /** Bound on the bytes of one token's text. */
  readonly tokenBytesMax: number;
  /** Writes tokens [from, from + count) with their lengths and text; returns the bytes of text. Any order of offsets. */
  write(tokens: TokenWrite): number;
}
