/**
 * One signal on two paths (PROTOCOL S2). The bytes are the same each time and the host answers copies alike, so it
 * costs nothing to send again.
 *
 *     first path    t = 0, and again at `signalRepeatMs`
 *     second path   when the first has failed, at the latest at `signalHedgeMs`, and again at `signalRepeatMs`
 *
 * The first answer that is accepted wins; one that is not counts as a failed attempt. With nothing left to wait for,
 * and at the deadline at the latest, there is none.
 */
import type { Clock } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';

/** Sends once; the attempt may take `timeoutMs`. A rejection says that this attempt brings nothing. */
export type Attempt = (timeoutMs: number) => Promise<Uint8Array>;

export type HedgeOptions<Answer> = {
  readonly clock: Clock;
  readonly first: Attempt;
  readonly second?: Attempt;
  /** Undefined: not an answer to this signal. */
  readonly accept: (bytes: Uint8Array) => Answer | undefined;
  /** Monotonic time at which to give up. */
  readonly deadlineMs: number;
  /** The second path was needed. */
  readonly onHedge?: () => void;
};

/** The answer, or undefined when none came. Never rejects. */
export function hedge<Answer>(options: HedgeOptions<Answer>): Promise<Answer | undefined> {
  return new Promise((resolve) => new Hedge(options, resolve).start());
}

class Hedge<Answer> {
  readonly #options: HedgeOptions<Answer>;
  readonly #resolve: (answer: Answer | undefined) => void;
  readonly #cancels: (() => void)[] = [];
  #waiting = 0;
  #hedged = false;
  #repeated = false;
  #over = false;

  constructor(options: HedgeOptions<Answer>, resolve: (answer: Answer | undefined) => void) {
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    const { clock, first, deadlineMs } = this.#options;
    this.#cancels.push(
      clock.after(deadlineMs - clock.nowMs(), () => this.#end(undefined)),
      clock.after(limits.signalRepeatMs, () => this.#repeat()),
      clock.after(limits.signalHedgeMs, () => this.#second()),
    );
    this.#try(first, () => this.#second());
  }

  #second(): void {
    if (this.#hedged || this.#over) return;
    this.#hedged = true;
    const { second, onHedge } = this.#options;
    if (second === undefined) return;
    onHedge?.();
    this.#try(second);
  }

  #repeat(): void {
    this.#repeated = true;
    this.#try(this.#options.first);
    if (this.#options.second !== undefined) this.#try(this.#options.second);
  }

  #try(attempt: Attempt, failed: () => void = () => {}): void {
    const { clock, accept, deadlineMs } = this.#options;
    this.#waiting += 1;
    const lost = (): void => {
      this.#waiting -= 1;
      failed();
      if (this.#repeated && this.#waiting === 0) this.#end(undefined);
    };
    attempt(Math.max(1, deadlineMs - clock.nowMs())).then((bytes) => {
      const answer = this.#over ? undefined : accept(bytes);
      if (answer === undefined) lost();
      else this.#end(answer);
    }, lost);
  }

  #end(answer: Answer | undefined): void {
    if (this.#over) return;
    this.#over = true;
    for (const cancel of this.#cancels) cancel();
    this.#resolve(answer);
  }
}
