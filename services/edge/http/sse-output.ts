import type { ServerResponse } from 'node:http';
import type { Clock } from '@reticle/core/flow';
import type { EventOutput } from '../openai/event-output.ts';

/** Headers of an answer that is a stream. */
export const EVENT_STREAM = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
} as const;

/** Who writes: its position, and what it learns of the socket. */
export type FlushedReader<Position> = {
  readonly position: () => Position;
  readonly flushed: (position: Position) => void;
};

export type SseOptions<Position> = FlushedReader<Position> & {
  readonly clock: Clock;
  /** A keepalive follows a silence of this length. */
  readonly silenceMs: number;
  /** Writes one. */
  readonly keepalive: () => void;
};

/**
 * Server-sent events of one answer. What is written within one turn of the loop leaves as one chunk (PERFORMANCE H5);
 * `flushed` tells how far the reader stood when the socket took it.
 */
export class SseOutput<Position> implements EventOutput {
  readonly #response: ServerResponse;
  readonly #options: SseOptions<Position>;
  #pending = '';
  #scheduled = false;
  #over = false;
  #writtenMs: number;
  #cancelSilence = (): void => {};

  constructor(response: ServerResponse, options: SseOptions<Position>) {
    this.#response = response;
    this.#options = options;
    this.#writtenMs = options.clock.nowMs();
    this.#listenToSilence();
  }

  write(type: string, sequence: number, json: string): void {
    this.frame(`event: ${type}\nid: ${sequence}\ndata: ${json}\n\n`);
  }

  /** One whole event or comment, with its blank line. */
  frame(text: string): void {
    if (this.#over) return;
    this.#pending += text;
    this.#schedule();
  }

  /** What follows is the end of the body. */
  end(): void {
    if (this.#over) return;
    this.#response.end(this.#pending);
    this.abandon();
  }

  /** The client is gone. */
  abandon(): void {
    this.#over = true;
    this.#pending = '';
    this.#cancelSilence();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Behind all reads of this turn: a tick would write once for each frame of the link (H7).
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#over || this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    const { clock, position, flushed } = this.#options;
    this.#writtenMs = clock.nowMs();
    const stood = position();
    this.#response.write(text, () => flushed(stood));
  }

  /** One timer per silence, not one per write. */
  #listenToSilence(): void {
    const { clock, silenceMs, keepalive } = this.#options;
    const leftMs = this.#writtenMs + silenceMs - clock.nowMs();
    this.#cancelSilence = clock.after(Math.max(1, leftMs), () => {
      if (this.#over) return;
      if (clock.nowMs() - this.#writtenMs >= silenceMs) {
        keepalive();
        this.#writtenMs = clock.nowMs();
      }
      this.#listenToSilence();
    });
  }
}
