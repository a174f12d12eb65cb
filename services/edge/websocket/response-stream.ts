import type { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { refusalOf } from '../http/served-turn.ts';
import type { CreateResponse } from '../openai/create-response.ts';
import type { EventOutput } from '../openai/event-output.ts';
import { responseFields } from '../openai/response-fields.ts';
import { receiptObject } from '../openai/response-object.ts';
import { ResponseReader } from '../openai/response-reader.ts';
import type { OutputItem } from '../openai/response-record.ts';
import type { ServedResponse } from '../openai/responses.ts';
import type { SteerFrame } from './client-frame.ts';
import { streamOf, withStream } from './server-frame.ts';
import type { FlushedWriter, SocketOutput } from './socket-output.ts';

export type ResponseStreamOptions = {
  readonly served: ServedResponse;
  readonly create: CreateResponse;
  readonly streamId: string | undefined;
  /** The turn goes on when the socket ends. */
  readonly continues: boolean;
  readonly output: SocketOutput;
  readonly clock: Clock;
  /** The last event that the client has: it was told the response before, over another socket. */
  readonly after?: number;
  /** It reads along: the turn's credit is another reader's, where there is one. */
  readonly isGuest?: boolean;
  /** How long `created` waits for a refusal that would take its place; undefined: until the turn starts or is refused. */
  readonly holdMs?: number;
  /** The turn never started and nothing was told of it. */
  readonly onRefused: (error: ReticleError) => void;
  /** The terminal was written. */
  readonly onEnd: () => void;
};

/** A response that follows another one in its lane. */
export type Following = Pick<ResponseStreamOptions, 'served' | 'create' | 'continues' | 'after' | 'isGuest'>;

/** Silence on a response after which a keepalive is due (§4.2). */
const KEEPALIVE_MS = 15_000;

/**
 * One response on its way over a socket.
 *
 *     held ── turn starts, or `holdMs` ──▶ told ── terminal ──▶ over
 *       └──── refused before it starts ────────────────────────▶ over
 *
 * Invariants
 * 1. A receipt is told before the terminal of the turn that it cut, and after the tokens that were sent before.
 * 2. Nothing is written after the terminal, nor after `close`.
 */
export class ResponseStream implements FlushedWriter, EventOutput {
  readonly served: ServedResponse;
  readonly create: CreateResponse;
  readonly continues: boolean;
  /** Steers that wait for this response's end, in order. */
  readonly steers: SteerFrame[] = [];
  /** The cut that was asked for waits for an item's border: another one may come before it. */
  waitsForBorder = false;
  /** Redirects that came while another one was under way: each is for the successor of the one before. */
  readonly redirects: ((target: ResponseStream) => void)[] = [];
  /** What takes the lane when this one ends. */
  following: Following | undefined;
  readonly #options: ResponseStreamOptions;
  #stopListening: () => void = () => {};
  #cancelHold: () => void = () => {};
  #cancelKeepalive: () => void = () => {};
  #reader: ResponseReader | undefined;
  #writtenMs = 0;
  /** Interrupts without their receipt. */
  #asked = 0;
  #isInterrupted = false;
  #isOver = false;

  constructor(options: ResponseStreamOptions) {
    this.#options = options;
    const { served, create, continues } = options;
    this.served = served;
    this.create = create;
    this.continues = continues;
  }

  get id(): string {
    return this.served.profile.id;
  }

  get streamId(): string | undefined {
    return this.#options.streamId;
  }

  get position(): number {
    return this.#reader?.position ?? 0;
  }

  /** See {@link ResponseReader.border}. */
  get border(): number {
    return this.#reader?.border ?? 0;
  }

  get openItem(): OutputItem | undefined {
    return this.#reader?.openItem;
  }

  /** True once a client has asked for the end of this response. */
  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  start(): void {
    const { clock, holdMs } = this.#options;
    this.#stopListening = this.served.record.listen(() => this.#look());
    this.#look();
    if (this.#isOver || this.#reader !== undefined || holdMs === undefined) return;
    this.#cancelHold = clock.after(holdMs, () => this.#tell());
  }

  /** The next receipt is told, and what the cut discards. */
  expectReceipt(): void {
    this.#isInterrupted = true;
    this.#asked += 1;
    this.#tellReceipts();
  }

  /** A control that {@link expectReceipt} waits for was refused: nothing has changed. */
  forgetReceipt(): void {
    this.#asked = Math.max(0, this.#asked - 1);
    this.#isInterrupted = this.#asked > 0;
    this.waitsForBorder = false;
  }

  /** While the socket is behind, its turns have no credit. */
  hold(isHeld: boolean): void {
    if (this.#options.isGuest !== true) this.served.conversation.hold(this.served.turnId, isHeld);
  }

  flushed(position: number): void {
    this.served.conversation.flushed(this.served.turnId, position);
  }

  write(_type: string, _sequence: number, json: string): void {
    this.#write(withStream(json, this.#options.streamId));
  }

  /** Nothing more is written. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // A turn that goes on without this socket is not held back by it.
    this.hold(false);
    this.#reader?.close();
    this.#stopListening();
    this.#cancelHold();
    this.#cancelKeepalive();
  }

  #look(): void {
    const { record } = this.served;
    if (this.#reader === undefined && record.started === undefined && record.ended?.error !== undefined) {
      const error = refusalOf(record.ended.error, responseFields(this.create));
      this.close();
      this.#options.onRefused(error);
      return;
    }
    if (record.started !== undefined || record.ended !== undefined) this.#tell();
    this.#tellReceipts();
  }

  #tell(): void {
    if (this.#reader !== undefined || this.#isOver) return;
    this.#cancelHold();
    const { record, profile } = this.served;
    const onDiscarded = (item: OutputItem): void => this.#discarded(item);
    const onEnd = (): void => {
      this.close();
      this.#options.onEnd();
    };
    const { after } = this.#options;
    const cursor = after === undefined ? {} : { after };
    this.#reader = new ResponseReader({ record, profile, output: this, onDiscarded, onEnd, ...cursor });
    this.#reader.pump();
    if (!this.#reader.done) this.#keepAlive();
  }

  #tellReceipts(): void {
    const { receipt } = this.served.record;
    if (receipt === undefined || this.#isOver) return;
    this.#tell();
    for (; this.#asked > 0; this.#asked -= 1) {
      this.#event('response.interrupt.accepted', { response_id: this.id, receipt: receiptObject(receipt) });
    }
  }

  /** Told to who interrupted: others would not know the event (§4.1). */
  #discarded(item: OutputItem): void {
    if (!this.#isInterrupted) return;
    const told = { response_id: this.id, item_id: item.id, output_index: item.index };
    this.#event('response.output_item.interrupted', told);
  }

  /** An event that is no part of the sequence repeats its last number (§4.2). */
  #event(type: string, fields: object): void {
    const sequence = this.#reader?.sequence ?? 0;
    this.#write(JSON.stringify({ type, sequence_number: sequence, ...fields, ...streamOf(this.#options.streamId) }));
  }

  #write(message: string): void {
    const { output, clock } = this.#options;
    this.#writtenMs = clock.nowMs();
    output.write(message, this);
  }

  #keepAlive(): void {
    const { clock } = this.#options;
    const dueMs = this.#writtenMs + KEEPALIVE_MS;
    this.#cancelKeepalive = clock.after(dueMs - clock.nowMs(), () => {
      if (clock.nowMs() >= this.#writtenMs + KEEPALIVE_MS) this.#event('keepalive', {});
      this.#keepAlive();
    });
  }
}
