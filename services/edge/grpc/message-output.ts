import type { FlushGroup } from './flush-groups.ts';

/** The part of a grpc-js call that an output needs; its serialiser passes bytes through. */
export interface OutgoingCall {
  /** `left` is called once the bytes have left for the socket, or cannot. */
  write(bytes: Buffer, left: () => void): boolean;
  end(): unknown;
  /** grpc-js turns an emitted status into trailers, behind what was written. */
  emit(event: 'error', status: object): boolean;
}

export type MessageOutputOptions = {
  readonly call: OutgoingCall;
  /** Of the call's connection. */
  readonly group: FlushGroup;
  /** Follows a `send` that said false. */
  readonly drained: () => void;
};

/**
 * Messages of one call, in the order of their writes. grpc-js takes 16 messages before it says that it is full, which
 * is 16 frames of tokens that a cut could no longer stop (R5, H10); here a call is busy while one is on its way.
 */
export class MessageOutput {
  readonly #options: MessageOutputOptions;
  readonly #left: () => void;
  /** Messages that have not left. */
  #inFlight = 0;
  #refused = false;

  constructor(options: MessageOutputOptions) {
    this.#options = options;
    const drained = (): void => {
      if (this.#inFlight > 0) return;
      this.#refused = false;
      options.drained();
    };
    this.#left = () => {
      this.#inFlight -= 1;
      // What comes of it is written behind all that has left in this turn: one write per connection and turn.
      if (this.#inFlight === 0 && this.#refused) options.group.soon(drained);
    };
  }

  /** When frames of the connection leave. */
  get group(): FlushGroup {
    return this.#options.group;
  }

  /** A message that waits for nothing and that nothing waits for. */
  tell(bytes: Uint8Array): void {
    this.#inFlight += 1;
    this.#options.call.write(bufferOf(bytes), this.#left);
  }

  /**
   * Tokens. False: more of them should wait for `drained`. Without a window that is while anything is on its way, so
   * that what comes meanwhile grows into one frame; with one, when the frame of the window before has not left.
   */
  send(bytes: Uint8Array): boolean {
    this.#refused = this.#inFlight > 0 || this.#options.group.windowMs === 0;
    this.tell(bytes);
    return !this.#refused;
  }
}

/** The same bytes as the Buffer that grpc-js wants. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
