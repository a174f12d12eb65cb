import type { OracleTurn } from './oracle.ts';
import { outcomes, statuses } from './wire.ts';
import type { ControlAck, ConverseResponse, TokenFrame, TurnEnded } from './wire.ts';

const PROBLEMS_MAX = 20;

/**
 * Follows one turn over any number of attachments and notes everything that breaks a promise:
 *
 * 1. frames are dense from where the reader stands, and every id, byte and length is the oracle's;
 * 2. nothing comes before TurnStarted, at or past E after the ack that named E, or after the terminal;
 * 3. marks come in order, before any token at or past them, and frames name the item that is open;
 * 4. exactly one terminal, which says how far the tokens went.
 */
export class TokenChecker {
  readonly turnId: string;
  readonly #oracle: OracleTurn;
  readonly #problems: string[] = [];
  #position = 0;
  #announced = false;
  #item = 0;
  #cutAt: number | undefined;
  #terminal: TurnEnded | undefined;
  #tokensWithIds = 0;
  #tokensWithText = 0;

  constructor(turnId: string, oracle: OracleTurn) {
    this.turnId = turnId;
    this.#oracle = oracle;
  }

  /** Exclusive end of what arrived. */
  get position(): number {
    return this.#position;
  }

  get terminal(): TurnEnded | undefined {
    return this.#terminal;
  }

  /** Tokens whose ids, and whose text, were compared. */
  get compared(): { ids: number; text: number } {
    return { ids: this.#tokensWithIds, text: this.#tokensWithText };
  }

  /** A new attachment reads from `offset`; it may be told the terminal again. */
  resumeAt(offset: number): void {
    this.#position = offset;
    this.#announced = true;
    this.#terminal = undefined;
  }

  /** Everything wrong so far; a turn without a terminal is wrong too. */
  faults(): readonly string[] {
    return this.#terminal === undefined ? [...this.#problems, 'no terminal'] : this.#problems;
  }

  /** What is wrong while the turn still runs. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  feed(response: ConverseResponse): void {
    const { message } = response;
    const told = message === undefined ? undefined : response[message];
    if (!told || !('turnId' in told) || told.turnId !== this.turnId) return;
    const { turnStarted, tokenFrame, itemMark, controlAck, turnEnded } = response;
    if (turnStarted) this.#started(turnStarted.promptTokens);
    if (tokenFrame) this.#frame(tokenFrame);
    if (itemMark) this.#mark(itemMark.atOffset, itemMark.itemIndex, itemMark.closed);
    if (controlAck) this.#acked(controlAck);
    if (turnEnded) this.#ended(turnEnded);
  }

  #acked({ outcome, effectiveOffset: offset }: ControlAck): void {
    if (outcome !== outcomes.applied && outcome !== outcomes.alreadyEnded) return;
    if (this.#cutAt !== undefined && this.#cutAt !== offset) this.#note(`E moved from ${this.#cutAt} to ${offset}`);
    this.#cutAt = offset;
  }

  #started(promptTokens: number): void {
    if (this.#terminal !== undefined) this.#note('TurnStarted after the terminal');
    if (promptTokens !== this.#oracle.promptTokens) {
      this.#note(`prompt of ${promptTokens} tokens, not ${this.#oracle.promptTokens}`);
    }
    this.#announced = true;
  }

  #frame(frame: TokenFrame): void {
    const { firstOffset, tokenCount } = frame;
    const end = firstOffset + tokenCount;
    if (!this.#announced) this.#note('tokens before TurnStarted');
    if (this.#terminal !== undefined) this.#note(`tokens at ${firstOffset} after the terminal`);
    if (tokenCount < 1) this.#note('an empty frame');
    if (firstOffset !== this.#position) this.#note(`frame at ${firstOffset}, wanted ${this.#position}`);
    if (this.#cutAt !== undefined && end > this.#cutAt) this.#note(`tokens to ${end} past E ${this.#cutAt}`);
    if (frame.itemIndex !== this.#item) this.#note(`item ${frame.itemIndex} at ${firstOffset}, wanted ${this.#item}`);
    this.#compare(frame);
    this.#position = end;
  }

  #compare({ firstOffset, tokenCount, tokenIds, text, textLengths }: TokenFrame): void {
    const want = this.#oracle.tokens(firstOffset, tokenCount);
    if (tokenIds.length > 0) {
      if (!sameNumbers(tokenIds, want.ids)) this.#note(`foreign ids at ${firstOffset}`);
      this.#tokensWithIds += tokenCount;
    }
    if (text.length === 0) return;
    if (!want.text.every((byte, index) => text[index] === byte) || text.length !== want.text.length) {
      this.#note(`foreign text at ${firstOffset}`);
    }
    const lengths = tokenCount === 1 ? [] : want.lengths;
    if (!sameNumbers(textLengths, lengths)) this.#note(`text lengths at ${firstOffset}`);
    this.#tokensWithText += tokenCount;
  }

  #mark(atOffset: number, itemIndex: number, closed: boolean): void {
    if (this.#terminal !== undefined) this.#note('a mark after the terminal');
    if (atOffset > this.#position) this.#note(`mark at ${atOffset} told at ${this.#position}`);
    if (!closed) this.#item = itemIndex;
  }

  #ended(terminal: TurnEnded): void {
    if (this.#terminal !== undefined) this.#note('a second terminal');
    this.#terminal = terminal;
    const { endOffset, status } = terminal;
    const cut = status === statuses.interrupted || status === statuses.redirected;
    if (cut && this.#cutAt !== undefined && endOffset !== this.#cutAt) {
      this.#note(`ended at ${endOffset}, cut at ${this.#cutAt}`);
    }
    if (this.#position < endOffset) this.#note(`ended at ${endOffset}, tokens came to ${this.#position}`);
    if (!cut && this.#position > endOffset) this.#note(`tokens to ${this.#position} past the end ${endOffset}`);
  }

  #note(problem: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(problem);
  }
}

function sameNumbers(got: ArrayLike<number>, want: ArrayLike<number>): boolean {
  if (got.length !== want.length) return false;
  for (let index = 0; index < want.length; index += 1) if (got[index] !== want[index]) return false;
  return true;
}
