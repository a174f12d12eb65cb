/**
 * What leaves on one link: control messages at once, rows of all lanes as one columnar frame per flush
 * (PERFORMANCE H1). While the transport holds a frame back, rows stay in the rings and the next frame carries
 * several steps; Started and Ended keep their place in the order of their lane (PROTOCOL E4).
 */
import { StepFrameWriter } from '@reticle/proto/wire';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import { endedMessage, startedMessage, wireMark } from './messages.ts';
import type { HostLink } from './ports.ts';
import type { Attachment } from './session.ts';
import type { Turn } from './turn.ts';
import { emptyRow } from './turn-ledger.ts';

/**
 * Keeps a replay of many full rings below the message limit; a wake that makes good 64 steps of 1,000 streams after a
 * stall still leaves as one message (H1).
 */
const FRAME_TOKENS_MAX = 65_536;

export type LaneBinding = { readonly turn: Turn; readonly attachment: Attachment };

export class LinkChannel {
  readonly lanes = new Map<number, LaneBinding>();
  readonly sids = new Map<number, Attachment>();
  /** Lanes whose turn never came to be, and that were told so. */
  readonly failedLanes = new Set<number>();
  /** Who is at the other end, by its `Hello`. */
  gatewayId = '';
  /** `Hello` was accepted. */
  welcomed = false;
  closed = false;
  nextHostLane = 0;
  readonly #link: HostLink;
  readonly #announceEnd: (turn: Turn) => void;
  readonly #writer = new StepFrameWriter();
  readonly #row = emptyRow();
  #dirty: Turn[] = [];
  #taken: Turn[] = [];
  /** Due time of the newest token in the frame being made. */
  #newestMicros: number | undefined;

  constructor(link: HostLink, announceEnd: (channel: LinkChannel, turn: Turn) => void) {
    this.#link = link;
    this.#announceEnd = (turn) => announceEnd(this, turn);
  }

  control(message: LinkResponse__Input): void {
    if (!this.closed) this.#link.control(message);
  }

  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#link.close(reason);
  }

  /** The turn has something to say; it leaves with the next `flush`. */
  touch(turn: Turn): void {
    if (turn.dirty) return;
    turn.dirty = true;
    this.#dirty.push(turn);
  }

  /** Sends what may leave. `progress` is the host's count of work done (PROTOCOL E7). */
  flush(progress: number): void {
    while (this.#dirty.length > 0 && this.#pass(progress)) {
      // One more frame: the last one was full, or a successor waited for its predecessor's end.
    }
  }

  /** One frame and the ends that follow it; true when another pass may get further. */
  #pass(progress: number): boolean {
    const turns = this.#dirty;
    this.#dirty = this.#taken;
    this.#taken = turns;
    const writer = this.#writer;
    writer.begin(progress, 0);
    this.#newestMicros = undefined;
    const writable = this.#link.writable && !this.closed;
    for (const turn of turns) {
      turn.dirty = false;
      if (turn.channel !== this) continue;
      if (!this.#advance(turn, writable)) this.touch(turn);
    }
    if (!writer.empty) {
      writer.micros = this.#newestMicros ?? 0;
      this.#link.step(writer.finish());
    }
    const ended = this.#tellEnds(turns);
    turns.length = 0;
    return !writer.empty || ended;
  }

  /** Tells what the turn may tell now; false while something of it stays. */
  #advance(turn: Turn, writable: boolean): boolean {
    if (!this.#announce(turn)) return false;
    if (writable) this.#addTo(turn);
    return !turn.hasDue;
  }

  /** Tells `Started` when it is due; false while the turn must keep silent behind its predecessor. */
  #announce(turn: Turn): boolean {
    const { predecessor } = turn;
    if (predecessor !== undefined) {
      const speaks = predecessor.hasDue || predecessor.delivered;
      if (predecessor.channel === this && !predecessor.endedTold && speaks) return false;
      turn.predecessor = undefined;
    }
    if (turn.started !== undefined && !turn.startedTold) {
      turn.startedTold = true;
      this.control(startedMessage(turn, turn.started));
    }
    return true;
  }

  #addTo(turn: Turn): void {
    if (!turn.emitting) return;
    const row = this.#row;
    row.lane = turn.lane;
    while (this.#writer.tokens < FRAME_TOKENS_MAX && turn.ledger.take(row, FRAME_TOKENS_MAX)) {
      this.#writer.row(row);
      this.#newestMicros = newer(this.#newestMicros, turn.newestMicros);
    }
    for (let mark = turn.marks.next(turn.ledger.sent); mark !== undefined; mark = turn.marks.next(turn.ledger.sent)) {
      this.#writer.item(turn.lane, wireMark(turn.turnId, mark));
      turn.marks.told();
    }
  }

  #tellEnds(turns: readonly Turn[]): boolean {
    let told = false;
    for (const turn of turns) {
      if (turn.channel !== this || turn.endedTold || !turn.delivered || turn.final === undefined) continue;
      turn.endedTold = true;
      told = true;
      // Of a lane of the host's that was not named, nobody would hear: the record tells the end.
      if (!turn.laneTold && !turn.startedTold) this.#announceEnd(turn);
      else this.control(endedMessage(turn, turn.final));
    }
    return told;
  }
}

/** The later of two due times modulo 2^32. */
function newer(left: number | undefined, right: number): number {
  return left === undefined || ((right - left) | 0) > 0 ? right : left;
}
