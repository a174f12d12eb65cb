/**
 * The turns of one session in the gateway: their relays, their lanes on the present link, their bills, and
 * how long a finished one can still be read.
 */
import type { ReticleError, Tier, TraceContext } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { StepRow, WireItemMark } from '@reticle/proto/wire';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { CutDone } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Ended } from '@reticle/proto/gen/engine/v1/Ended';
import type { Fault } from '@reticle/proto/gen/engine/v1/Fault';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import { NO_PROGRESS, type Progress, type TurnError, type TurnEvent } from '@reticle/services/session';
import { silentTurn, type TurnMeter } from './events.ts';
import type { EngineLink, LaneReceiver } from './link/engine-link.ts';
import { TurnRelay } from './relay.ts';
import type { SessionFacts, SessionPorts } from './session-facts.ts';
import type { Bill } from './usage-ledger.ts';
import { continuationOf, cutAnswer, ending, turnErrorOf } from './wire-values.ts';

type TurnEntry = {
  readonly relay: TurnRelay;
  readonly meter: TurnMeter;
  bill: Bill;
  /** Handles of this turn, the present one last. */
  readonly lanes: TurnLane[];
  /** The lane that delivers; undefined while no engine has the turn. */
  current: TurnLane | undefined;
  ended: boolean;
  cancelDrop: () => void;
};

/** How a turn came to be here. */
export type TurnOrigin = {
  /** The caller's place in its own trace. */
  readonly parent?: TraceContext | undefined;
  /** Asked for by the turn itself; absent: the session's. */
  readonly tier?: Tier | undefined;
  /** It began at another gateway, or at the engine by signal. */
  readonly resumed?: boolean;
  /** A warm-up. */
  readonly quiet?: boolean;
};

export type TurnDeskOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  /** The engine said something of a turn; `event` is made when it is applied, with the counts of that moment. */
  readonly onEvent: (turnId: string, event: (progress: Progress) => TurnEvent) => void;
  /** The attached client was told a terminal. */
  readonly onTold: () => void;
  /** The engine has the end of this turn as a context that others can continue. */
  readonly onKept: (turnId: string) => void;
  /** An engine refused to go on with a turn. True: the session looks elsewhere; false: the turn fails. */
  readonly onRefused: (turnId: string, error: TurnError) => boolean;
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

  /** The attached client's socket takes data again; called about once per frame. */
  drained(): void {
    for (const entry of this.#turns.values()) entry.relay.drained();
  }

  relays(): Iterable<TurnRelay> {
    return [...this.#turns.values()].map(({ relay }) => relay);
  }

  progress(turnId: string): Progress {
    return this.#turns.get(turnId)?.relay.progress ?? NO_PROGRESS;
  }

  /** Turns whose tokens are held. */
  spans(): Map<string, Progress> {
    return new Map([...this.#turns].map(([turnId, { relay }]) => [turnId, relay.span]));
  }

  /** What is told of a turn; tells nobody of one that is not held. */
  meter(turnId: string): TurnMeter {
    return this.#turns.get(turnId)?.meter ?? silentTurn;
  }

  create(turnId: string, origin: TurnOrigin = { resumed: true }): TurnRelay {
    const { clock, ledger } = this.#options.ports;
    const meter = this.#meter(turnId, origin);
    const entry: TurnEntry = {
      meter,
      bill: this.#bill(turnId),
      lanes: [],
      current: undefined,
      ended: false,
      cancelDrop: () => {},
      relay: new TurnRelay({
        turnId,
        clock,
        onSent: (throughOffset, count) => {
          ledger.sent(entry.bill, throughOffset);
          meter.delivered(count);
        },
        onTold: () => {
          meter.told();
          this.#options.onTold();
        },
        grant: (receivedThrough, creditTokens) => {
          const { current } = entry;
          if (current?.link.alive) current.link.credit(current.lane, receivedThrough, creditTokens);
        },
      }),
    };
    this.#turns.set(turnId, entry);
    return entry.relay;
  }

  #meter(turnId: string, { parent, tier, resumed = false, quiet = false }: TurnOrigin): TurnMeter {
    const { facts, ports } = this.#options;
    if (quiet) return silentTurn;
    const { sessionId, model } = facts;
    return ports.events.turn({ sessionId, turnId, model, tier: tier ?? facts.tier, parent, resumed });
  }

  /** A new lane for a turn. `current` false: it delivers only after {@link adopted} says so. */
  openLane(turnId: string, link: EngineLink, current = true): number {
    const entry = this.#turns.get(turnId);
    if (entry === undefined) return 0;
    const receiver = new TurnLane({ turnId, entry, link, desk: this.#options, running: !current });
    receiver.lane = link.openLane(receiver);
    entry.lanes.push(receiver);
    if (current) {
      entry.current = receiver;
      entry.relay.lane = receiver.lane;
    }
    return receiver.lane;
  }

  /** A lane at an engine that goes on with a turn from what was received (E6). */
  reseat(turnId: string, link: EngineLink): { lane: number; forced: Uint32Array; creditTokens: number } | undefined {
    const entry = this.#turns.get(turnId);
    if (entry === undefined) return undefined;
    const lane = this.openLane(turnId, link);
    return { lane, ...entry.relay.reseat(lane) };
  }

  /** The host runs a turn on a lane of its own making (E2): it delivers from here on. */
  bindHostLane(turnId: string, link: EngineLink, lane: number): void {
    const entry = this.#turns.get(turnId);
    if (entry === undefined) return;
    const receiver = new TurnLane({ turnId, entry, link, desk: this.#options, running: true });
    receiver.lane = lane;
    link.bindLane(lane, receiver);
    entry.lanes.push(receiver);
    entry.current = receiver;
    entry.relay.adopted(lane);
  }

  /** No engine has these turns: rows that are still under way on old lanes are void. */
  unseat(turnIds: Iterable<string>): void {
    for (const turnId of turnIds) {
      const entry = this.#turns.get(turnId);
      if (entry === undefined) continue;
      entry.current = undefined;
      entry.relay.unseat();
    }
  }

  /** True while an engine has the turn. */
  isSeated(turnId: string): boolean {
    return this.#turns.get(turnId)?.current !== undefined;
  }

  /** The lane to speak of a turn on this link; 0 when it has none there. */
  laneOf(turnId: string, link: EngineLink | undefined): number {
    const current = this.#turns.get(turnId)?.current;
    return current?.link === link && current !== undefined ? current.lane : 0;
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
    const known = new Map(opened.turns.map((turn) => [turn.turnId, turn.lane]));
    const unknown: string[] = [];
    for (const { turnId = '', lane = 0 } of asked) {
      const entry = this.#turns.get(turnId);
      if (entry === undefined || entry.ended) continue;
      if (known.has(turnId)) {
        entry.current = entry.lanes.findLast((each) => each.lane === lane);
        entry.relay.adopted(lane);
      } else unknown.push(turnId);
    }
    return unknown;
  }

  /** The epoch in force: bills of turns that run on are its from here. */
  raise(epoch: number): void {
    this.#epoch = epoch;
    for (const [turnId, entry] of this.#turns) if (!entry.ended) entry.bill = this.#bill(turnId);
  }

  /** The gateway lets the session go to another one: readers are sent there. */
  evict(error: ReticleError): void {
    for (const { relay } of this.#turns.values()) relay.evict(error);
    this.close();
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
    entry.meter.closed();
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

type TurnLaneOptions = {
  readonly turnId: string;
  readonly entry: TurnEntry;
  readonly link: EngineLink;
  readonly desk: TurnDeskOptions;
  /** The engine has the turn already; false: it may still refuse it. */
  readonly running: boolean;
};

/** One lane of one turn. A lane of an older epoch still carries acks; its tokens and end are void. */
class TurnLane implements LaneReceiver {
  readonly #turnId: string;
  readonly #entry: TurnEntry;
  readonly link: EngineLink;
  readonly #desk: TurnDeskOptions;
  #running: boolean;
  /** A row has come on this lane. */
  #flows = false;
  #ended = false;
  lane = 0;

  constructor({ turnId, entry, link, desk, running }: TurnLaneOptions) {
    this.#turnId = turnId;
    this.#entry = entry;
    this.link = link;
    this.#desk = desk;
    this.#running = running && entry.relay.started !== undefined;
  }

  #tell(event: (progress: Progress) => TurnEvent): void {
    this.#desk.onEvent(this.#turnId, event);
  }

  /** A turn that has not started is owed its start. */
  get owed(): boolean {
    return this.#current && !this.#ended && (!this.#running || this.#entry.relay.owed);
  }

  get #current(): boolean {
    return this.#entry.current === this;
  }

  started(message: Started): void {
    if (!this.#current) return;
    this.#running = true;
    const { promptTokens, cachedTokens, startOffset } = message;
    const continuation = continuationOf(message.continuation);
    this.#tell(() => ({ kind: 'started', promptTokens, cachedTokens, startOffset, continuation }));
  }

  row(row: StepRow, micros: number): boolean {
    if (!this.#current) return true;
    if (!this.#flows) this.#desk.ports.failpoint('gateway.before-first-byte');
    this.#flows = true;
    this.#running = true;
    return this.#entry.relay.row(row, micros);
  }

  mark(mark: WireItemMark): void {
    if (this.#current) this.#entry.relay.mark(mark);
  }

  cutDone(message: CutDone): void {
    const answer = cutAnswer(message);
    this.#tell((progress) => ({ kind: 'cut-done', answer, progress }));
  }

  ended(message: Ended): void {
    if (!this.#current) return;
    this.#ended = true;
    const over = ending(message);
    if (over.status !== 'failed') this.#desk.onKept(this.#turnId);
    else if (over.error !== undefined && this.#desk.onRefused(this.#turnId, over.error)) return;
    this.#tell((progress) => ({ kind: 'engine-ended', ending: over, progress }));
  }

  fault(message: Fault): void {
    // A running turn ends by `Ended` alone: a fault of its lane speaks of a message that was refused.
    if (!this.#current || this.#running) return;
    const error = turnErrorOf(message.error);
    if (this.#desk.onRefused(this.#turnId, error)) return;
    this.#tell((progress) => ({ kind: 'failed', error, progress }));
  }
}
