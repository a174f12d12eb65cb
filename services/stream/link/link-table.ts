import { assert, durationMs } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import type { StepFrameReader, StepRow } from '@reticle/proto/wire';
import type { LinkRequest__Input } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import type { LinkResponse } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { EngineLink, LaneReceiver, LinkFacts, LinkLoss, SidReceiver } from './engine-link.ts';

/** Handles at or past this are made by the host (E2). */
const HOST_HANDLES = 2 ** 31;

/** The columns of a step that the table reads. */
export type StepView = Pick<
  StepFrameReader,
  | 'rows'
  | 'lane'
  | 'firstOffset'
  | 'tokenCount'
  | 'tokenIds'
  | 'textLengths'
  | 'text'
  | 'textStart'
  | 'micros'
  | 'items'
>;

export type LinkTableOptions = {
  readonly facts: LinkFacts;
  readonly clock: Clock;
  readonly write: (request: LinkRequest__Input) => void;
  /** The peer broke the protocol; the owner of the link closes it. */
  readonly fault: (reason: string) => void;
};

type MutableRow = { -readonly [Key in keyof StepRow]: StepRow[Key] };

/**
 * Handles of one link and where its messages go. Invariants:
 * 1. A sid or lane is never given out twice in a link's life (E2).
 * 2. A message for a handle that was closed is dropped without a word: it was on its way.
 * 3. Rows of one frame reach their lanes in frame order; marks of a frame reach a lane before its rows.
 */
export class LinkTable implements EngineLink {
  readonly facts: LinkFacts;
  readonly #options: LinkTableOptions;
  readonly #lanes = new Map<number, LaneReceiver>();
  readonly #sids = new Map<number, SidReceiver>();
  readonly #credits = new Map<number, { receivedThrough: number; creditTokens: number }>();
  readonly #row: MutableRow;
  #nextLane = 1;
  #nextSid = 1;
  #alive = true;
  #draining = false;
  #creditArmed = false;

  constructor(options: LinkTableOptions) {
    this.#options = options;
    this.facts = options.facts;
    const none = new Uint32Array(0);
    const text = new Uint8Array(0);
    this.#row = { lane: 0, firstOffset: 0, count: 0, ids: none, lengths: none, at: 0, text, textStart: 0, textEnd: 0 };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get draining(): boolean {
    return this.#draining;
  }

  openSid(receiver: SidReceiver): number {
    const sid = this.#nextSid++;
    assert(sid < HOST_HANDLES, 'sids of a link do not run out');
    this.#sids.set(sid, receiver);
    return sid;
  }

  closeSid(sid: number): void {
    this.#sids.delete(sid);
  }

  openLane(receiver: LaneReceiver): number {
    const lane = this.#nextLane++;
    assert(lane < HOST_HANDLES, 'lanes of a link do not run out');
    this.#lanes.set(lane, receiver);
    return lane;
  }

  bindLane(lane: number, receiver: LaneReceiver): void {
    assert(lane >= HOST_HANDLES, 'only the lanes of the host are bound afterwards');
    this.#lanes.set(lane, receiver);
  }

  /** True while some turn has credit and has not ended: its engine owes progress (E7). */
  get owed(): boolean {
    for (const receiver of this.#lanes.values()) if (receiver.owed) return true;
    return false;
  }

  closeLane(lane: number): void {
    this.#lanes.delete(lane);
    this.#credits.delete(lane);
  }

  send(request: LinkRequest__Input): void {
    if (this.#alive) this.#options.write(request);
  }

  credit(lane: number, receivedThrough: number, creditTokens: number): void {
    this.#credits.set(lane, { receivedThrough, creditTokens });
    if (this.#creditArmed) return;
    this.#creditArmed = true;
    this.#options.clock.after(0, () => this.#flushCredits());
  }

  #flushCredits(): void {
    this.#creditArmed = false;
    if (this.#credits.size === 0) return;
    const rows = [...this.#credits];
    this.#credits.clear();
    this.send({
      credit: {
        lane: rows.map(([lane]) => lane),
        receivedThrough: rows.map(([, row]) => row.receivedThrough),
        creditTokens: rows.map(([, row]) => row.creditTokens),
      },
    });
  }

  /** Every message but steps, Welcome, Load and Pong, which belong to the link itself. */
  message(response: LinkResponse): void {
    if (response.opened) this.#sids.get(response.opened.sid)?.opened(response.opened);
    else if (response.prefilled) this.#sids.get(response.prefilled.sid)?.prefilled(response.prefilled);
    else if (response.fault) this.#fault(response.fault);
    else if (response.transcript) this.#sids.get(response.transcript.sid)?.transcript(response.transcript);
    else if (response.drain) this.#drain(response.drain.timeLeft ? durationMs(response.drain.timeLeft) : 0);
    else this.#laneMessage(response);
  }

  #laneMessage({ started, cutDone, ended }: LinkResponse): void {
    if (started) this.#started(started);
    else if (cutDone) this.#lanes.get(cutDone.lane)?.cutDone(cutDone);
    else if (ended) this.#lanes.get(ended.lane)?.ended(ended);
  }

  #drain(timeLeftMs: number): void {
    this.#draining = true;
    // One that leaves closes its sid meanwhile.
    for (const receiver of Array.from(this.#sids.values())) receiver.draining(timeLeftMs);
  }

  #started(started: Started): void {
    if (!this.#lanes.has(started.lane) && started.lane >= HOST_HANDLES) {
      this.#sids.get(started.sid)?.hostStarted(started, this);
    }
    this.#lanes.get(started.lane)?.started(started);
  }

  #fault(fault: Fault): void {
    if (fault.lane !== 0) this.#lanes.get(fault.lane)?.fault(fault);
    else this.#sids.get(fault.sid)?.fault(fault);
  }

  /** One decode step: tokens of all lanes. Nothing is allocated per row or token (H2). */
  step(frame: StepView): void {
    for (const { lane, mark } of frame.items) this.#lanes.get(lane)?.mark(mark);
    const row = this.#row;
    row.ids = frame.tokenIds;
    row.lengths = frame.textLengths;
    row.text = frame.text;
    row.at = 0;
    row.textStart = frame.textStart;
    for (let index = 0; index < frame.rows; index++) {
      row.lane = frame.lane[index] as number;
      row.firstOffset = frame.firstOffset[index] as number;
      row.count = frame.tokenCount[index] as number;
      row.textEnd = row.textStart + textBytes(row);
      const receiver = this.#lanes.get(row.lane);
      if (receiver !== undefined && !receiver.row(row, frame.micros)) {
        this.#options.fault('a row does not continue its lane');
        return;
      }
      row.at += row.count;
      row.textStart = row.textEnd;
    }
  }

  /** The link is dead: every session on it is told once. */
  lost(cause: LinkLoss): void {
    if (!this.#alive) return;
    this.#alive = false;
    const sids = [...this.#sids.values()];
    this.#sids.clear();
    this.#lanes.clear();
    this.#credits.clear();
    for (const receiver of sids) receiver.lost(cause);
  }
}

function textBytes(row: MutableRow): number {
  let bytes = 0;
  for (let at = row.at; at < row.at + row.count; at++) bytes += row.lengths[at] as number;
  return bytes;
}
