/*
 * A fault script as it runs: what waits for its trigger, what is in force, what happened.
 *
 * A fault begins, and ends, at a wake of the simulator. One that waits for a step or token offset begins with the
 * wake that reaches it, behind that wake's rows.
 */
import { seededRandom, type Random } from '@reticle/core/flow';
import type { Fault, FaultLogEntry, FaultScript, FaultTrigger, ScriptedFault } from './fault.ts';

type Active = { readonly fault: Fault; readonly endUs: number };

/** Entries kept; older ones are dropped. */
const LOG_MAX = 4096;

export class FaultRunner {
  readonly random: Random;
  readonly #startUs: number;
  #waiting: ScriptedFault[];
  #active: Active[] = [];
  readonly #log: FaultLogEntry[] = [];
  readonly #begun: Fault[] = [];

  constructor(script: FaultScript, startUs: number) {
    this.random = seededRandom(script.seed ?? 0);
    this.#startUs = startUs;
    this.#waiting = [...script.faults];
  }

  /** In force now. A garbled batch never is. */
  get active(): readonly Fault[] {
    return this.#active.map(({ fault }) => fault);
  }

  get log(): readonly FaultLogEntry[] {
    return this.#log;
  }

  /** When the next fault begins or ends by time; Infinity for none. */
  get nextUs(): number {
    let nextUs = this.#begun.length > 0 ? -Infinity : Infinity;
    for (const { endUs } of this.#active) nextUs = Math.min(nextUs, endUs);
    for (const { at } of this.#waiting)
      if ('afterMs' in at) nextUs = Math.min(nextUs, this.#startUs + at.afterMs * 1000);
    return nextUs;
  }

  /** A fault that begins with the next {@link advance}. */
  inject(fault: Fault): void {
    this.#begun.push(fault);
  }

  /** Tokens [from, through) of a stream were generated. */
  generated(from: number, through: number): void {
    if (this.#waiting.length === 0) return;
    this.#begin((at) => 'atTokenOffset' in at && at.atTokenOffset >= from && at.atTokenOffset < through);
  }

  /** Brings the script to this time; returns the faults that begin, undefined when nothing begins or ends. */
  advance(nowUs: number, steps: number): readonly Fault[] | undefined {
    const ended = this.#end(nowUs, steps);
    if (this.#waiting.length > 0) {
      this.#begin(
        (at) =>
          ('afterMs' in at && this.#startUs + at.afterMs * 1000 <= nowUs) ||
          ('afterSteps' in at && at.afterSteps <= steps),
      );
    }
    const begun = this.#begun.splice(0);
    for (const fault of begun) {
      this.#note(nowUs, steps, 'begins', fault);
      if (fault.kind !== 'garble') this.#active.push({ fault, endUs: endUs(fault, nowUs) });
    }
    return ended || begun.length > 0 ? begun : undefined;
  }

  #end(nowUs: number, steps: number): boolean {
    const over = this.#active.filter((active) => active.endUs <= nowUs);
    if (over.length === 0) return false;
    this.#active = this.#active.filter((active) => active.endUs > nowUs);
    for (const { fault } of over) this.#note(nowUs, steps, 'ends', fault);
    return true;
  }

  #begin(due: (at: FaultTrigger) => boolean): void {
    const waiting: ScriptedFault[] = [];
    for (const scripted of this.#waiting) {
      if (!due(scripted.at)) {
        waiting.push(scripted);
        continue;
      }
      const { at: _at, ...fault } = scripted;
      this.#begun.push(fault);
    }
    this.#waiting = waiting;
  }

  #note(nowUs: number, steps: number, phase: FaultLogEntry['phase'], fault: Fault): void {
    if (this.#log.length === LOG_MAX) this.#log.shift();
    this.#log.push({ atMs: nowUs / 1000, steps, phase, fault });
  }
}

function endUs(fault: Fault, nowUs: number): number {
  return 'forMs' in fault && fault.forMs !== undefined ? nowUs + fault.forMs * 1000 : Infinity;
}
