/**
 * The chat template of simulated models (PROTOCOL E2, §4.1a "Rendering"): `<role>\n<text>\n` per message, and
 * `assistant\n` opens the answer. A conversation is one growing token sequence:
 *
 *     user\nHi\n  assistant\n  …generated tokens…  \n  user\nMore\n  assistant\n  …
 *     └── turn 1 ───────────┘                      └── turn 2 ────────────────┘
 *
 * What the model says besides a message has a heading behind `assistant\n`: `reasoning\n<text>`,
 * `function_call <name>\n<arguments>`, `custom_tool_call <name>\n<input>`. Other items are `<type>\n<text>\n`, tools as
 * canonical JSON. A model that says several items in one turn generates what stands between their texts
 * ({@link itemHeading}) as tokens without text.
 *
 * A generated answer carries no newline of its own, so the input that follows one begins with the newline
 * that closes it. Every rendered part ends at a newline, which no token crosses: tokens of the parts, put one
 * after the other, are the tokens of the whole text, and a client that sends the whole conversation again
 * (answers as the items they were) arrives at the same sequence.
 */
import { assertNever } from '../assert.ts';
import type { Item } from './item.ts';

/** Closes a generated answer. */
export const ANSWER_END = '\n';
/** Opens the answer of a turn. */
export const ANSWER_START = 'assistant\n';

/** What a turn can generate: `toolName` of calls. */
export type GeneratedItem = {
  readonly kind: 'message' | 'reasoning' | 'function-call' | 'custom-tool-call';
  readonly toolName: string;
};

/** What a turn generates before the text of an item: nothing where a message is the first. */
export function itemHeading({ kind, toolName }: GeneratedItem, isFirst: boolean): string {
  return `${isFirst ? '' : ANSWER_END + ANSWER_START}${kindHeading(kind, toolName)}`;
}

function kindHeading(kind: GeneratedItem['kind'], toolName: string): string {
  switch (kind) {
    case 'message':
      return '';
    case 'reasoning':
      return 'reasoning\n';
    case 'function-call':
      return `function_call ${toolName}\n`;
    case 'custom-tool-call':
      return `custom_tool_call ${toolName}\n`;
    default:
      return assertNever(kind);
  }
}

/** Items as text, without the glue at either end. */
export function renderItems(items: readonly Item[]): string {
  return items.map(renderItem).join('');
}

function renderItem(item: Item): string {
  switch (item.kind) {
    case 'message':
      return `${item.role}\n${item.text}\n`;
    case 'reasoning':
      return item.text === '' ? '' : answered(item, '', item.text);
    case 'function-call':
    case 'custom-tool-call':
      return answered(item, item.name, item.text);
    case 'function-call-output':
    case 'custom-tool-call-output':
    case 'tools':
    case 'additional-tools':
      return `${item.kind.replaceAll('-', '_')}\n${item.text}\n`;
    default:
      return assertNever(item);
  }
}

function answered({ kind }: Pick<GeneratedItem, 'kind'>, toolName: string, text: string): string {
  return `${ANSWER_START}${kindHeading(kind, toolName)}${text}${ANSWER_END}`;
}

export type TurnInput = {
  readonly items: readonly Item[];
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
