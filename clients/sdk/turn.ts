import type { Ended, Moved, Queued, Receipt, Started } from './answers.ts';
import type { CutOptions, TurnOptions } from './commands.ts';
import type { Input } from './input.ts';
import type { TurnCore } from './turn-core.ts';
import { slice, type InboxFrame } from './turn-inbox.ts';

/** Tokens [firstOffset, firstOffset + tokenCount) of a turn. Borders of frames mean nothing. */
export type Frame = {
  readonly firstOffset: number;
  readonly tokenCount: number;
  /** The frame's text; a code point that its last token splits comes whole with the next frame. */
  readonly text: string;
  /** UTF-8, exactly the tokens' own bytes. */
  readonly bytes: Uint8Array;
  /** Bytes per token. */
  readonly textLengths: readonly number[];
  /** Only with `framePolicy: { includeTokenIds: true }`. */
  readonly tokenIds?: readonly number[];
  /** When the newest token was due at the engine, µs modulo 2^32. */
  readonly engineMicros: number;
};

export type Redirected = {
  /** Of the cut. */
  readonly receipt: Receipt;
  /** The successor. */
  readonly turn: Turn;
};

/** What a turn asks of its session. */
export type TurnHost = {
  interrupt(core: TurnCore, options: CutOptions): Promise<Receipt>;
  redirect(core: TurnCore, input: Input, options: TurnOptions & { readonly cut?: CutOptions }): Promise<Redirected>;
};

/**
 * One generation. Reading it is what grants credit: a turn that nobody reads pauses after about half a second of
 * tokens, and leaving the loop does not stop it (`interrupt` does). One reader; a later loop continues where the
 * last one left off.
 */
export class Turn implements AsyncIterable<Frame> {
  readonly #core: TurnCore;
  readonly #host: TurnHost;
  /** Holds the bytes of a split code point. A cut inside one drops them. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(core: TurnCore, host: TurnHost) {
    this.#core = core;
    this.#host = host;
  }

  get turnId(): string {
    return this.#core.turnId;
  }

  /** Settles when the engine has begun; rejects with a ReticleError when it never does. */
  get started(): Promise<Started> {
    return this.#core.started.promise;
  }

  /** What the service said last about where the turn runs: `started`, or the last move. */
  get info(): Started | undefined {
    return this.#core.info;
  }

  /** Tells of every move to another engine, until the returned function is called. Reading simply goes on. */
  onMoved(listener: (moved: Moved) => void): () => void {
    return this.#core.onMoved(listener);
  }

  /** Settles at the end with status, usage, timing and receipt; rejects with a ReticleError for a failed turn. */
  get ended(): Promise<Ended> {
    return this.#core.ended.promise;
  }

  /** Last word of the queue; undefined once started. */
  get queued(): Queued | undefined {
    return this.#core.queued;
  }

  /** Exclusive end of the tokens that the reader has. */
  get offset(): number {
    return this.#core.inbox.taken;
  }

  /** The rest of the turn's text, read to the end. What was read and then cut away is not part of it. */
  async text(): Promise<string> {
    const frames: InboxFrame[] = [];
    for (let frame = await this.#core.next(); frame !== undefined; frame = await this.#core.next()) frames.push(frame);
    const { endOffset } = await this.ended;
    const kept = frames.filter((frame) => frame.firstOffset < endOffset);
    return kept.map((frame) => this.#decode(trimmed(frame, endOffset))).join('');
  }

  /** Cuts the turn; by default at what the reader has. Rejects with a ReticleError when nothing was cut. */
  interrupt(options: CutOptions = {}): Promise<Receipt> {
    return this.#host.interrupt(this.#core, options);
  }

  /** Cuts the turn and starts its successor in one message: same slot, same KV, only `input` is evaluated. */
  redirect(input: Input, options: TurnOptions & { readonly cut?: CutOptions } = {}): Promise<Redirected> {
    return this.#host.redirect(this.#core, input, options);
  }

  [Symbol.asyncIterator](): AsyncIterator<Frame, undefined> {
    return {
      next: async () => {
        const frame = await this.#core.next();
        return frame === undefined ? { done: true, value: undefined } : { done: false, value: this.#frame(frame) };
      },
    };
  }

  #frame(frame: InboxFrame): Frame {
    const { firstOffset, tokenCount, bytes, textLengths, tokenIds, engineMicros } = frame;
    const text = this.#decode(frame);
    const base = { firstOffset, tokenCount, text, bytes, textLengths, engineMicros };
    return tokenIds.length === 0 ? base : { ...base, tokenIds };
  }

  #decode(frame: InboxFrame): string {
    return this.#decoder.decode(frame.bytes, { stream: true });
  }
}

function trimmed(frame: InboxFrame, endOffset: number): InboxFrame {
  const end = frame.firstOffset + frame.tokenCount;
  return end <= endOffset ? frame : slice(frame, frame.firstOffset, endOffset);
}
