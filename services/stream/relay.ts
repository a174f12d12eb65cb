/**
 * One turn in the gateway: what the engine sent, who reads it, and what the engine may send next.
 *
 * Invariants
 *  Y1 Rows are taken from the current lane only; lanes of an older epoch deliver acks, never tokens.
 *  Y2 After `bar(E)` nothing at or past E reaches any reader, whatever arrives or attaches later (inv. 2).
 *  Y3 The engine is granted at most sendLimit(client window); a socket that does not drain lowers that to
 *     what was received, and never raises it. `received_through` is the client's acknowledgement (R5).
 *  Y4 Statements to the engine never go back: an attachment that reads older tokens again gets them from
 *     the transcript, and a smaller budget.
 *  Y5 `sent` is the highest offset handed to any reader: the bill.
 */
import { sendLimit, type Clock, type CreditWindow } from '@reticle/core/flow';
import { assert, OFFSET_MAX, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { FramePolicy, Progress, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { ClientSink } from './front.ts';
import { Transcript } from './transcript.ts';
import { TurnReader, type TurnReaderOptions } from './turn-reader.ts';

/** Tokens that may lie behind a full socket before the engine is told to stop. */
const BACKLOG_TOKENS = 4 * limits.frameTokensMax;

export type RelayOptions = {
  readonly turnId: string;
  readonly clock: Clock;
  /** Raises the bill of the turn, by tokens that no client had before. */
  readonly onSent: (throughOffset: number, count: number) => void;
  /** States the budget of the turn to its engine. */
  readonly grant: (receivedThrough: number, creditTokens: number) => void;
  /** The attached client was told the terminal. */
  readonly onTold: () => void;
};

export type ReadOptions = {
  readonly sink: ClientSink;
  readonly policy: FramePolicy;
  readonly nextOffset: number;
  /** True when the client has seen this turn's TurnStarted. */
  readonly announced: boolean;
};

export class TurnRelay {
  readonly #options: RelayOptions;
  readonly #transcript = new Transcript();
  readonly #observers = new Set<TurnReader>();
  #client: TurnReader | undefined;
  #window: CreditWindow | undefined;
  /** Highest acknowledgement stated to the engine. */
  #statedThrough = 0;
  #statedLimit = -1;
  #lowered = false;
  #sent = 0;
  #told = false;
  #start: TurnStarted | undefined;
  #terminal: (() => TurnEnded) | undefined;
  /** Exclusive end of what the engine is known to have, though it has not arrived here yet. */
  #expected = 0;
  /** Lane that delivers; 0 before the turn is on a link. */
  lane = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get progress(): Progress {
    const { end, oldest, openItemAt } = this.#transcript;
    const cursor = this.#client?.position ?? 0;
    return { received: end, sent: this.#sent, cursor, oldest, openItemAt, told: this.#told };
  }

  /** Progress for a cursor: what the engine will replay counts as received. */
  get span(): Progress {
    const { progress } = this;
    return { ...progress, received: Math.max(progress.received, this.#expected) };
  }

  /** True while the engine may send more of this turn than it has. */
  get owed(): boolean {
    return this.#terminal === undefined && this.#transcript.end < Math.max(this.#statedLimit, this.#statedThrough);
  }

  /** Takes over what another gateway held: ids below `count`, and that the engine has `expected` tokens in all. */
  seed(ids: ArrayLike<number>, count: number, expected: number): void {
    this.#transcript.seed(ids, count);
    this.#statedThrough = count;
    this.#expected = expected;
  }

  /** The client was told the end by whoever served it before. */
  settle(): void {
    this.#told = true;
  }

  /** Item marks in order of offset. */
  get marks(): readonly WireItemMark[] {
    return this.#transcript.marks;
  }

  /** Ids from offset 0, for a failover that forces them (E6). */
  get tokenIds(): Uint32Array {
    return this.#transcript.ids;
  }

  /** True when the attached client is owed nothing of this turn. */
  get settled(): boolean {
    return this.#client === undefined || this.#client.done;
  }

  /** The engine delivers on this lane from here on; what it may send is stated afresh. */
  adopted(lane: number): void {
    this.lane = lane;
    this.#statedThrough = Math.max(this.#statedThrough, this.adoption.nextOffset);
    this.#statedLimit = -1;
    this.#grant();
  }

  /** No engine has the turn; rows of the old lane are void. */
  unseat(): void {
    this.lane = 0;
    this.#statedLimit = -1;
  }

  /** Another engine goes on from what was received, on this lane, with the budget that travels in its Start. */
  reseat(lane: number): { readonly forced: Uint32Array; readonly creditTokens: number } {
    const end = this.#transcript.end;
    const limit = this.#window === undefined ? end : Math.max(end, sendLimit(this.#window));
    this.lane = lane;
    this.#statedThrough = end;
    this.#statedLimit = limit;
    return { forced: this.tokenIds, creditTokens: limit - end };
  }

  /** What the engine should know when a lane is opened: from where to send, and how much. */
  get adoption(): { nextOffset: number; creditTokens: number } {
    // At or past what the engine knows as acknowledged, hence never evicted there (R7).
    const nextOffset = Math.max(
      this.#statedThrough,
      Math.min(this.#window?.receivedThrough ?? 0, this.#transcript.end),
    );
    const limit = this.#window === undefined ? nextOffset : sendLimit(this.#window);
    return { nextOffset, creditTokens: Math.max(0, limit - nextOffset) };
  }

  /** False: the row does not continue the turn; the link is at fault. */
  row(row: StepRow, micros: number): boolean {
    if (row.lane !== this.lane) return true;
    if (!this.#transcript.append(row, micros)) return false;
    this.#pump();
    return true;
  }

  mark(mark: WireItemMark): void {
    this.#transcript.mark(mark);
    this.#pump();
  }

  /** The budget that travels in `Start` or `Adopt` itself, so that it is not stated twice. */
  open(window: CreditWindow, stated: { receivedThrough: number; creditTokens: number }): void {
    this.#window = window;
    this.#statedThrough = stated.receivedThrough;
    this.#statedLimit = stated.receivedThrough + stated.creditTokens;
  }

  /** Y2. Marks and tokens at or past E are forgotten before anybody is told of E. */
  bar(offset: number): void {
    this.#transcript.cut(offset);
    this.#pump();
  }

  announce(start: TurnStarted): void {
    const again = this.#start !== undefined;
    this.#start = start;
    for (const reader of this.#readers()) {
      if (again) reader.announceAgain(start);
      else reader.announce(start);
    }
  }

  /** What `announce` told, for a client that asks again. */
  get started(): TurnStarted | undefined {
    return this.#start;
  }

  finish(terminal: () => TurnEnded): void {
    this.#terminal = terminal;
    for (const reader of this.#readers()) reader.finish(terminal);
  }

  #readers(): TurnReader[] {
    return this.#client === undefined ? [...this.#observers] : [this.#client, ...this.#observers];
  }

  /** The client's acknowledgement and budget. */
  setWindow(window: CreditWindow): void {
    this.#window = window;
    this.#client?.setLimit(sendLimit(window));
    this.#grant();
  }

  /** The attachment's reader; it replaces the one before. */
  attach(options: ReadOptions): void {
    this.#client?.close();
    const client = this.#reader(options, {
      onDone: () => {
        this.#told = true;
        this.#options.onTold();
      },
      onBehind: () => assert(false, 'credit ends at the ring'),
    });
    this.#client = client;
    this.#lowered = false;
    // What the client has was sent to it, by this gateway or by the one before: its terminal counts it. The bill of
    // this gateway is what it sends itself (PROMISES P24: a resume bills once).
    const had = Math.min(options.nextOffset, Math.max(this.#transcript.end, this.#expected));
    this.#sent = Math.max(this.#sent, had);
    this.#begin(client, this.#window === undefined ? OFFSET_MAX : sendLimit(this.#window));
  }

  detach(): void {
    this.#client?.close();
    this.#client = undefined;
    this.#lowered = false;
  }

  /** A read-only reader: no credit, no epoch, no part in the turn's fate. */
  observe(options: ReadOptions, onDone: () => void): TurnReader {
    const observer = this.#reader(options, {
      onDone: () => {
        this.#observers.delete(observer);
        onDone();
      },
      onBehind: () => {
        this.#observers.delete(observer);
        observer.abort(behind(this.#transcript.oldest));
      },
    });
    this.#observers.add(observer);
    this.#begin(observer, OFFSET_MAX);
    return observer;
  }

  /** The turn goes on at another gateway: whoever reads it here is sent away. */
  evict(error: ReticleError): void {
    for (const observer of this.#observers) observer.abort(error);
    this.close();
  }

  forget(observer: TurnReader): void {
    observer.close();
    this.#observers.delete(observer);
  }

  get observers(): number {
    return this.#observers.size;
  }

  /** The attached client's socket takes data again. */
  drained(): void {
    this.#client?.drained();
    this.#settleBackPressure();
  }

  close(): void {
    this.detach();
    for (const observer of this.#observers) observer.close();
    this.#observers.clear();
  }

  #reader(options: ReadOptions, events: Pick<TurnReaderOptions, 'onDone' | 'onBehind'>): TurnReader {
    const { turnId, clock } = this.#options;
    return new TurnReader({
      ...options,
      turnId,
      clock,
      transcript: this.#transcript,
      tellsOpenItem: !options.announced,
      onSent: (throughOffset) => this.#noteSent(throughOffset),
      ...events,
    });
  }

  #begin(reader: TurnReader, limit: number): void {
    if (this.#start !== undefined) reader.announce(this.#start);
    reader.setLimit(limit);
    if (this.#terminal !== undefined) reader.finish(this.#terminal);
  }

  #noteSent(throughOffset: number): void {
    if (throughOffset <= this.#sent) return;
    const count = throughOffset - this.#sent;
    this.#sent = throughOffset;
    this.#options.onSent(throughOffset, count);
  }

  #pump(): void {
    this.#client?.pump();
    if (this.#observers.size > 0) for (const observer of this.#observers) observer.pump();
    this.#settleBackPressure();
  }

  /** Y3: stop the engine when a full socket has a backlog, let it go on when the socket has caught up. */
  #settleBackPressure(): void {
    const client = this.#client;
    if (client === undefined) return;
    const lowered = client.blocked && (this.#lowered || this.#transcript.end - client.position >= BACKLOG_TOKENS);
    if (lowered === this.#lowered) return;
    this.#lowered = lowered;
    this.#grant();
  }

  #grant(): void {
    if (this.#window === undefined || this.#terminal !== undefined || this.lane === 0) return;
    const through = Math.max(this.#statedThrough, this.#window.receivedThrough);
    const wanted = sendLimit(this.#window);
    const limit = Math.max(through, this.#lowered ? Math.min(wanted, this.#transcript.end) : wanted);
    if (through === this.#statedThrough && limit === this.#statedLimit) return;
    this.#statedThrough = through;
    this.#statedLimit = limit;
    this.#options.grant(through, limit - through);
  }
}

/** A reader that nobody waits for may be slower than the turn. */
function behind(oldest: number): ReticleError {
  return new ReticleError('resume_window_exceeded', 'the reader is slower than the turn: its next token is gone', {
    param: 'next_offset',
    details: { oldest_offset: String(oldest) },
  });
}
