import type { Clock } from '@reticle/core/flow';
import type { SocketPort } from './socket-port.ts';

/** Who writes tokens: how far it stands, and what it learns of the socket. */
export interface FlushedWriter {
  readonly position: number;
  flushed(position: number): void;
}

export type SocketOutputOptions = {
  readonly port: SocketPort;
  readonly clock: Clock;
  /** Runs a callback at the end of this turn of the loop. */
  readonly defer: (callback: () => void) => void;
  /** Told when the backlog passes its bound, and when it is below it again. */
  readonly onFull: (isFull: boolean) => void;
  /** The peer has taken nothing for {@link STALLED_MS}. */
  readonly onStalled: () => void;
};

/** Backlog at which a socket is no longer read: what would come of its requests could not be told (§4.3). */
const BACKLOG_BYTES_MAX = 1_048_576;
const STALLED_MS = 60_000;

/**
 * The outgoing side of one socket, for all its lanes. What is written within one turn of the loop leaves together
 * (PERFORMANCE H5).
 *
 * Invariants
 * 1. A writer's tokens are acknowledged when the kernel has them, and not before (R5): a peer that does not read stops the
 *    credit of its own turns.
 * 2. Above the bound of backlog nothing is read, so that no peer makes this side hold more than that and what its running
 *    turns have credit for.
 */
export class SocketOutput {
  readonly #options: SocketOutputOptions;
  readonly #writers = new Set<FlushedWriter>();
  #pending: string[] = [];
  #scheduled = false;
  #over = false;
  /** Batches that the kernel has not taken. */
  #outstanding = 0;
  #movedMs = 0;
  #isWatched = false;
  #isFull = false;
  #cancelWatch: () => void = () => {};

  constructor(options: SocketOutputOptions) {
    this.#options = options;
  }

  /** True while the kernel owes us room. */
  get isBehind(): boolean {
    return this.#outstanding > 0;
  }

  write(message: string, writer?: FlushedWriter): void {
    if (this.#over) return;
    this.#pending.push(message);
    if (writer !== undefined) this.#writers.add(writer);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.defer(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#over || this.#pending.length === 0) return;
    const { port, clock } = this.#options;
    const messages = this.#pending;
    this.#pending = [];
    const positions = [...this.#writers].map((writer) => ({ writer, position: writer.position }));
    this.#writers.clear();
    if (this.#outstanding === 0) this.#movedMs = clock.nowMs();
    this.#outstanding += 1;
    port.send(messages, () => {
      this.#taken();
      for (const { writer, position } of positions) writer.flushed(position);
    });
    this.#watch();
    this.#regulate();
  }

  /** Nothing is written any more. */
  end(): void {
    this.#over = true;
    this.#pending = [];
    this.#writers.clear();
    this.#cancelWatch();
  }

  #taken(): void {
    this.#outstanding -= 1;
    this.#movedMs = this.#options.clock.nowMs();
    if (!this.#over) this.#regulate();
  }

  #regulate(): void {
    const { port, onFull } = this.#options;
    const isFull = port.backlogBytes > BACKLOG_BYTES_MAX;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    onFull(isFull);
  }

  /** One timer that looks, instead of one that every batch would set anew. */
  #watch(): void {
    if (this.#isWatched || this.#outstanding === 0) return;
    this.#isWatched = true;
    const { clock } = this.#options;
    this.#cancelWatch = clock.after(Math.max(0, this.#movedMs + STALLED_MS - clock.nowMs()), () => {
      this.#isWatched = false;
      if (this.#outstanding > 0 && clock.nowMs() - this.#movedMs >= STALLED_MS) this.#options.onStalled();
      else this.#watch();
    });
  }
}
