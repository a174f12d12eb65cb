import type { ServerResponse } from 'node:http';
import type { EventOutput } from '../openai/event-output.ts';

/** Who writes: its position, and what it learns of the socket. */
export type FlushedReader = { readonly position: () => number; readonly flushed: (position: number) => void };

/**
 * Server-sent events of one response. What is written within one turn of the loop leaves as one chunk (PERFORMANCE H5);
 * `flushed` tells how far the reader stood when the socket took it.
 */
export class SseOutput implements EventOutput {
  readonly #response: ServerResponse;
  readonly #reader: FlushedReader;
  #pending = '';
  #scheduled = false;
  #over = false;

  constructor(response: ServerResponse, reader: FlushedReader) {
    this.#response = response;
    this.#reader = reader;
  }

  write(type: string, sequence: number, json: string): void {
    if (this.#over) return;
    this.#pending += `event: ${type}\nid: ${sequence}\ndata: ${json}\n\n`;
    this.#schedule();
  }

  /** What follows is the end of the body. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#response.end(this.#pending);
    this.#pending = '';
  }

  /** The client is gone. */
  abandon(): void {
    this.#over = true;
    this.#pending = '';
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#over || this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    const position = this.#reader.position();
    this.#response.write(text, () => this.#reader.flushed(position));
  }
}
