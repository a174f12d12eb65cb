import { status, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import type { Attach__Input } from '@reticle/proto/gen/session/v1/Attach';
import type { ConverseRequest__Input } from '@reticle/proto/gen/session/v1/ConverseRequest';
import type { ConverseResponse } from '@reticle/proto/gen/session/v1/ConverseResponse';
import type { LoggedCommand } from './command-log.ts';
import { fromServiceError, isResumable } from './errors.ts';

export type ConverseStream = ClientDuplexStream<ConverseRequest__Input, ConverseResponse>;

/** How a stream ended, and whether the session may be attached again. */
export type Loss = { readonly error: ReticleError; readonly resumable: boolean };

export type AttachmentListener = {
  message(message: ConverseResponse): void;
  /** Once, after the last message. */
  lost(loss: Loss): void;
};

/** One Converse stream: sends Attach at once, then commands; hands on messages in order and one end. */
export class Attachment {
  readonly #call: ConverseStream;
  #listener: AttachmentListener | undefined;
  #status: StatusObject | undefined;
  #read = false;

  constructor(call: ConverseStream, attach: Attach__Input, listener: AttachmentListener) {
    this.#call = call;
    this.#listener = listener;
    call.on('data', (message: ConverseResponse) => this.#listener?.message(message));
    call.on('status', (end: StatusObject) => {
      this.#status = end;
      this.#settle();
    });
    call.on('end', () => {
      this.#read = true;
      this.#settle();
    });
    // `status` tells the same and comes for every end; without a listener an `error` event would be thrown.
    call.on('error', () => {});
    call.write({ seq: 0, attach });
  }

  send({ seq, command }: LoggedCommand): void {
    if (this.#status === undefined) this.#call.write({ seq, ...command });
  }

  /** Hears no more of this stream. It is half-closed, never reset: resets are metered per connection (PROTOCOL §0). */
  leave(): void {
    this.#listener = undefined;
    if (this.#status === undefined) this.#call.end();
  }

  /** Resets a stream that the service did not end. */
  cancel(): void {
    this.#listener = undefined;
    if (this.#status === undefined) this.#call.cancel();
  }

  /** Calls back when the stream is over, whoever ended it. */
  onEnded(listener: () => void): void {
    this.#call.on('status', listener);
  }

  get ended(): boolean {
    return this.#status !== undefined;
  }

  /** The status may overtake messages that are still buffered here; the stream is over after both. */
  #settle(): void {
    const listener = this.#listener;
    if (this.#status === undefined || !this.#read || listener === undefined) return;
    this.#listener = undefined;
    listener.lost(lossOf(this.#status));
  }
}

function lossOf(end: StatusObject): Loss {
  if (end.code === status.OK) {
    return { error: new ReticleError('region_lost', 'the gateway ended the stream'), resumable: true };
  }
  const error = fromServiceError(end);
  return { error, resumable: isResumable(error, end.code) };
}
