import { assert } from '../assert.ts';
import { countTokens, encodeUtf8, tokeniseBytes } from '../tokens/index.ts';

/** One way on from a rule: a token's text, then what follows it, in order. */
export type Move = {
  /** UTF-8 of one token of the simulated tokeniser. */
  readonly piece: Uint8Array;
  readonly next: readonly Rule[];
};

/**
 * A nonterminal in Greibach form: every move begins with a token. Moves are made when first asked for, so a large
 * grammar costs what is visited of it.
 */
export class Rule {
  /** Tokens of the shortest text. */
  readonly minTokens: number;
  readonly #make: () => readonly Move[];
  #moves: readonly Move[] | undefined;
  #shortest: readonly Move[] | undefined;

  constructor(minTokens: number, make: () => readonly Move[]) {
    this.minTokens = minTokens;
    this.#make = make;
  }

  /** At least one. */
  get moves(): readonly Move[] {
    this.#moves ??= this.#make();
    return this.#moves;
  }

  /** The moves that lead to a shortest text. */
  get shortest(): readonly Move[] {
    this.#shortest ??= this.moves.filter(({ next }) => 1 + tokensOf(next) === this.minTokens);
    assert(this.#shortest.length > 0, 'a rule knows its shortest text');
    return this.#shortest;
  }
}

/** Tokens of the shortest text of a sequence. */
export function tokensOf(rules: readonly Rule[]): number {
  let tokens = 0;
  for (const rule of rules) tokens += rule.minTokens;
  return tokens;
}

/**
 * A JSON text, token by token. No token crosses a quote, bracket, comma or colon, so a text that begins and ends at
 * such borders has the same tokens wherever it stands.
 */
export function textRule(text: string): Rule {
  return new Rule(countTokens(text), () => {
    const bytes = encodeUtf8(text);
    // Ids are of no use here, so any vocabulary does.
    const { lengths } = tokeniseBytes(bytes, 1);
    let rule: Rule | undefined;
    let end = bytes.length;
    for (let token = lengths.length - 1; token >= 0; token -= 1) {
      const piece = bytes.subarray(end - (lengths[token] ?? 0), end);
      const moves = [{ piece, next: rule === undefined ? [] : [rule] }];
      end -= piece.length;
      rule = new Rule(lengths.length - token, () => moves);
    }
    assert(rule !== undefined, 'a JSON text has a token');
    return rule.moves;
  });
}

/** The first token of a text; its other tokens and `after` follow. */
export function opening(text: string, after: readonly Rule[]): Move {
  return firstMove(textRule(text), after);
}

/** The one move of a text's rule, with `after` to follow the text. */
export function firstMove(text: Rule, after: readonly Rule[]): Move {
  const [move] = text.moves;
  assert(move !== undefined && text.moves.length === 1, 'a text has one move');
  return { piece: move.piece, next: [...move.next, ...after] };
}
