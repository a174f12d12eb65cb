import { GrammarWalk, type Grammar } from '@reticle/core/domain';

import { FixedContent } from './fixed-content.ts';
import { oracleMix, type OracleKey } from './oracle-key.ts';

const BYTES_FIRST = 512;

export type SchemaContentOptions = {
  readonly key: OracleKey;
  readonly vocab: number;
  readonly grammar: Grammar;
};

/**
 * Output under a grammar (WAFER §6.2), alike in both token modes: token k is legal[h(k) mod |legal|]. The text is
 * finite, so all of it is walked once, when the turn is drafted.
 */
export function schemaContent({ key, vocab, grammar }: SchemaContentOptions): FixedContent {
  return new FixedContent(walked(grammar, key), vocab);
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
