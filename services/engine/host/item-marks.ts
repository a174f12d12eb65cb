/**
 * The output items of one turn: which is open at an offset, and which marks a lane still has to be told.
 * Items follow one another; a driver tells a mark before the rows at or past its offset.
 */
import type { ItemMark } from '../contract.ts';

export class ItemMarks {
  #marks: ItemMark[] = [];
  #told = 0;

  add(mark: ItemMark): void {
    this.#marks.push(mark);
  }

  /** The opening mark of the item that is open behind the last token of [0, end). */
  openAt(end: number): ItemMark | undefined {
    let open: ItemMark | undefined;
    for (const mark of this.#marks) {
      if (!mark.closed && mark.atOffset < end) open = mark;
      else if (mark.closed && mark.atOffset <= end) open = undefined;
    }
    return open;
  }

  /** The marks that belong with the tokens of [0, end). */
  within(end: number): readonly ItemMark[] {
    return this.#marks.filter((mark) => belongs(mark, end));
  }

  /**
   * The next mark that belongs with the tokens of [0, sent), or undefined. An item opens with its first token,
   * so that a cut at that offset leaves no empty item behind.
   */
  next(sent: number): ItemMark | undefined {
    const mark = this.#marks[this.#told];
    return mark !== undefined && belongs(mark, sent) ? mark : undefined;
  }

  told(): void {
    this.#told++;
  }

  /** A new lane starts at `from`: it is told the item that is open there and everything behind it. */
  rebind(from: number): void {
    const open = this.openAt(from);
    const first = this.#marks.findIndex((mark) => mark === open || mark.atOffset >= from);
    this.#told = first < 0 ? this.#marks.length : first;
  }

  /** The turn ends at `end`: marks that no token below it belongs to are gone. */
  close(end: number): void {
    this.#marks = this.#marks.filter((mark) => belongs(mark, end));
    this.#told = Math.min(this.#told, this.#marks.length);
  }

  /** Tokens of [0, end) that belong to reasoning items. */
  reasoningTokens(end: number): number {
    let tokens = 0;
    let openedAt: number | undefined;
    for (const mark of this.#marks) {
      if (mark.kind === 'reasoning' && !mark.closed) openedAt = mark.atOffset;
      else if (mark.closed && openedAt !== undefined) {
        tokens += Math.min(mark.atOffset, end) - Math.min(openedAt, end);
        openedAt = undefined;
      }
    }
    return openedAt === undefined ? tokens : tokens + Math.max(0, end - openedAt);
  }
}

/** An item opens with its first token and closes behind its last. */
function belongs({ closed, atOffset }: ItemMark, end: number): boolean {
  return closed ? atOffset <= end : atOffset < end;
}
