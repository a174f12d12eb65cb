import type { DirectedLink } from './network.ts';
import type { World } from './world.ts';

export type Message = { readonly bytes: number; readonly value: unknown };

type Queued = { readonly message: Message; readonly startsAt: number; readonly taken: (() => void) | undefined };

/** Longest wait of a retransmission after a link has healed. */
const RETRANSMIT_MS = 60;

export type PipeOptions = {
  readonly world: World;
  readonly link: DirectedLink;
  /** Bytes that may be on their way before a sender has to wait: socket buffers and the peer's window. */
  readonly windowBytes: number;
  readonly delayMs: () => number;
  /** Runs code in the sender's process. */
  readonly enter: (run: () => void) => void;
  /** `consumed` is called once the receiving process has read the message. */
  readonly deliver: (message: Message, consumed: () => void) => void;
  /** The bytes on their way have dropped below the window. */
  readonly writable: () => void;
};

/**
 * One direction of a connection. Invariants: messages arrive in order, each once; what a blocked link holds arrives
 * after it has healed; after `stop` nothing arrives. A message counts as taken once all but a window of what was
 * sent before it was read.
 */
export class Pipe {
  readonly #options: PipeOptions;
  /** Not on the wire yet: before the handshake, or on a blocked link. */
  readonly #waiting: Queued[] = [];
  /** On the wire or waiting, and not taken. */
  readonly #untaken: Queued[] = [];
  #started = false;
  #stopped = false;
  #sentBytes = 0;
  #readBytes = 0;
  #lastArrivalMs = 0;
  #wasFull = false;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  get writable(): boolean {
    return this.#sentBytes - this.#readBytes < this.#options.windowBytes;
  }

  start(): void {
    this.#started = true;
    this.#push();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#untaken.length = 0;
  }

  send(message: Message, taken?: () => void): void {
    if (this.#stopped) return;
    const queued = { message, startsAt: this.#sentBytes, taken };
    this.#sentBytes += message.bytes;
    this.#waiting.push(queued);
    if (taken !== undefined) this.#untaken.push(queued);
    if (!this.writable) this.#wasFull = true;
    this.#push();
    this.#tellTaken();
  }

  unblocked(link: DirectedLink, retransmitted: number): void {
    if (link !== this.#options.link || this.#waiting.length === 0) return;
    const lateMs = this.#options.world.nowMs + RETRANSMIT_MS * retransmitted;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, lateMs);
    this.#push();
  }

  #push(): void {
    const { world, link, delayMs, deliver } = this.#options;
    while (this.#started && !this.#stopped && link.blocked === 0) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const { message } = next;
      this.#lastArrivalMs = Math.max(this.#lastArrivalMs, world.nowMs + delayMs());
      const arrive = (): void => {
        if (!this.#stopped) deliver(message, () => this.#read(message.bytes));
      };
      world.after(this.#lastArrivalMs - world.nowMs, `${link.from}>${link.to}`, arrive, 0);
    }
  }

  #tellTaken(): void {
    const { world, windowBytes, enter } = this.#options;
    for (;;) {
      const next = this.#untaken[0];
      if (next === undefined || next.startsAt - this.#readBytes >= windowBytes) return;
      this.#untaken.shift();
      const { taken } = next;
      if (taken !== undefined) world.after(0, 'taken', () => enter(taken), 0);
    }
  }

  #read(bytes: number): void {
    this.#readBytes += bytes;
    if (this.#stopped) return;
    this.#tellTaken();
    if (!this.#wasFull || !this.writable) return;
    this.#wasFull = false;
    const { world, enter, writable } = this.#options;
    world.after(0, 'writable', () => enter(writable), 0);
  }
}
