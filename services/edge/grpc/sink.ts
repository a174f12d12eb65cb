import type { ReticleError } from '@reticle/core/domain';
import { TokenFrameWriter, type TokenFrameOptions } from '@reticle/proto/wire';
import type { ServerEvent } from '@reticle/services/session';
import type { ClientSink, TokenRun } from '@reticle/services/stream';
import { bufferOf, type EncodeEvent, type StreamKind } from './encode.ts';
import type { StatusOf } from './errors.ts';

/** The part of a grpc-js call that a sink needs; its serialiser passes bytes through. */
export interface OutgoingCall {
  write(bytes: Buffer): boolean;
  end(): unknown;
  /** grpc-js turns an emitted status into trailers, behind what was written. */
  emit(event: 'error', status: object): boolean;
}

export type GrpcSinkOptions = {
  readonly call: OutgoingCall;
  readonly stream: StreamKind;
  readonly encodeEvent: EncodeEvent;
  readonly frames: TokenFrameOptions;
  readonly statusOf: StatusOf;
};

/**
 * One stream's outgoing side. Everything is encoded when it is handed over, since runs are views into
 * buffers that are used again.
 */
export class GrpcSink implements ClientSink {
  readonly #options: GrpcSinkOptions;
  /** Constant bytes per running turn. */
  readonly #writers = new Map<string, TokenFrameWriter>();
  #ended = false;

  constructor(options: GrpcSinkOptions) {
    this.#options = options;
  }

  get ended(): boolean {
    return this.#ended;
  }

  event(event: ServerEvent): void {
    if (this.#ended) return;
    if (event.kind === 'turn-ended') this.#writers.delete(event.turnId);
    const bytes = this.#options.encodeEvent(event);
    if (bytes !== undefined) this.#options.call.write(bytes);
  }

  tokens(run: TokenRun): boolean {
    if (this.#ended) return true;
    let writer = this.#writers.get(run.turnId);
    if (writer === undefined) {
      writer = new TokenFrameWriter(run.turnId, this.#options.stream);
      this.#writers.set(run.turnId, writer);
    }
    return this.#options.call.write(bufferOf(writer.encode(run, this.#options.frames)));
  }

  end(error?: ReticleError): void {
    this.fail(error);
  }

  /** As `end`, for any error; an unknown one becomes `internal`. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#writers.clear();
    if (error === undefined) this.#options.call.end();
    else this.#options.call.emit('error', this.#options.statusOf(error));
  }

  /** The transport is gone: nothing can be written any more. */
  abandon(): void {
    this.#ended = true;
    this.#writers.clear();
  }
}
