import { assert } from '../assert.ts';
import type { Move, Rule } from './rule.ts';

/**
 * Tokens after which only the shortest ways on are legal, so that every text ends: what an open schema may add
 * (optional members, items, words) stops here, what is demanded follows.
 */
const OPEN_TOKENS = 1_024;

/** What output must be, as rules over tokens. Immutable; walks of it are independent. */
export type Grammar = { readonly root: Rule };

/** One text of a grammar, token by token. It ends: each state's legal tokens all lead to a complete text. */
export class GrammarWalk {
  /** Rules that are still to be made, the next one last. */
  readonly #open: Rule[];
  #tokens = 0;

  constructor({ root }: Grammar) {
    this.#open = [root];
  }

  /** Tokens taken so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /** The moves from here; none once the text is complete. Two branches that begin alike are two moves. */
  get legal(): readonly Move[] {
    const next = this.#open.at(-1);
    if (next === undefined) return [];
    return this.#tokens < OPEN_TOKENS ? next.moves : next.shortest;
  }

  /** Takes one of the legal moves; returns its text. */
  take(index: number): Uint8Array {
    const move = this.legal[index];
    assert(move !== undefined, 'a walk takes a legal move');
    this.#open.pop();
    for (let at = move.next.length - 1; at >= 0; at -= 1) this.#open.push(move.next[at] as Rule);
    this.#tokens += 1;
    return move.piece;
  }
}
