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
  /** Told when the peer is so far behind that nothing more should be made for it, and when it has caught up. */
  readonly onBehind: (isBehind: boolean) => void;
  /** The peer has taken nothing for {@link STALLED_MS}. */
  readonly onStalled: () => void;
};

/**
 * Backlog at which credit stops, by its size and by its age (§4.3); by size, the socket is no longer read either: what
 * would come of its requests could not be told.
 */
const BACKLOG_BYTES_MAX = 1_048_576;
const BACKLOG_MS_MAX = 2_000;
/** Part of either bound below which a peer has caught up: one that stands at the bound is not told so again and again. */
const CAUGHT_UP = 0.5;
const STALLED_MS = 60_000;

/**
 * The outgoing side of one socket, for all its lanes. What is written within one turn of the loop leaves together
 * (PERFORMANCE H5).
 *
 * Invariants
 * 1. A writer's tokens are acknowledged when the kernel has them, and not before (R5): a peer that does not read stops the
 *    credit of its own turns.
 * 2. Nothing is granted to a peer that has not taken what was written for it {@link BACKLOG_MS_MAX} ago, or that has
 *    {@link BACKLOG_BYTES_MAX} to take.
 * 3. Above the bound of backlog nothing is read, so that no peer makes this side hold more than that and what its running
 *    turns have credit for.
 */
export class SocketOutput {
  readonly #options: SocketOutputOptions;
  readonly #writers = new Set<FlushedWriter>();
  #pending: string[] = [];
  #scheduled = false;
  #over = false;
  /** When batches were written that the kernel has not taken, the oldest first. */
  readonly #outstandingMs: number[] = [];
  #isBehind = false;
  #isAging = false;
  #cancelAging: () => void = () => {};
  #movedMs = 0;
  #isWatched = false;
  #isFull = false;
  #cancelWatch: () => void = () => {};

  constructor(options: SocketOutputOptions) {
    this.#options = options;
  }

  /** True while the kernel owes us room. */
  get isWaiting(): boolean {
    return this.#outstandingMs.length > 0;
  }

  /** See {@link SocketOutputOptions.onBehind}. */
  get isBehind(): boolean {
    return this.#isBehind;
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
    const nowMs = clock.nowMs();
    if (!this.isWaiting) this.#movedMs = nowMs;
    this.#outstandingMs.push(nowMs);
    port.send(messages, () => {
      for (const { writer, position } of positions) writer.flushed(position);
      this.#taken();
    });
    this.#watch();
    this.#age();
    this.#regulate();
  }

  /** Nothing is written any more. */
  end(): void {
    this.#over = true;
    this.#pending = [];
    this.#writers.clear();
    this.#cancelWatch();
    this.#cancelAging();
  }

  #taken(): void {
    this.#outstandingMs.shift();
    this.#movedMs = this.#options.clock.nowMs();
    if (!this.#over) this.#regulate();
  }

  #regulate(): void {
    const { port, onFull } = this.#options;
    const bytes = port.backlogBytes;
    this.#judge(bytes);
    const isFull = bytes > BACKLOG_BYTES_MAX;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    onFull(isFull);
  }

  /** A peer is behind from either bound on, until it is well below both. */
  #judge(bytes: number): void {
    const { clock, onBehind } = this.#options;
    const [oldestMs] = this.#outstandingMs;
    const ageMs = oldestMs === undefined ? 0 : clock.nowMs() - oldestMs;
    const share = this.#isBehind ? CAUGHT_UP : 1;
    const isBehind = bytes > BACKLOG_BYTES_MAX * share || ageMs >= BACKLOG_MS_MAX * share;
    if (isBehind === this.#isBehind) return;
    this.#isBehind = isBehind;
    onBehind(isBehind);
  }

  /** One timer that looks at the oldest batch. */
  #age(): void {
    const [oldestMs] = this.#outstandingMs;
    if (this.#isAging || oldestMs === undefined) return;
    this.#isAging = true;
    const { clock, port } = this.#options;
    this.#cancelAging = clock.after(Math.max(0, oldestMs + BACKLOG_MS_MAX - clock.nowMs()), () => {
      this.#isAging = false;
      this.#judge(port.backlogBytes);
      if (!this.#isBehind) this.#age();
    });
  }

  /** One timer that looks, instead of one that every batch would set anew. */
  #watch(): void {
    if (this.#isWatched || !this.isWaiting) return;
    this.#isWatched = true;
    const { clock } = this.#options;
    this.#cancelWatch = clock.after(Math.max(0, this.#movedMs + STALLED_MS - clock.nowMs()), () => {
      this.#isWatched = false;
      if (this.isWaiting && clock.nowMs() - this.#movedMs >= STALLED_MS) this.#options.onStalled();
      else this.#watch();
    });
  }
}
