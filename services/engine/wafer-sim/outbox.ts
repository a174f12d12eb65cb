import type { Random } from '@reticle/core/flow';
import type { DriverEvents } from '../contract.ts';
import type { GarbledField } from './faults/fault.ts';
import { StepBuffer } from './step-buffer.ts';

type Told = (events: DriverEvents) => void;

/**
 * What one wake has to tell: what precedes rows (prefilled, failed, started, marks, halted of streams that do not
 * run), the rows, what follows them (closing marks, ended, halted). What is noted while it is told waits for the next
 * wake.
 */
export class Outbox {
  readonly buffer = new StepBuffer();
  #before: Told[] = [];
  #after: Told[] = [];
  #garbled: GarbledField[] = [];

  before(tell: Told): void {
    this.#before.push(tell);
  }

  after(tell: Told): void {
    this.#after.push(tell);
  }

  /** Garbles the next batch that has rows. */
  garble(what: GarbledField): void {
    this.#garbled.push(what);
  }

  clear(): void {
    this.#before = [];
    this.#after = [];
    this.buffer.reset();
  }

  deliver(events: DriverEvents, random: Random): void {
    const before = this.#before;
    const after = this.#after;
    this.#before = [];
    this.#after = [];
    for (const tell of before) tell(events);
    const { batch } = this.buffer;
    if (batch.rows > 0) {
      const what = this.#garbled.shift();
      if (what !== undefined) this.buffer.garble(what, random);
      events.step(batch);
    }
    for (const tell of after) tell(events);
  }
}
