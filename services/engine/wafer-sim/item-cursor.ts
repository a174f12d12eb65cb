import type { ItemKind, ItemMark } from '../contract.ts';
import type { OracleKey } from './content/oracle-key.ts';
import type { ItemSpan } from './script/scripted-content.ts';

const idPrefixes: Readonly<Record<ItemKind, string>> = {
  message: 'msg',
  reasoning: 'rs',
  'function-call': 'fc',
  'custom-tool-call': 'ctc',
};

/** No item follows. */
const NOTHING: ItemSpan = { kind: 'message', toolName: '', openAt: Infinity, closeAt: Infinity };

/** Messages one after the other, each of `every` tokens; Infinity: one for the whole turn. */
export function messagesEvery(every: number = Infinity): (index: number) => ItemSpan {
  return (index) => ({
    kind: 'message',
    toolName: '',
    openAt: index === 0 ? 0 : index * every,
    closeAt: (index + 1) * every,
  });
}

/** The items of a script. */
export function scriptedItems(spans: readonly ItemSpan[]): (index: number) => ItemSpan {
  return (index) => spans[index] ?? NOTHING;
}

/**
 * Output items of one turn. An item opens with its first token and closes with its last one. Ids follow from the turn's
 * key, so a continuation on another replica names the same.
 */
export class ItemCursor {
  readonly #turnTag: string;
  readonly #spanAt: (index: number) => ItemSpan;
  #index = 0;
  #open = false;
  #span: ItemSpan;

  constructor(key: OracleKey, spanAt: (index: number) => ItemSpan) {
    this.#turnTag = `${hex(key.a)}${hex(key.b)}`;
    this.#spanAt = spanAt;
    this.#span = spanAt(0);
  }

  /** Number of generated tokens at which the next item opens or closes. */
  get dueAt(): number {
    return this.#open ? this.#span.closeAt : this.#span.openAt + 1;
  }

  /** Marks that `generated` tokens bring, each told once. */
  through(generated: number): readonly ItemMark[] {
    const marks: ItemMark[] = [];
    while (this.dueAt <= generated) {
      if (this.#open) {
        marks.push(this.#close(this.dueAt));
      } else {
        this.#open = true;
        marks.push(this.#mark(this.#span.openAt, false));
      }
    }
    return marks;
  }

  /** Closes a message that is open at the turn's end. Half a call or half a thought stays open: it is no item. */
  end(atOffset: number): readonly ItemMark[] {
    return this.#open && this.#span.kind === 'message' ? [this.#close(atOffset)] : [];
  }

  #close(atOffset: number): ItemMark {
    const mark = this.#mark(atOffset, true);
    this.#open = false;
    this.#index += 1;
    this.#span = this.#spanAt(this.#index);
    return mark;
  }

  #mark(atOffset: number, closed: boolean): ItemMark {
    const { kind, toolName } = this.#span;
    const name = `${this.#turnTag}_${this.#index}`;
    const callId = kind === 'function-call' || kind === 'custom-tool-call' ? `call_${name}` : '';
    return { itemIndex: this.#index, kind, atOffset, closed, itemId: `${idPrefixes[kind]}_${name}`, callId, toolName };
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
