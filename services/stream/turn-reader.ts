import type { ReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { FramePolicy, ItemKind, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { WireItemMark } from '@reticle/proto/wire';
import type { ClientSink, TokenRun } from './front.ts';
import type { Transcript } from './transcript.ts';
import { blockEnd } from './transcript-blocks.ts';

/** Step of a stream of 100 tok/s; slower ones send every token alone (R8). */
const ALONE_MICROS = 10_000;

const ITEM_KINDS: readonly ItemKind[] = ['message', 'reasoning', 'function-call', 'custom-tool-call'];

/** When frames of one connection leave while the process is under load (PERFORMANCE H5). */
export interface FlushGroup {
  /** Window in force, ms; 0: frames leave at once. */
  readonly windowMs: number;
  /** `flush` of the member is called once, when the open window ends. */
  join(member: { flush(): void }): void;
}

/** A sink whose connection may hold frames back for a while. */
type WindowedSink = ClientSink & { readonly flushGroup?: FlushGroup | undefined };

export type TurnReaderOptions = {
  readonly turnId: string;
  readonly transcript: Transcript;
  readonly sink: WindowedSink;
  readonly policy: FramePolicy;
  readonly clock: Clock;
  readonly nextOffset: number;
  /** True when the client has this turn's TurnStarted. */
  readonly announced: boolean;
  /** True: the item that is open at `nextOffset` is told first, since the client has seen nothing of it. */
  readonly tellsOpenItem: boolean;
  /** Tokens below this were handed to the sink. */
  readonly onSent: (throughOffset: number) => void;
  /** The terminal was told; nothing follows. */
  readonly onDone: () => void;
  /** The position has left the ring: there is nothing to go on with. Whoever acknowledges what it reads never sees this. */
  readonly onBehind: () => void;
};

type MutableRun = { -readonly [Key in keyof TokenRun]: TokenRun[Key] };

/**
 * One client's way through one turn. Invariants
 * 1. Runs are dense from `nextOffset`; a run holds at most `limits.frameTokensMax` tokens of one item.
 * 2. A mark is told when the position reaches it, before any token at or past it.
 * 3. Nothing is handed over before TurnStarted, at or past `limit`, or after the terminal.
 * 4. The terminal comes once, when everything below the end was handed over.
 * 5. A full sink (`tokens` said false) gets no more tokens until `drained`; events still go (R9).
 *
 * Coalescing (R8, H5): the first run goes at once; then whatever is there whenever the sink takes it. While the sink
 * has a window, runs below the largest wait for its end, but for item borders, the end of the credit, the terminal and
 * tokens of a slow stream. A frame policy may only make runs larger, by holding them back for a bounded time; the
 * longer of the two holds.
 */
export class TurnReader {
  readonly #options: TurnReaderOptions;
  readonly #targetTokens: number;
  readonly #holdMs: number;
  readonly #run: MutableRun;
  #position: number;
  #nextMark = 0;
  /** The item that was open where the reader begins, until it is told. */
  #openMark: WireItemMark | undefined;
  #limit = 0;
  #terminal: (() => TurnEnded) | undefined;
  #announced: boolean;
  #blocked = false;
  #pumping = false;
  #done = false;
  #first = true;
  #heldSinceMs: number | undefined;
  /** The sink's window is open with this reader in it. */
  #joined = false;
  /** While joined, tokens below this change nothing, so that a row costs next to nothing until the window ends. */
  #quietBelow = 0;
  #quietMarks = 0;
  /** The window is over; what is held goes. */
  #flushing = false;
  #cancelHold: () => void = () => {};

  constructor(options: TurnReaderOptions) {
    const { turnId, policy } = options;
    this.#options = options;
    this.#announced = options.announced;
    // A client of a cut turn may stand past E; it is owed the terminal alone.
    this.#position = options.nextOffset;
    this.#targetTokens = Math.min(policy.maxTokens ?? limits.frameTokensMax, limits.frameTokensMax);
    this.#holdMs = holdMs(policy);
    this.#run = {
      turnId,
      firstOffset: 0,
      tokenCount: 0,
      itemIndex: 0,
      engineMicros: 0,
      ids: new Uint32Array(0),
      idsAt: 0,
      text: new Uint8Array(0),
      textStart: 0,
      textEnds: new Uint32Array(0),
      textEndsAt: 0,
    };
    this.#skipMarks(options.tellsOpenItem);
  }

  /** Exclusive end of what this client was sent. */
  get position(): number {
    return this.#position;
  }

  /** True while the sink refuses tokens. */
  get blocked(): boolean {
    return this.#blocked;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Exclusive offset up to which this client takes tokens. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.pump();
  }

  /** The turn has started; told once per client. */
  announce(event: TurnStarted): void {
    if (!this.#announced && !this.#done) {
      this.#announced = true;
      this.#options.sink.event(event);
    }
    this.pump();
  }

  /** The turn goes on elsewhere: told to whoever knew its first start, ahead of what is still queued (R7). */
  announceAgain(event: TurnStarted): void {
    if (!this.#announced) this.announce(event);
    else if (!this.#done) this.#options.sink.event(event);
  }

  /** Ends the reader's stream with an error. */
  abort(error: ReticleError): void {
    if (this.#done) return;
    this.close();
    this.#options.sink.end(error);
  }

  /** The turn is over; its terminal follows the last token. */
  finish(terminal: () => TurnEnded): void {
    this.#terminal = terminal;
    this.pump();
  }

  drained(): void {
    this.#blocked = false;
    this.pump();
  }

  /** The sink's window is over. */
  flush(): void {
    this.#joined = false;
    this.#flushing = true;
    this.pump();
    this.#flushing = false;
  }

  /** The client is gone; nothing more is handed over. */
  close(): void {
    this.#done = true;
    this.#cancelHold();
  }

  /** Hands over what may go. A sink that calls back from inside does not re-enter. */
  pump(): void {
    // A client that left before its attachment was made gets no tokens, and no bill for them.
    if (this.#pumping || this.#done || this.#options.sink.ended || (this.#joined && this.#isQuiet())) return;
    this.#pumping = true;
    try {
      this.#pumpTokens();
      if (this.#isOver()) this.#tellTerminal();
    } finally {
      this.#pumping = false;
    }
  }

  #isQuiet(): boolean {
    const { transcript } = this.#options;
    return (
      transcript.end < this.#quietBelow &&
      transcript.marks.length === this.#quietMarks &&
      this.#terminal === undefined &&
      !this.#flushing
    );
  }

  #pumpTokens(): void {
    if (!this.#announced) return;
    while (!this.#done) {
      this.#tellMarks();
      if (this.#blocked) return;
      if (this.#position < this.#options.transcript.oldest) return this.#options.onBehind();
      const end = this.#runEnd();
      if (end <= this.#position || this.#holds(end)) return;
      this.#handOver(end);
    }
  }

  #runEnd(): number {
    const { transcript } = this.#options;
    const mark = transcript.marks[this.#nextMark]?.atOffset ?? Infinity;
    const most = Math.min(this.#position + limits.frameTokensMax, blockEnd(this.#position));
    return Math.min(transcript.end, this.#limit, mark, most);
  }

  /** True when this run may still grow and is to; what ends the wait is armed. */
  #holds(end: number): boolean {
    if (this.#first || this.#terminal !== undefined || !this.#mayGrow(end)) return false;
    const windowMs = this.#options.sink.flushGroup?.windowMs ?? 0;
    if (this.#holdMs > windowMs) return this.#holdsForPolicy(end);
    return windowMs > 0 && this.#holdsForWindow(end);
  }

  /** False at item borders and at the end of the credit: nothing that could make the run larger comes soon. */
  #mayGrow(end: number): boolean {
    const { transcript } = this.#options;
    if (end < transcript.end || end === this.#limit || end - this.#position >= limits.frameTokensMax) return false;
    return transcript.marks[this.#nextMark]?.atOffset !== end;
  }

  #holdsForWindow(end: number): boolean {
    if (this.#flushing || (end - this.#position === 1 && this.#isSlow(end))) return false;
    const { transcript, sink } = this.#options;
    this.#quietBelow = Math.min(this.#position + limits.frameTokensMax, this.#limit);
    this.#quietMarks = this.#nextMark === transcript.marks.length ? this.#nextMark : -1;
    if (!this.#joined) sink.flushGroup?.join(this);
    this.#joined = true;
    return true;
  }

  /** True when the last token came so long after the one before that its stream sends every token alone (R8). */
  #isSlow(end: number): boolean {
    const { transcript } = this.#options;
    return end < 2 || (transcript.microsAt(end - 1) - transcript.microsAt(end - 2)) >>> 0 >= ALONE_MICROS;
  }

  #holdsForPolicy(end: number): boolean {
    if (end - this.#position >= this.#targetTokens) return false;
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#heldSinceMs ??= nowMs;
    const leftMs = this.#heldSinceMs + this.#holdMs - nowMs;
    if (leftMs <= 0) return false;
    this.#cancelHold();
    this.#cancelHold = clock.after(leftMs, () => this.pump());
    return true;
  }

  #handOver(end: number): void {
    const { transcript, sink, onSent } = this.#options;
    const run = this.#run;
    transcript.view(run, this.#position, end);
    this.#position = end;
    this.#first = false;
    this.#heldSinceMs = undefined;
    this.#cancelHold();
    onSent(end);
    if (!sink.tokens(run)) this.#blocked = true;
  }

  #tellMarks(): void {
    const { transcript, sink, turnId } = this.#options;
    if (this.#openMark !== undefined) sink.event(markEvent(turnId, this.#openMark));
    this.#openMark = undefined;
    for (;;) {
      const mark = transcript.marks[this.#nextMark];
      if (mark === undefined || mark.atOffset > this.#position) return;
      this.#nextMark += 1;
      if (!mark.closed) this.#run.itemIndex = mark.itemIndex;
      sink.event(markEvent(turnId, mark));
    }
  }

  /** A reader that begins inside a turn has the marks before its offset, but for the open one when asked. */
  #skipMarks(tellsOpenItem: boolean): void {
    const { transcript, nextOffset } = this.#options;
    let open: WireItemMark | undefined;
    for (const mark of transcript.marks) {
      if (mark.atOffset >= nextOffset) break;
      this.#nextMark += 1;
      open = mark.closed ? undefined : mark;
    }
    if (open === undefined) return;
    this.#run.itemIndex = open.itemIndex;
    if (tellsOpenItem) this.#openMark = open;
  }

  #isOver(): boolean {
    if (this.#done || this.#terminal === undefined) return false;
    return this.#position >= this.#options.transcript.end;
  }

  #tellTerminal(): void {
    const terminal = this.#terminal;
    if (terminal === undefined) return;
    // A turn that ended without a start (cut while queued, refused by the engine) has marks for nobody.
    if (this.#announced) this.#tellMarks();
    this.close();
    this.#options.sink.event(terminal());
    this.#options.onDone();
  }
}

/** How long a client lets frames grow. Fewer tokens or less time than the default is not granted (R8). */
function holdMs({ maxTokens, maxDelayMs }: FramePolicy): number {
  if (maxDelayMs !== undefined && maxDelayMs > 0) return Math.min(maxDelayMs, limits.frameDelayMsMax);
  return maxTokens !== undefined && maxTokens > 1 ? limits.frameDelayMsMax : 0;
}

function markEvent(turnId: string, mark: WireItemMark): Parameters<ClientSink['event']>[0] {
  const { itemIndex, atOffset, closed, itemId, callId, toolName } = mark;
  const itemKind = ITEM_KINDS[mark.kind - 1] ?? 'message';
  return { kind: 'item-mark', turnId, itemIndex, itemKind, atOffset, closed, itemId, callId, toolName };
}
