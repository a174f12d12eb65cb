/**
 * The event sequence of one response (PROTOCOL §4.2), for one reader: SSE, WebSocket and replays are this, with another
 * output. A reader is a cursor over the record, so any number of them may read along, from anywhere.
 *
 *     created → [queued] → in_progress → per item { added → part added → delta* → text done → part done → item done }
 *             → completed | incomplete | failed
 *
 * Invariants
 * 1. Sequence numbers never fall; a delta's number is 64 × the offset behind its last token.
 * 2. With `after` = N, nothing numbered N or below is told, and the first delta begins at the offset that N names.
 * 3. Text is whole code points; a token that ends inside one is told with the next.
 */
import type { TurnEnded } from '@reticle/services/session';
import type { EventOutput } from './event-output.ts';
import {
  itemObject,
  itemText,
  partObject,
  responseObject,
  terminalStatus,
  type ResponseStatus,
} from './response-object.ts';
import type { ResponseProfile } from './response-profile.ts';
import { isCall, type OutputItem, type ResponseRecord } from './response-record.ts';
import { offsetOfSequence, sequenceNumber, slot } from './sequence-number.ts';

export type ResponseReaderOptions = {
  readonly record: ResponseRecord;
  readonly profile: ResponseProfile;
  readonly output: EventOutput;
  /** `starting_after`: the last number that the reader has. Absent: from the beginning. */
  readonly after?: number;
  /** One delta per token: readers that filter by number themselves (§4.1a). Its output tells what it has {@link ResponseReader.taken}. */
  readonly tokenwise?: boolean;
  /** Told of an item that was opened here and is no part of the answer. */
  readonly onDiscarded?: (item: OutputItem) => void;
  /** Told after the terminal. */
  readonly onEnd?: () => void;
};

/** Deltas of one token each that wait for the output: a long answer is not turned into events at once. */
const DELTAS_MAX = 256;

/** `type`s of an item's text events. */
const TEXT_EVENTS = {
  message: { delta: 'response.output_text.delta', done: 'response.output_text.done', field: 'text' },
  reasoning: { delta: 'response.reasoning_text.delta', done: 'response.reasoning_text.done', field: 'text' },
  'function-call': {
    delta: 'response.function_call_arguments.delta',
    done: 'response.function_call_arguments.done',
    field: 'arguments',
  },
  'custom-tool-call': {
    delta: 'response.custom_tool_call_input.delta',
    done: 'response.custom_tool_call_input.done',
    field: 'input',
  },
} as const;

export class ResponseReader {
  readonly #options: ResponseReaderOptions;
  readonly #after: number;
  /** Offset below which the reader has everything. */
  readonly #from: number;
  readonly #stopListening: () => void;
  #last = 0;
  #created = false;
  #starts = 0;
  /** The item that is being told, how far, and its delta up to the number. */
  #index = 0;
  #opened = false;
  #tokenAt = 0;
  /** Highest end of tokens told: a cut takes back what it voids, not what was sent (R2). */
  #sent = 0;
  #byteAt = 0;
  #deltaHead = '';
  #done = false;
  /** Deltas told one by one since the output took them, and whether it is waited for. */
  #deltas = 0;
  #paused = false;

  constructor(options: ResponseReaderOptions) {
    this.#options = options;
    this.#after = options.after ?? -1;
    this.#from = options.after === undefined ? 0 : offsetOfSequence(options.after);
    this.#stopListening = options.record.listen(() => this.pump());
  }

  /** Highest number told. */
  get sequence(): number {
    return this.#last;
  }

  /** Exclusive end of the tokens told. */
  get position(): number {
    return this.#sent;
  }

  /** The last offset told at which the text ends between code points: what a client has whole (§5.3). */
  get border(): number {
    const item = this.#options.record.items[this.#index];
    if (item === undefined || !this.#opened) return this.#sent;
    let tokens = this.#tokenAt - item.openAt;
    while (tokens > 0 && item.text.border(item.text.byteEnd(tokens)) < item.text.byteEnd(tokens)) tokens -= 1;
    return item.openAt + tokens;
  }

  /** The item that is being told. */
  get openItem(): OutputItem | undefined {
    return this.#opened ? this.#options.record.items[this.#index] : undefined;
  }

  get done(): boolean {
    return this.#done;
  }

  /** The reader is gone; nothing more is told. */
  close(): void {
    this.#done = true;
    this.#stopListening();
  }

  /** To this reader the response ends so, whatever becomes of it; once it has been told of the response at all. */
  fail(ended: TurnEnded): void {
    if (!this.#done) this.#tellTerminal(ended);
  }

  /** The output has taken what was told: a reader that stopped after {@link DELTAS_MAX} goes on. */
  taken(): void {
    this.#deltas = 0;
    if (this.#paused) {
      this.#paused = false;
      this.pump();
    }
  }

  /** Tells that the turn waits for its start: once, before it (§4.2). */
  waits(): void {
    if (this.#done || this.#options.record.started !== undefined) return;
    this.#tellCreated();
    this.#tellResponse('response.queued', 'queued', slot.queued);
  }

  /** Tells what there is. */
  pump(): void {
    if (this.#done || this.#paused) return;
    const { record } = this.#options;
    this.#tellCreated();
    this.#tellStart();
    for (let item = record.items[this.#index]; item !== undefined; item = record.items[this.#index]) {
      if (!this.#tellItem(item)) break;
      if (item.discarded) this.#options.onDiscarded?.(item);
      this.#index += 1;
      this.#opened = false;
    }
    if (record.ended !== undefined && !this.#paused) this.#tellTerminal(record.ended);
  }

  #tellCreated(): void {
    if (this.#created) return;
    this.#created = true;
    const status = this.#options.record.started === undefined ? 'queued' : 'in_progress';
    this.#tellResponse('response.created', status, slot.created);
  }

  /** Once, and again after each failover (D). */
  #tellStart(): void {
    const { record } = this.#options;
    if (this.#starts === record.starts) return;
    const isFirst = this.#starts === 0;
    this.#starts = record.starts;
    const number = isFirst ? slot.inProgress : Math.max(this.#last, slot.inProgress);
    this.#tell('response.in_progress', number, { response: this.#response('in_progress') });
  }

  /** False while the item is open, or not told as far as it goes. */
  #tellItem(item: OutputItem): boolean {
    if (!this.#opened) this.#open(item);
    const isOver = item.closedAt !== undefined || item.discarded;
    if (!item.discarded) this.#tellText(item, isOver);
    if (this.#paused) return false;
    if (isOver && !item.discarded) this.#close(item);
    return isOver;
  }

  #open(item: OutputItem): void {
    this.#opened = true;
    const had = Math.min(Math.max(0, this.#from - item.openAt), item.text.tokens);
    this.#tokenAt = item.openAt + had;
    this.#byteAt = item.text.border(item.text.byteEnd(had));
    this.#deltaHead = deltaHead(item);
    const number = sequenceNumber(item.openAt, slot.itemAdded);
    const added = { output_index: item.index, item: itemObject(item, 'in_progress') };
    this.#tell('response.output_item.added', number, added);
    if (isCall(item.kind)) return;
    const part = { ...place(item), content_index: 0, part: partObject(item, '') };
    this.#tell('response.content_part.added', sequenceNumber(item.openAt, slot.partAdded), part);
  }

  #tellText(item: OutputItem, isOver: boolean): void {
    const { text, openAt } = item;
    const tokens = text.tokens;
    const first = this.#tokenAt - openAt;
    if (this.#options.tokenwise === true) {
      for (let token = first + 1; token < tokens; token++) {
        this.#tellDelta(item, token, text.border(text.byteEnd(token)));
        this.#deltas += 1;
        this.#paused = this.#deltas >= DELTAS_MAX;
        if (this.#paused) return;
      }
    }
    if (tokens > first || isOver) this.#tellDelta(item, tokens, text.border(text.bytes));
  }

  #tellDelta(item: OutputItem, tokens: number, byte: number): void {
    this.#tokenAt = item.openAt + tokens;
    this.#sent = Math.max(this.#sent, this.#tokenAt);
    if (byte <= this.#byteAt) return;
    const delta = JSON.stringify(item.text.slice(this.#byteAt, byte));
    this.#byteAt = byte;
    const number = this.#number(sequenceNumber(this.#tokenAt, slot.delta));
    const json = `${this.#deltaHead}${number},"delta":${delta}}`;
    if (number > this.#after) this.#options.output.write(TEXT_EVENTS[item.kind].delta, number, json);
  }

  #close(item: OutputItem): void {
    const end = item.closedAt ?? this.#tokenAt;
    const isEmpty = end === item.openAt;
    const at = (place: number, empty: number): number => sequenceNumber(end, isEmpty ? empty : place);
    const text = itemText(item);
    const { done, field } = TEXT_EVENTS[item.kind];
    const logprobs = item.kind === 'message' ? { logprobs: [] } : {};
    const content = isCall(item.kind) ? {} : { content_index: 0 };
    const name = item.kind === 'function-call' ? { name: item.toolName } : {};
    const told = { ...place(item), ...content, ...name, [field]: text, ...logprobs };
    this.#tell(done, at(slot.textDone, slot.emptyTextDone), told);
    if (!isCall(item.kind)) {
      const part = { ...place(item), content_index: 0, part: partObject(item, text) };
      this.#tell('response.content_part.done', at(slot.partDone, slot.emptyPartDone), part);
    }
    const whole = { output_index: item.index, item: itemObject(item, 'completed') };
    this.#tell('response.output_item.done', at(slot.itemDone, slot.emptyItemDone), whole);
  }

  #tellTerminal(ended: TurnEnded): void {
    const { profile, record, onEnd } = this.#options;
    const status = terminalStatus(ended);
    const sent = Math.max(this.#sent, ended.usage.outputTokens);
    const response = responseObject(profile, record, status, ended);
    this.#tell(`response.${status}`, sequenceNumber(sent, slot.terminal), { response });
    this.close();
    onEnd?.();
  }

  #tellResponse(type: string, status: ResponseStatus, number: number): void {
    this.#tell(type, number, { response: this.#response(status) });
  }

  #response(status: ResponseStatus): object {
    return responseObject(this.#options.profile, this.#options.record, status);
  }

  #tell(type: string, wanted: number, fields: object): void {
    const number = this.#number(wanted);
    if (number <= this.#after) return;
    this.#options.output.write(type, number, JSON.stringify({ type, sequence_number: number, ...fields }));
  }

  #number(wanted: number): number {
    this.#last = Math.max(this.#last, wanted);
    return this.#last;
  }
}

function place(item: OutputItem): { item_id: string; output_index: number } {
  return { item_id: item.id, output_index: item.index };
}

/** A delta's constant part, made once per item: only its number and its text are its own (PERFORMANCE H6). */
function deltaHead(item: OutputItem): string {
  const content = isCall(item.kind) ? {} : { content_index: 0 };
  const logprobs = item.kind === 'message' ? { logprobs: [] } : {};
  const head = { type: TEXT_EVENTS[item.kind].delta, ...place(item), ...content, ...logprobs };
  return `${JSON.stringify(head).slice(0, -1)},"sequence_number":`;
}
