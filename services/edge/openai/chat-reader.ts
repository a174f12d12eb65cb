/**
 * The chunks of one Chat answer (PROTOCOL §4.4): a cursor over the record of each of its choices.
 *
 *     per choice: role → { content | reasoning | tool_calls }* → finish_reason;  then [usage] → [DONE] | error
 *
 * Invariants
 * 1. With `after` = N, the first text begins at offset N and the role is not told again; only a single choice has offsets.
 * 2. Text is whole code points; a token that ends inside one is told with the next.
 * 3. Nothing follows `[DONE]` or the error.
 */
import type { TurnError } from '@reticle/services/session';
import { chatHead, chatReticle, chatUsage, finishReason, timeInfo, type ChatAnswer } from './chat-object.ts';
import { callStart, callText } from './chat-tools.ts';
import { isCall, type OutputItem, type ResponseRecord } from './response-record.ts';

/** Where an answer's chunks go, in order. */
export interface ChunkOutput {
  /** @param offset end of the tokens told; undefined where several choices have one each */
  chunk(json: string, offset: number | undefined): void;
  /** Every choice is told. */
  done(): void;
  /** A turn failed: nothing follows. */
  failed(error: TurnError): void;
}

export type ChatReaderOptions = ChatAnswer & {
  readonly output: ChunkOutput;
  readonly includeUsage: boolean;
  /** Offset below which the reader has everything; the record has come as far. */
  readonly after?: number;
};

export class ChatReader {
  readonly #options: ChatReaderOptions;
  readonly #cursors: readonly ChoiceCursor[];
  readonly #stops: readonly (() => void)[];
  #over = false;
  #head: string | undefined;

  constructor(options: ChatReaderOptions) {
    this.#options = options;
    const tell: TellChoice = (choice, delta, more) => this.#tellChoice(choice, delta, more);
    this.#cursors = options.records.map((record, choice) => new ChoiceCursor(record, tell, { choice, ...options }));
    this.#stops = options.records.map((record) => record.listen(() => this.pump()));
  }

  /** Exclusive ends of the tokens told, by choice. */
  get positions(): readonly number[] {
    return this.#cursors.map(({ position }) => position);
  }

  /** The reader is gone; nothing more is told. */
  close(): void {
    this.#over = true;
    for (const stop of this.#stops) stop();
  }

  /** Tells what there is. */
  pump(): void {
    if (this.#over) return;
    for (const cursor of this.#cursors) {
      const failure = cursor.pump();
      if (failure === undefined) continue;
      this.close();
      this.#options.output.failed(failure);
      return;
    }
    if (this.#cursors.every(({ finished }) => finished)) this.#end();
  }

  #end(): void {
    const { includeUsage, records, output } = this.#options;
    if (includeUsage) {
      this.#tell({ choices: [], usage: chatUsage(records), time_info: timeInfo(records) });
    }
    this.close();
    output.done();
  }

  #tellChoice(choice: number, delta: object, { finish, says }: ChunkFacts): void {
    const reticle = says ? { reticle: chatReticle(this.#options, choice) } : {};
    const choices = [{ index: choice, delta, logprobs: null, finish_reason: finish }];
    this.#tell({ choices, ...reticle });
  }

  /** What every chunk begins with is made once (PERFORMANCE H6): nothing is told before a turn has started. */
  #tell(fields: object): void {
    const { records, output } = this.#options;
    this.#head ??= JSON.stringify(chatHead(this.#options, 'chat.completion.chunk')).slice(0, -1);
    output.chunk(
      `${this.#head},${JSON.stringify(fields).slice(1)}`,
      records.length === 1 ? this.#cursors[0]?.position : undefined,
    );
  }
}

type ChunkFacts = {
  readonly finish: ReturnType<typeof finishReason> | null;
  /** The chunk says who served: the first and the last of a choice (§4.1). */
  readonly says: boolean;
};

const PLAIN: ChunkFacts = { finish: null, says: false };

type TellChoice = (choice: number, delta: object, facts: ChunkFacts) => void;

/** How far one choice is told. */
class ChoiceCursor {
  readonly #record: ResponseRecord;
  readonly #tellChoice: TellChoice;
  readonly #choice: number;
  readonly #from: number;
  #hasRole: boolean;
  #finished = false;
  #index = 0;
  #calls = 0;
  #opened = false;
  #tokenAt: number;
  #byteAt = 0;

  constructor(
    record: ResponseRecord,
    tell: TellChoice,
    { choice, after }: { readonly choice: number; readonly after?: number },
  ) {
    this.#record = record;
    this.#tellChoice = tell;
    this.#choice = choice;
    this.#from = after ?? 0;
    this.#hasRole = after !== undefined;
    this.#tokenAt = this.#from;
  }

  get position(): number {
    return this.#tokenAt;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Tells what there is; returns what ended the turn before its end. */
  pump(): TurnError | undefined {
    const { started, ended, items } = this.#record;
    if (this.#finished) return undefined;
    if (started !== undefined && !this.#hasRole) {
      this.#hasRole = true;
      this.#tell({ role: 'assistant', content: '' }, { finish: null, says: true });
    }
    for (let item = items[this.#index]; item !== undefined; item = items[this.#index]) {
      if (!this.#tellItem(item)) break;
      if (isCall(item.kind)) this.#calls += 1;
      this.#index += 1;
      this.#opened = false;
    }
    if (ended?.error !== undefined) return ended.error;
    if (ended !== undefined) {
      this.#finished = true;
      this.#tell({}, { finish: finishReason(this.#record, ended), says: true });
    }
    return undefined;
  }

  /** False while the item is open. */
  #tellItem(item: OutputItem): boolean {
    if (!this.#opened) this.#open(item);
    if (!item.discarded) this.#tellText(item);
    return item.closedAt !== undefined || item.discarded;
  }

  #open(item: OutputItem): void {
    this.#opened = true;
    const had = Math.min(Math.max(0, this.#from - item.openAt), item.text.tokens);
    this.#tokenAt = Math.max(this.#from, item.openAt + had);
    this.#byteAt = item.text.border(item.text.byteEnd(had));
    if (isCall(item.kind) && item.openAt >= this.#from) this.#tell(callStart(item, this.#calls), PLAIN);
  }

  #tellText(item: OutputItem): void {
    const { text, openAt } = item;
    this.#tokenAt = Math.max(this.#tokenAt, openAt + text.tokens);
    const byte = text.border(text.bytes);
    if (byte <= this.#byteAt) return;
    const more = text.slice(this.#byteAt, byte);
    this.#byteAt = byte;
    if (isCall(item.kind)) this.#tell(callText(item, this.#calls, more), PLAIN);
    else this.#tell(item.kind === 'reasoning' ? { reasoning: more } : { content: more }, PLAIN);
  }

  #tell(delta: object, facts: ChunkFacts): void {
    this.#tellChoice(this.#choice, delta, facts);
  }
}
