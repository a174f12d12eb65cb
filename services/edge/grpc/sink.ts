import type { ReticleError } from '@reticle/core/domain';
import type { Failpoint } from '@reticle/core/process';
import { TokenFrameWriter, type TokenFrameOptions } from '@reticle/proto/wire';
import type { ServerEvent } from '@reticle/services/session';
import type { ClientSink, TokenRun } from '@reticle/services/stream';
import type { EncodeEvent, StreamKind } from './encode.ts';
import type { StatusOf } from './errors.ts';
import type { FlushGroup } from './flush-groups.ts';
import { MessageOutput, type OutgoingCall } from './message-output.ts';

export type GrpcSinkOptions = {
  readonly call: OutgoingCall;
  /** Of the call's connection. */
  readonly group: FlushGroup;
  /** The socket takes tokens again. */
  readonly drained: () => void;
  readonly stream: StreamKind;
  readonly encodeEvent: EncodeEvent;
  readonly frames: TokenFrameOptions;
  readonly statusOf: StatusOf;
  /** Where a fault test stops or kills the process. */
  readonly failpoint: Failpoint;
};

/**
 * One stream's outgoing side. Everything is encoded when it is handed over, since runs are views into
 * buffers that are used again.
 */
export class GrpcSink implements ClientSink {
  readonly #options: GrpcSinkOptions;
  readonly #output: MessageOutput;
  /** Constant bytes per running turn. */
  readonly #writers = new Map<string, TokenFrameWriter>();
  #ended = false;

  constructor(options: GrpcSinkOptions) {
    this.#options = options;
    const { call, group, drained } = options;
    this.#output = new MessageOutput({ call, group, drained });
  }

  /** When frames of this stream's connection leave, for readers that hold them back under load. */
  get flushGroup(): FlushGroup {
    return this.#output.group;
  }

  get ended(): boolean {
    return this.#ended;
  }

  event(event: ServerEvent): void {
    if (this.#ended) return;
    if (event.kind === 'turn-ended') this.#writers.delete(event.turnId);
    const bytes = this.#options.encodeEvent(event);
    if (bytes !== undefined) this.#output.tell(bytes);
  }

  tokens(run: TokenRun): boolean {
    if (this.#ended) return true;
    let writer = this.#writers.get(run.turnId);
    if (writer === undefined) {
      writer = new TokenFrameWriter(run.turnId, this.#options.stream);
      this.#writers.set(run.turnId, writer);
    }
    const bytes = writer.encode(run, this.#options.frames);
    this.#options.failpoint('gateway.mid-frame');
    return this.#output.send(bytes);
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
