import type { ReticleError, TraceContext } from '@reticle/core/domain';
import type { ClientCommand, FramePolicy } from '@reticle/services/session';
import type { Attachment, ClientSink } from './front.ts';

/** What a stream tells its session. */
export type AttachmentEvents = {
  readonly command: (attachment: number, command: ClientCommand, trace: TraceContext | undefined) => void;
  readonly drained: (attachment: number) => void;
  readonly halfClosed: (attachment: number) => void;
  readonly disconnected: (attachment: number) => void;
  readonly refused: (attachment: number, error: ReticleError) => void;
};

/** One Converse stream on a session. After its end nothing goes either way. */
export class SessionStream implements Attachment {
  readonly id: number;
  readonly sink: ClientSink;
  readonly policy: FramePolicy;
  readonly #events: AttachmentEvents;
  #open = true;

  constructor(options: { id: number; sink: ClientSink; policy: FramePolicy; events: AttachmentEvents }) {
    this.id = options.id;
    this.sink = options.sink;
    this.policy = options.policy;
    this.#events = options.events;
  }

  command(command: ClientCommand, trace?: TraceContext): void {
    if (this.#open) this.#events.command(this.id, command, trace);
  }

  drained(): void {
    if (this.#open) this.#events.drained(this.id);
  }

  halfClose(): void {
    if (this.#open) this.#events.halfClosed(this.id);
  }

  disconnected(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#events.disconnected(this.id);
  }

  refuse(error: ReticleError): void {
    if (this.#open) this.#events.refused(this.id, error);
  }

  /** Ends the stream from this side; a stream whose transport is gone is told nothing. */
  end(error: ReticleError | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.sink.end(error);
  }
}
