/**
 * How long frames wait for others, process-wide (PERFORMANCE H5). A message costs what a handful of tokens cost, so
 * a busy loop sends fewer and larger ones; an idle one sends at once.
 */

/** Windows in force, by step. 0: a frame leaves as soon as its stream takes it. */
export const FLUSH_WINDOWS_MS = [0, 4, 8, 16, 33] as const;
/** How often the controller looks. */
export const FLUSH_CONTROL_MS = 250;

/** Above this share of busy loop time the window grows by a step. */
const BUSY = 0.7;
/** Below this it shrinks by one. Between the two it stays, so that its own effect does not make it swing. */
const CALM = 0.45;

export class FlushWindow {
  #step = 0;

  /** Window in force, ms. */
  get ms(): number {
    return FLUSH_WINDOWS_MS[this.#step] as number;
  }

  /** Takes the share of the last interval, 0 to 1, in which the loop was busy; one step at most. */
  observe(utilisation: number): void {
    if (utilisation > BUSY) this.#step = Math.min(this.#step + 1, FLUSH_WINDOWS_MS.length - 1);
    else if (utilisation < CALM) this.#step = Math.max(this.#step - 1, 0);
  }
}
