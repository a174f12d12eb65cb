/**
 * The chat template of simulated models (PROTOCOL E2): `<role>\n<text>\n` per message, and `assistant\n`
 * opens the answer. A conversation is one growing token sequence:
 *
 *     user\nHi\n  assistant\n  …generated tokens…  \n  user\nMore\n  assistant\n  …
 *     └── turn 1 ───────────┘                      └── turn 2 ────────────────┘
 *
 * A generated answer carries no newline of its own, so the input that follows one begins with the newline
 * that closes it. Every rendered part ends at a newline, which no token crosses: tokens of the parts, put one
 * after the other, are the tokens of the whole text, and a client that sends the whole conversation again
 * (answers as assistant messages) arrives at the same sequence.
 */
import type { MessageItem } from './item.ts';

/** Closes a generated answer. */
export const ANSWER_END = '\n';
/** Opens the answer of a turn. */
export const ANSWER_START = 'assistant\n';

/** Messages as text, without the glue at either end. */
export function renderItems(items: readonly MessageItem[]): string {
  return items.map((item) => `${item.role}\n${item.text}\n`).join('');
}

export type TurnInput = {
  readonly items: readonly MessageItem[];
  /**
   * True when the context so far ends in an opened answer: the parent is a turn that generates, even if it was
   * cut at offset 0. False for a session's root, a warm or prefill-only parent.
   */
  readonly afterAssistantOutput: boolean;
  /** False for a prefix that is only prefilled (session prefix, warm-up, prefill-only turn). Default true. */
  readonly opensAnswer?: boolean;
};

/** The text that one turn appends to the context before its offset 0. */
export function renderTurnInput({ items, afterAssistantOutput, opensAnswer = true }: TurnInput): string {
  return `${afterAssistantOutput ? ANSWER_END : ''}${renderItems(items)}${opensAnswer ? ANSWER_START : ''}`;
}
