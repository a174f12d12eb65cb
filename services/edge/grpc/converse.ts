/**
 * One Converse stream.
 *
 *     waiting ── Attach ──▶ attaching ── front.attach ──▶ attached ── half-close ──▶ attached, no more commands
 *        │                      │                            │
 *        └──────────────────────┴────── fatal refusal, sink.end, transport gone ──────▶ ended
 *
 * Invariants:
 * 1. The first message is Attach, within `limits.attachMsMax`; `front.attach` is called once.
 * 2. While attaching, and while a long input is counted, nothing is read, so commands reach the attachment in order and none before it exists.
 * 3. An attachment is told its end at most once: `refuse` for what the codec found, `disconnected` for a lost
 *    transport; neither when the session layer ended the stream through the sink.
 * 4. After the end nothing is read, written or passed on.
 */
import type { Failpoint } from '@reticle/core/process';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { isReticleError, ReticleError, type TraceContext } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { ClientCommand, TurnInput } from '@reticle/services/session';
import type { Attachment, Caller, SessionFront } from '@reticle/services/stream';
import { countedInput, isLongInput } from '../count-ahead.ts';
import { decodeAttach, decodeCommand } from './decode.ts';
import { eventEncoder, type EncodeEvent } from './encode.ts';
import { traceOf } from './trace-of.ts';
import type { StatusOf } from './errors.ts';
import type { FlushGroups } from './flush-groups.ts';
import type { ConverseRequest } from './messages.ts';
import { Refused } from './refused.ts';
import { GrpcSink } from './sink.ts';

export type ConverseCall = ServerDuplexStream<ConverseRequest | Refused, Buffer>;

export type ConverseOptions = {
  readonly front: SessionFront;
  readonly clock: Clock;
  readonly random: Random;
  readonly statusOf: StatusOf;
  readonly flushGroups: FlushGroups;
  readonly failpoint: Failpoint;
};

type Phase = 'waiting' | 'attaching' | 'attached' | 'ended';

let encodeEvent: EncodeEvent | undefined;

export class ConverseStream {
  readonly #options: ConverseOptions;
  readonly #call: ConverseCall;
  readonly #caller: Caller;
  /** The caller's place in its own trace: the parent of every turn of the stream. */
  readonly #trace: TraceContext | undefined;
  readonly #cancelAttachTimer: () => void;
  #phase: Phase = 'waiting';
  #attachment: Attachment | undefined;
  #sink: GrpcSink;
  /** The socket drained before the attachment was there to be told. */
  #drainedEarly = false;
  /** A command whose input is being counted. */
  #counting: Promise<void> | undefined;
  /** Why the edge ended the stream, for an attachment that arrives later. */
  #refusal: ReticleError | undefined;

  constructor(call: ConverseCall, caller: Caller, options: ConverseOptions) {
    this.#options = options;
    this.#call = call;
    this.#caller = caller;
    this.#trace = traceOf(call.metadata);
    this.#sink = this.#sinkWith({ includeTokenIds: false, omitText: false });
    this.#cancelAttachTimer = options.clock.after(limits.attachMsMax, () => {
      if (this.#phase === 'waiting') this.refuse(notOpen('no Attach came in time'));
    });
    call.on('data', (message: ConverseRequest | Refused) => this.#receive(message));
    // A reset ends the reading side a few ticks before `cancelled`; it is no half-close.
    call.on('end', () => setImmediate(() => this.#halfClosed()));
    call.on('cancelled', () => this.#gone());
  }

  get caller(): Caller {
    return this.#caller;
  }

  /** Ends the stream with an error that the edge found. */
  refuse(error: unknown): void {
    if (this.#over()) return;
    this.#end();
    this.#refusal = asReticleError(error);
    this.#attachment?.refuse(this.#refusal);
    this.#sink.fail(error);
  }

  #receive(message: ConverseRequest | Refused): void {
    if (this.#over()) return;
    try {
      if (message instanceof Refused) throw message.error;
      this.#accept(message);
    } catch (error) {
      this.refuse(error);
    }
  }

  #accept(message: ConverseRequest): void {
    if (this.#attachment === undefined) {
      if (this.#phase !== 'waiting' || !message.attach) throw notOpen('the first message is Attach');
      this.#attach(message.attach);
    } else if (message.attach) {
      throw new ReticleError('session_already_open', 'the stream is already attached');
    } else {
      const command = decodeCommand(message, this.#options.random);
      if (isLongInput(inputOf(command))) this.#counting = this.#count(command, this.#attachment);
      else this.#attachment.command(command, this.#trace);
    }
  }

  async #count(command: ClientCommand, attachment: Attachment): Promise<void> {
    this.#call.pause();
    try {
      const known = await counted(command);
      if (this.#over()) return;
      attachment.command(known, this.#trace);
      this.#call.resume();
    } catch (error) {
      this.refuse(error);
    } finally {
      this.#counting = undefined;
    }
  }

  #attach(message: NonNullable<ConverseRequest['attach']>): void {
    this.#cancelAttachTimer();
    const attach = decodeAttach(message);
    this.#phase = 'attaching';
    this.#call.pause();
    this.#sink = this.#sinkWith(attach.framePolicy);
    this.#options.front.attach(this.#caller, attach, this.#sink).then(
      (attachment) => this.#attached(attachment),
      (error: unknown) => this.refuse(error),
    );
  }

  #attached(attachment: Attachment): void {
    if (this.#phase !== 'attaching') {
      // The stream ended while the session layer was opening the session.
      if (this.#refusal === undefined) attachment.disconnected();
      else attachment.refuse(this.#refusal);
      return;
    }
    this.#attachment = attachment;
    this.#phase = 'attached';
    if (this.#drainedEarly) attachment.drained();
    this.#call.resume();
  }

  #halfClosed(): void {
    if (this.#over()) return;
    if (this.#counting !== undefined) {
      void this.#counting.then(() => this.#halfClosed());
      return;
    }
    if (this.#attachment === undefined) this.refuse(notOpen('the stream ended before Attach'));
    else this.#attachment.halfClose();
  }

  #drained(): void {
    if (this.#over()) return;
    if (this.#attachment === undefined) this.#drainedEarly = true;
    else this.#attachment.drained();
  }

  /** grpc-js says `cancelled` after every end; only one that nobody here made is a lost transport. */
  #gone(): void {
    if (this.#over()) {
      this.#end();
      return;
    }
    this.#end();
    this.#sink.abandon();
    this.#attachment?.disconnected();
  }

  #over(): boolean {
    return this.#phase === 'ended' || this.#sink.ended;
  }

  #end(): void {
    this.#phase = 'ended';
    this.#cancelAttachTimer();
  }

  #sinkWith(frames: { readonly includeTokenIds: boolean; readonly omitText: boolean }): GrpcSink {
    encodeEvent ??= eventEncoder('converse');
    const { statusOf, flushGroups, failpoint } = this.#options;
    const call = this.#call;
    const group = flushGroups.of(call.getPeer());
    const drained = (): void => this.#drained();
    return new GrpcSink({ call, group, drained, stream: 'converse', encodeEvent, frames, statusOf, failpoint });
  }
}

/** The input that a command brings. */
function inputOf(command: ClientCommand): readonly TurnInput[] {
  switch (command.kind) {
    case 'start-turn':
      return command.start.input;
    case 'redirect':
      return command.redirect.successor.input;
    case 'draft':
      return command.draft.prefix;
    default:
      return [];
  }
}

/** The command with the tokens of its input. */
async function counted(command: ClientCommand): Promise<ClientCommand> {
  const input = await countedInput(inputOf(command));
  switch (command.kind) {
    case 'start-turn':
      return { ...command, start: { ...command.start, input } };
    case 'redirect': {
      const { cut, successor } = command.redirect;
      return { ...command, redirect: { cut, successor: { ...successor, input } } };
    }
    case 'draft':
      return { ...command, draft: { ...command.draft, prefix: input } };
    default:
      return command;
  }
}

function notOpen(message: string): ReticleError {
  return new ReticleError('session_not_open', message);
}

function asReticleError(error: unknown): ReticleError {
  return isReticleError(error) ? error : new ReticleError('internal', 'internal error', { cause: error });
}
