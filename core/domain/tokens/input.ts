import { ReticleError } from '../reticle-error.ts';
import type { Tool } from '../tools/tool.ts';
import type { Item } from './item.ts';
import { ANSWER_END, ANSWER_START, renderItems } from './template.ts';
import { countTokens } from './token-counter.ts';
import { tokenise } from './tokeniser.ts';

/** One `InputItem` of the wire: an item, or a client's own tokens. */
export type InputPiece =
  | { readonly kind: 'item'; readonly item: Item }
  | { readonly kind: 'tokens'; readonly ids: ArrayLike<number> };

export type TokeniseInputOptions = {
  /** Ids in the model's vocabulary. */
  readonly vocab: number;
  /** As in {@link renderTurnInput}. */
  readonly afterAssistantOutput: boolean;
  /** As in {@link renderTurnInput}. */
  readonly opensAnswer?: boolean;
};

export type TokenisedInput = {
  /** What this input appends to the context; its length is its exact price in tokens. */
  readonly ids: Uint32Array;
  /** Text of the last user message here; a caller keeps the parent's when there is none. */
  readonly lastUserText: string | undefined;
  /** The six characters after the first `cnry-` here; a caller keeps the parent's when it has one (WAFER §6.2). */
  readonly canary: string | undefined;
  /** The item that stands last, tools aside; undefined when the client's own tokens do, or nothing. */
  readonly lastItem: Item | undefined;
  /** Tools of `additional_tools` here; they stay for the turns that follow. */
  readonly additionalTools: readonly Tool[];
};

const CANARY = /cnry-([a-z2-7]{6})/;

/**
 * Tokens that one turn's (or one prefix's) input appends to the context: the text of {@link renderTurnInput},
 * with token spans as given in their places. Glue belongs to text: a span at the input's start takes no closing
 * newline before it, a span at its end no `assistant\n` after it, since whoever sends tokens has rendered the
 * template. Without any piece the glue stands alone. Gateway and simulator both call this, so counts agree.
 *
 * @throws ReticleError `value_out_of_range` for a span's id outside the vocabulary
 */
export function tokeniseInput(pieces: readonly InputPiece[], options: TokeniseInputOptions): TokenisedInput {
  const items = pieces.flatMap((piece) => (piece.kind === 'item' ? [piece.item] : []));
  return {
    ids: joined(
      partsOf(pieces, options).map((part) => (typeof part === 'string' ? tokenise(part, options.vocab).ids : part)),
    ),
    lastUserText: items.findLast((item) => item.kind === 'message' && item.role === 'user')?.text,
    canary: firstCanary(items),
    lastItem: lastItem(pieces),
    additionalTools: items.flatMap((item) => (item.kind === 'additional-tools' ? item.tools : [])),
  };
}

/** A piece, or the tokens of an item that were counted before ({@link renderItems}, {@link countTokens}). */
export type CountedPiece = InputPiece | { readonly kind: 'counted'; readonly tokens: number };

/**
 * How many tokens {@link tokeniseInput} gives, without making them: a gateway asks this of every request.
 *
 * @throws ReticleError as {@link tokeniseInput}
 */
export function countInput(pieces: readonly CountedPiece[], options: TokeniseInputOptions): number {
  const closing = options.afterAssistantOutput && pieces[0]?.kind !== 'tokens' ? ANSWER_END : '';
  const opening = options.opensAnswer !== false && pieces.at(-1)?.kind !== 'tokens' ? ANSWER_START : '';
  // Every rendered part ends at a newline, which no token crosses: parts are counted apart.
  const own = pieces.map((piece, index) => countPiece(piece, index, options.vocab));
  return own.reduce((sum, tokens) => sum + tokens, countTokens(closing) + countTokens(opening));
}

function countPiece(piece: CountedPiece, index: number, vocab: number): number {
  if (piece.kind === 'counted') return piece.tokens;
  if (piece.kind === 'item') return countTokens(renderItems([piece.item]));
  checkSpan(piece.ids, vocab, index);
  return piece.ids.length;
}

function lastItem(pieces: readonly InputPiece[]): Item | undefined {
  const last = pieces.findLast((piece) => piece.kind === 'tokens' || !('tools' in piece.item));
  return last?.kind === 'item' ? last.item : undefined;
}

/** Texts and spans in their places; every text but the last ends at a newline, which no token crosses. */
function partsOf(
  pieces: readonly InputPiece[],
  options: TokeniseInputOptions,
): readonly (string | ArrayLike<number>)[] {
  const parts: (string | ArrayLike<number>)[] = [];
  let text = options.afterAssistantOutput && pieces[0]?.kind !== 'tokens' ? ANSWER_END : '';
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind === 'item') {
      text += renderItems([piece.item]);
      continue;
    }
    checkSpan(piece.ids, options.vocab, index);
    parts.push(text, piece.ids);
    text = '';
  }
  if (options.opensAnswer !== false && pieces.at(-1)?.kind !== 'tokens') text += ANSWER_START;
  parts.push(text);
  return parts;
}

function firstCanary(items: readonly Item[]): string | undefined {
  for (const { text } of items) {
    const found = CANARY.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkSpan(ids: ArrayLike<number>, vocab: number, index: number): void {
  for (let at = 0; at < ids.length; at += 1) {
    const id = ids[at] ?? -1;
    if (Number.isInteger(id) && id >= 0 && id < vocab) continue;
    const details = { limit: String(vocab - 1), position: String(at) };
    throw new ReticleError('value_out_of_range', 'a token id is outside the vocabulary', {
      param: `input[${index}].tokens`,
      details,
    });
  }
}

function joined(parts: readonly ArrayLike<number>[]): Uint32Array {
  const ids = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}
