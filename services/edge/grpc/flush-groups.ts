/**
 * Open windows of a process: readers that hold a frame back join the group of their connection and are told at its
 * next flush. Streams of one connection flush together, so that they leave in one write; connections flush at
 * different moments of the window, so that no token waits behind all the others of the process (PERFORMANCE H5, H7,
 * R6). One timer serves all groups and is off while nobody waits.
 */
import type { Clock } from '@reticle/core/flow';
import { FLUSH_CONTROL_MS, FlushWindow } from './flush-window.ts';

/** A reader that holds a frame back. */
interface FlushMember {
  /** The window is over: what is held goes now. */
  flush(): void;
}

/** Shortest sleep of the timer: a 1 ms timer alone costs 5 % of a core (PERFORMANCE R5). */
const TICK_MS = 2;
/** Multiples of it, modulo 1, spread any number of groups evenly over a window. */
const GOLDEN_SECTION = 0.618_033_988_75;

export type FlushGroupsOptions = {
  readonly clock: Clock;
  /** Share of the time since the last call, 0 to 1, in which the loop was busy. */
  readonly utilisation: () => number;
};

export class FlushGroups {
  readonly #options: FlushGroupsOptions;
  readonly #window = new FlushWindow();
  readonly #turns = new TurnQueue();
  readonly #byPeer = new Map<string, FlushGroup>();
  readonly #waiting: FlushGroup[] = [];
  #made = 0;
  #ticking = false;
  #cancelTick: () => void = () => {};
  #cancelControl: () => void = () => {};

  constructor(options: FlushGroupsOptions) {
    this.#options = options;
    options.utilisation();
    this.#armControl();
  }

  /** Window in force, ms. */
  get windowMs(): number {
    return this.#window.ms;
  }

  /** The group of a peer's connection. */
  of(peer: string): FlushGroup {
    let group = this.#byPeer.get(peer);
    if (group === undefined) {
      group = this.group();
      this.#byPeer.set(peer, group);
    }
    return group;
  }

  /** The peer's connection is gone. */
  forget(peer: string): void {
    this.#byPeer.delete(peer);
  }

  /** A group of its own. */
  group(): FlushGroup {
    this.#made += 1;
    return new FlushGroup((this.#made * GOLDEN_SECTION) % 1, {
      windowMs: () => this.#window.ms,
      opened: (group) => this.#opened(group),
      soon: (callback) => this.#turns.soon(callback),
    });
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#cancelControl();
    this.#cancelTick();
    this.#waiting.length = 0;
  }

  #armControl(): void {
    this.#cancelControl = this.#options.clock.after(FLUSH_CONTROL_MS, () => {
      this.#window.observe(this.#options.utilisation());
      this.#armControl();
    });
  }

  #opened(group: FlushGroup): void {
    group.dueMs = nextMoment(this.#options.clock.nowMs(), group.phase, this.#window.ms);
    this.#waiting.push(group);
    if (!this.#ticking) this.#armTick();
  }

  #armTick(): void {
    this.#ticking = true;
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    this.#ticking = false;
    const waiting = this.#waiting;
    const nowMs = this.#options.clock.nowMs();
    const due = waiting.filter((group) => group.dueMs <= nowMs);
    let kept = 0;
    for (const group of waiting) if (group.dueMs > nowMs) waiting[kept++] = group;
    waiting.length = kept;
    for (const group of due) group.flush();
    if (waiting.length > 0 && !this.#ticking) this.#armTick();
  }
}

/** What waits for the end of the loop's turn, run together: one immediate for all streams (PERFORMANCE H7). */
class TurnQueue {
  #waiting: (() => void)[] = [];
  #running: (() => void)[] = [];
  readonly #run = (): void => {
    const running = this.#waiting;
    this.#waiting = this.#running;
    this.#running = running;
    for (const callback of running) callback();
    running.length = 0;
  };

  soon(callback: () => void): void {
    this.#waiting.push(callback);
    if (this.#waiting.length === 1) setImmediate(this.#run);
  }
}

type GroupEvents = {
  readonly windowMs: () => number;
  readonly opened: (group: FlushGroup) => void;
  readonly soon: (callback: () => void) => void;
};

/** Readers of one connection that hold frames back until the same moment. */
export class FlushGroup {
  /** Where in the window this group flushes, 0 to 1. */
  readonly phase: number;
  /** When the open window ends, on the clock of the groups. */
  dueMs = 0;
  readonly #events: GroupEvents;
  #members: FlushMember[] = [];
  #flushing: FlushMember[] = [];

  constructor(phase: number, events: GroupEvents) {
    this.phase = phase;
    this.#events = events;
  }

  /** Window in force, ms; at 0 nobody needs to wait. */
  get windowMs(): number {
    return this.#events.windowMs();
  }

  /** `flush` of the member is called once, when the open window ends. */
  join(member: FlushMember): void {
    this.#members.push(member);
    if (this.#members.length === 1) this.#events.opened(this);
  }

  /** Calls back at the end of this turn of the loop, with everybody else who asked in it. */
  soon(callback: () => void): void {
    this.#events.soon(callback);
  }

  /** Tells everybody who joined; who joins meanwhile waits for the next window. */
  flush(): void {
    const members = this.#members;
    this.#members = this.#flushing;
    this.#flushing = members;
    for (const member of members) member.flush();
    members.length = 0;
  }
}

/** The next moment after `nowMs` that lies at the phase of a grid of windows. */
function nextMoment(nowMs: number, phase: number, windowMs: number): number {
  if (windowMs === 0) return nowMs;
  const offsetMs = phase * windowMs;
  return (Math.floor((nowMs - offsetMs) / windowMs) + 1) * windowMs + offsetMs;
}
