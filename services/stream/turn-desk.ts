/**
 * The turns of one session in the gateway: their relays, their lanes on the present link, their bills, and
 * how long a finished one can still be read.
 */
import { limits } from '@reticle/proto/contract';
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import { NO_PROGRESS, type Progress, type TurnEvent } from '@reticle/services/session';
import type { EngineLink, LaneReceiver } from './link/engine-link.ts';
import { TurnRelay } from './relay.ts';
import type { SessionFacts, SessionPorts } from './session-facts.ts';
import type { Bill } from './usage-ledger.ts';
import { cutAnswer, ending, turnErrorOf } from './wire-values.ts';

type TurnEntry = {
  readonly relay: TurnRelay;
  bill: Bill;
  /** Handles of this turn, the present one last. */
  readonly lanes: { readonly link: EngineLink; readonly lane: number }[];
  ended: boolean;
  cancelDrop: () => void;
};

export type TurnDeskOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  /** The engine said something of a turn; `event` is made when it is applied, with the counts of that moment. */
  readonly onEvent: (turnId: string, event: (progress: Progress) => TurnEvent) => void;
  /** The attached client was told a terminal. */
  readonly onTold: () => void;
};

export class TurnDesk {
  readonly #options: TurnDeskOptions;
  readonly #turns = new Map<string, TurnEntry>();
  #epoch = 0;

  constructor(options: TurnDeskOptions) {
    this.#options = options;
  }

  relay(turnId: string): TurnRelay | undefined {
    return this.#turns.get(turnId)?.relay;
  }

  relays(): Iterable<TurnRelay> {
    return [...this.#turns.values()].map(({ relay }) => relay);
  }

  progress(turnId: string): Progress {
    return this.#turns.get(turnId)?.relay.progress ?? NO_PROGRESS;
  }

  /** Turns whose tokens are held. */
  spans(): Map<string, Progress> {
    return new Map([...this.#turns].map(([turnId, { relay }]) => [turnId, relay.progress]));
  }

  create(turnId: string): TurnRelay {
    const { clock, ledger } = this.#options.ports;
    const entry: TurnEntry = {
      bill: this.#bill(turnId),
      lanes: [],
      ended: false,
      cancelDrop: () => {},
      relay: new TurnRelay({
        turnId,
        clock,
        onSent: (throughOffset) => ledger.sent(entry.bill, throughOffset),
        onTold: () => this.#options.onTold(),
        grant: (receivedThrough, creditTokens) => {
          const held = entry.lanes.at(-1);
          if (held?.link.alive) held.link.credit(held.lane, receivedThrough, creditTokens);
        },
      }),
    };
    this.#turns.set(turnId, entry);
    return entry.relay;
  }

  /** A new lane for a turn. `current` false: it delivers only after {@link adopted} says so. */
  openLane(turnId: string, link: EngineLink, current = true): number {
    const entry = this.#turns.get(turnId);
    if (entry === undefined) return 0;
    const receiver = new TurnLane(turnId, entry.relay, this.#options.onEvent);
    const lane = link.openLane(receiver);
    receiver.lane = lane;
    entry.lanes.push({ link, lane });
    if (current) entry.relay.lane = lane;
    return lane;
  }

  /** The lane to speak to the engine of a turn; 0 when it has none. */
  laneOf(turnId: string): number {
    return this.#turns.get(turnId)?.relay.lane ?? 0;
  }

  /** Lanes for the turns that run on under a new epoch. */
  adopt(turnIds: Iterable<string>, link: EngineLink): Adopt__Input[] {
    const adopts: Adopt__Input[] = [];
    for (const turnId of turnIds) {
      const entry = this.#turns.get(turnId);
      if (entry === undefined || entry.relay.lane === 0) continue;
      const lane = this.openLane(turnId, link, false);
      adopts.push({ lane, turnId, ...entry.relay.adoption });
    }
    return adopts;
  }

  /** The engine answered: adopted turns deliver on their new lanes. Returns those that it does not know. */
  adopted(opened: Opened, asked: readonly Adopt__Input[]): string[] {
    this.#epoch = opened.epoch;
    const known = new Map(opened.turns.map((turn) => [turn.turnId, turn.lane]));
    const unknown: string[] = [];
    for (const [turnId, entry] of this.#turns) {
      if (!entry.ended) entry.bill = this.#bill(turnId);
    }
    for (const { turnId = '', lane = 0 } of asked) {
      const entry = this.#turns.get(turnId);
      if (entry === undefined || entry.ended) continue;
      if (known.has(turnId)) entry.relay.adopted(lane);
      else unknown.push(turnId);
    }
    return unknown;
  }

  /** The turn is over: its lanes are closed, and it stays readable for `limits.ringKeepMs` and until it is told. */
  ended(turnId: string): void {
    const entry = this.#turns.get(turnId);
    if (entry === undefined || entry.ended) return;
    entry.ended = true;
    for (const { link, lane } of entry.lanes) link.closeLane(lane);
    this.#armDrop(turnId, entry);
  }

  #armDrop(turnId: string, entry: TurnEntry): void {
    entry.cancelDrop = this.#options.ports.clock.after(limits.ringKeepMs, () => {
      // A terminal that reached nobody is owed to the next attachment (inv. 4); observers finish first.
      if (!entry.relay.progress.told || entry.relay.observers > 0) this.#armDrop(turnId, entry);
      else this.drop(turnId);
    });
  }

  /** A turn that is nobody's to be told (a warm-up) needs no reader to be dropped. */
  drop(turnId: string): void {
    const entry = this.#turns.get(turnId);
    if (entry === undefined) return;
    entry.cancelDrop();
    entry.relay.close();
    for (const { link, lane } of entry.lanes) link.closeLane(lane);
    this.#turns.delete(turnId);
  }

  close(): void {
    for (const turnId of this.#turns.keys()) this.drop(turnId);
  }

  #bill(turnId: string): Bill {
    const { facts, ports } = this.#options;
    return ports.ledger.open({ tenant: facts.tenant, sessionId: facts.sessionId, turnId, epoch: this.#epoch });
  }
}

/** One lane of one turn. A lane of an older epoch still carries acks; its tokens and end are void. */
class TurnLane implements LaneReceiver {
  readonly #turnId: string;
  readonly #relay: TurnRelay;
  readonly #onEvent: TurnDeskOptions['onEvent'];
  #running: boolean;
  lane = 0;

  constructor(turnId: string, relay: TurnRelay, onEvent: TurnDeskOptions['onEvent']) {
    this.#turnId = turnId;
    this.#relay = relay;
    this.#onEvent = onEvent;
    this.#running = relay.started !== undefined;
  }

  get #current(): boolean {
    return this.#relay.lane === this.lane;
  }

  started(message: Started): void {
    this.#running = true;
    const { promptTokens, cachedTokens, startOffset } = message;
    this.#onEvent(this.#turnId, () => ({ kind: 'started', promptTokens, cachedTokens, startOffset }));
  }

  row(row: StepRow, micros: number): boolean {
    return this.#relay.row(row, micros);
  }

  mark(mark: WireItemMark): void {
    if (this.#current) this.#relay.mark(mark);
  }

  cutDone(message: CutDone): void {
    const answer = cutAnswer(message);
    this.#onEvent(this.#turnId, (progress) => ({ kind: 'cut-done', answer, progress }));
  }

  ended(message: Ended): void {
    if (!this.#current) return;
    const over = ending(message);
    this.#onEvent(this.#turnId, (progress) => ({ kind: 'engine-ended', ending: over, progress }));
  }

  fault(message: Fault): void {
    // A running turn ends by `Ended` alone: a fault of its lane speaks of a message that was refused.
    if (!this.#current || this.#running) return;
    const error = turnErrorOf(message.error);
    this.#onEvent(this.#turnId, (progress) => ({ kind: 'failed', error, progress }));
  }
}
