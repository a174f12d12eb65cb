import type { ItemMark } from '../contract.ts';
import type { OracleKey } from './content/oracle-key.ts';

/**
 * Output items of one turn: one MESSAGE from offset 0 to the end, or one every `itemEvery` tokens. An item opens with
 * its first token and closes with its last one. Ids follow from the turn's key, so a continuation on another replica
 * names the same.
 */
export class ItemCursor {
  readonly #idPrefix: string;
  readonly #every: number;
  #index = 0;
  #open = false;

  constructor(key: OracleKey, itemEvery: number = Infinity) {
    this.#idPrefix = `msg_${hex(key.a)}${hex(key.b)}`;
    this.#every = itemEvery;
  }

  /** Number of generated tokens at which the next item opens or closes. */
  get dueAt(): number {
    return this.#open ? (this.#index + 1) * this.#every : this.#openAt + 1;
  }

  /** Marks that `generated` tokens bring, each told once. */
  through(generated: number): readonly ItemMark[] {
    const marks: ItemMark[] = [];
    while (this.dueAt <= generated) {
      if (this.#open) {
        marks.push(this.#close(this.dueAt));
      } else {
        this.#open = true;
        marks.push(this.#mark(this.#openAt, false));
      }
    }
    return marks;
  }

  /** Closes an item that is open at the turn's end. */
  end(atOffset: number): readonly ItemMark[] {
    return this.#open ? [this.#close(atOffset)] : [];
  }

  get #openAt(): number {
    return this.#index === 0 ? 0 : this.#index * this.#every;
  }

  #close(atOffset: number): ItemMark {
    const mark = this.#mark(atOffset, true);
    this.#open = false;
    this.#index += 1;
    return mark;
  }

  #mark(atOffset: number, closed: boolean): ItemMark {
    const itemId = `${this.#idPrefix}_${this.#index}`;
    return { itemIndex: this.#index, kind: 'message', atOffset, closed, itemId, callId: '', toolName: '' };
  }
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
