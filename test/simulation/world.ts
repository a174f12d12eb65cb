/**
 * One virtual clock and one event queue for everything that runs (PROMISES §3.3): events go by (time, tie), and
 * between two of them all microtasks drain, so that a seed and a commit are one run.
 */
import { EventQueue, type SimEvent } from './event-queue.ts';
import { fork, type Dice } from './seeds.ts';
import { TraceHash } from './trace-hash.ts';

/** Callbacks at one instant before they are taken for a timer that arms itself again with no delay. */
const INSTANT_EVENTS_MAX = 100_000;
const VIOLATIONS_MAX = 8;

/** Captured before anything may replace it; the one real callback of a run. */
const immediate = setImmediate;

export type Violation = { readonly atMs: number; readonly rule: string; readonly text: string };

export class World {
  readonly seed: number;
  readonly hash = new TraceHash();
  readonly violations: Violation[] = [];
  /** Lines for `--trace`; undefined: nobody reads them. */
  readonly trace: ((line: string) => void) | undefined;
  readonly #queue = new EventQueue();
  readonly #ties: Dice;
  #nowMs = 0;
  #events = 0;
  /** Events since time last moved. */
  #instant = 0;

  constructor(seed: number, trace?: (line: string) => void) {
    this.seed = seed;
    this.trace = trace;
    this.#ties = fork(seed, 'ties');
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that ran. */
  get events(): number {
    return this.#events;
  }

  dice(purpose: string): Dice {
    return fork(this.seed, purpose);
  }

  /** Runs `run` after `delayMs`; the returned function cancels it. */
  after(delayMs: number, kind: string, run: () => void, tie?: number): () => void {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const event: SimEvent = this.#queue.add({ atMs, tie: tie ?? this.#ties.unit(), kind, run });
    return () => {
      event.run = undefined;
    };
  }

  /** Notes a fact in the trace hash and, when somebody reads it, in the trace. */
  note(kind: string, text: string): void {
    this.hash.text(kind);
    this.hash.text(text);
    this.trace?.(`${this.#nowMs.toFixed(3).padStart(11)} ${kind} ${text}`);
  }

  /** A line for the trace alone; `text` is made only when somebody reads it. */
  tell(kind: string, text: () => string): void {
    this.trace?.(`${this.#nowMs.toFixed(3).padStart(11)} ${kind} ${text()}`);
  }

  violated(rule: string, text: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ atMs: this.#nowMs, rule, text });
    this.note('VIOLATION', `${rule}: ${text}`);
  }

  /** Runs events until the time, until `done` says so, or until a rule was broken. */
  async run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    for (let event = this.#next(untilMs, done); event !== undefined; event = this.#next(untilMs, done)) {
      this.#step(event);
      await new Promise<void>((resolve) => immediate(resolve));
    }
    if (this.violations.length === 0 && !done()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Takes the next event out and moves time to it. */
  #next(untilMs: number, done: () => boolean): SimEvent | undefined {
    for (;;) {
      const event = this.#queue.peek();
      if (event === undefined || event.atMs > untilMs || this.violations.length > 0 || done()) return undefined;
      this.#queue.pop();
      if (event.run === undefined) continue;
      this.#instant = event.atMs > this.#nowMs ? 0 : this.#instant + 1;
      if (this.#instant > INSTANT_EVENTS_MAX) this.violated('time', `time stands still at ${event.kind}`);
      this.#nowMs = event.atMs;
      return event;
    }
  }

  #step(event: SimEvent): void {
    this.#events += 1;
    this.hash.number(event.atMs);
    this.hash.text(event.kind);
    try {
      event.run?.();
    } catch (error) {
      this.defect(event.kind, error);
    }
  }

  /** An exception that nobody caught: a broken assertion of a process. */
  defect(where: string, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.violated('defect', `${where}: ${text.split('\n').slice(0, 6).join(' | ')}`);
  }
}
