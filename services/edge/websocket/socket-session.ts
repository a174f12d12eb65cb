/**
 * One WebSocket of a client, as a state machine over text messages: values in, messages out.
 *
 *     open ── 59:00, drain ──▶ leaving ── nothing runs ──▶ over (1012)
 *       └── gone, unused, abuse, revoked, stalled ──────▶ over
 *
 * Invariants
 * 1. Per lane one response is told at a time; the next one's first event follows its terminal (§4.3).
 * 2. A request fault is one `error` and ends its request alone; a refused control is `<type>.failed` and ends nothing.
 * 3. Once over, nothing is read or written. Turns whose client is gone are cut, unless it asked that they go on (R6).
 * 4. A leaving socket takes no request; what runs is never cut for it.
 */
import { isReticleError, ReticleError, type TraceContext } from '@reticle/core/domain';
import type { Clock, Random } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';
import type { ErrorAnswerer } from '../http/error-answer.ts';
import { acknowledgeAll } from '../http/served-turn.ts';
import { STEP_CHARACTERS } from '../loop-turns.ts';
import { counted, isLong } from '../openai/counted.ts';
import { checkCursor } from '../openai/cursor.ts';
import { stopCode, threadIdOf, type Dialect } from '../openai/dialect.ts';
import { refusedResponseEvent } from '../openai/refused-response.ts';
import { offsetOfSequence } from '../openai/sequence-number.ts';
import type { Responses, ServedResponse } from '../openai/responses.ts';
import type { Fields } from '../openai/json-fields.ts';
import {
  decodeCreate,
  decodeResume,
  readFrame,
  readLongFrame,
  streamIdOf,
  type ClientFrame,
  type CreateFrame,
  type ResumeFrame,
} from './client-frame.ts';
import { Controls, outstandingCalls, steerPendingFrame, type PartialOnInterrupt } from './controls.ts';
import { HeldSteers, steered } from './held-steers.ts';
import { Inbox, type Message } from './inbox.ts';
import { Lanes, type Lane } from './lanes.ts';
import { Prewarms } from './prewarms.ts';
import { ReadGate } from './read-gate.ts';
import { ResponseStream, type Following } from './response-stream.ts';
import { controlError, errorFrame, failedFrame, limitReachedFrame, streamOf, withStream } from './server-frame.ts';
import { LAST_MINUTE_MS, SocketLife } from './socket-life.ts';
import { SocketOutput } from './socket-output.ts';
import { closeCode, type SocketPort } from './socket-port.ts';

export type SocketSessionOptions = {
  readonly port: SocketPort;
  readonly caller: Caller;
  readonly responses: Responses;
  readonly clock: Clock;
  readonly random: Random;
  readonly answerOf: ErrorAnswerer;
  readonly requestId: string;
  readonly dialect: Dialect;
  /** Codex's thread, where its requests do not name it. */
  readonly threadId?: string | undefined;
  /** The client asked for events that only Reticle has (§4.1). */
  readonly wantsReticleEvents: boolean;
  /** Turns go on when the socket ends, unless a request says otherwise. */
  readonly continues: boolean;
  readonly partialOnInterrupt: PartialOnInterrupt;
  /** The caller's place in its own trace, for every turn of the socket. */
  readonly trace?: TraceContext | undefined;
  /** Runs a callback at the end of this turn of the loop. */
  readonly defer: (callback: () => void) => void;
};

/** A refusal of the engine comes within this; what takes longer was admitted and waits. */
const HOLD_MS = 100;
/** Of ids that are repeated to their sender, in characters. */
const NAME_MAX = 256;
/** Time for the peer's goodbye. */
const GOODBYE_MS = 2_000;

export class SocketSession {
  readonly #options: SocketSessionOptions;
  readonly #inbox: Inbox;
  readonly #output: SocketOutput;
  readonly #life: SocketLife;
  readonly #lanes = new Lanes();
  readonly #streams = new Map<string, ResponseStream>();
  readonly #prewarms: Prewarms;
  readonly #controls: Controls;
  readonly #held = new HeldSteers();
  #phase: 'open' | 'leaving' | 'over' = 'open';
  #cancelGoodbye: () => void = () => {};

  constructor(options: SocketSessionOptions) {
    this.#options = options;
    const { port, clock, responses, caller } = options;
    const gate = new ReadGate((on) => port.read(on));
    this.#inbox = new Inbox({
      act: (message) => this.#read(message),
      onBusy: (isBusy) => gate.hold('work', isBusy),
    });
    this.#output = new SocketOutput({
      ...options,
      onFull: (isFull) => gate.hold('backlog', isFull),
      onBehind: (isBehind) => {
        for (const stream of this.#streams.values()) stream.hold(isBehind);
      },
      onStalled: () => this.#stalled(),
    });
    this.#life = new SocketLife({
      clock,
      ping: () => port.ping(),
      isBehind: () => this.#output.isWaiting,
      onUnused: () => this.#end(closeCode.unused, 'no message within five minutes'),
      onAged: () => this.leave(LAST_MINUTE_MS),
      onDead: () => port.destroy(),
    });
    this.#prewarms = new Prewarms(responses, caller);
    this.#controls = new Controls({
      ...options,
      streams: this.#streams,
      isPrewarm: (responseId) => this.#prewarms.has(responseId),
      isOver: () => this.#phase === 'over',
      write: (message) => this.#output.write(message),
      defect: (error) => this.#defect(error),
    });
  }

  get caller(): Caller {
    return this.#options.caller;
  }

  message(text: string): void {
    this.#take(text);
  }

  /** A message that is no text. */
  binary(): void {
    this.#take(undefined);
  }

  #take(message: Message): void {
    if (this.#phase === 'over') return;
    this.#life.used();
    this.#inbox.take(message);
  }

  #read(message: Message): Promise<void> | undefined {
    if (message !== undefined && message.length > STEP_CHARACTERS) return this.#readLong(message);
    try {
      if (message === undefined) throw new ReticleError('invalid_json', 'messages are JSON texts');
      return this.#act(readFrame(message), Buffer.byteLength(message))?.catch((error: unknown) => this.#faulty(error));
    } catch (error) {
      this.#faulty(error);
      return undefined;
    }
  }

  async #readLong(message: string): Promise<void> {
    try {
      const frame = await readLongFrame(message);
      // The socket may have ended meanwhile.
      if (this.#phase !== 'over') await this.#act(frame, Buffer.byteLength(message));
    } catch (error) {
      this.#faulty(error);
    }
  }

  #act({ type, fields }: ClientFrame, bytes: number): Promise<void> | undefined {
    if (type === 'response.interrupt') return this.#controls.interrupt(fields);
    if (type === 'response.create') this.#create(fields, bytes);
    else if (type === 'response.steer') this.#controls.steer(fields);
    else if (type === 'response.resume') this.#resume(fields);
    else this.#unknown(type);
    return undefined;
  }

  #faulty(error: unknown): void {
    if (isReticleError(error)) this.#refuse(error, undefined);
    else this.#defect(error);
  }

  pinged(data: Uint8Array): void {
    if (this.#phase === 'over') return;
    if (this.#life.pinged()) this.#options.port.pong(data);
    else this.fail(new ReticleError('protocol_abuse', 'too many pings'));
  }

  alive(): void {
    this.#life.alive();
  }

  /** The connection is gone. */
  gone(): void {
    this.#cancelGoodbye();
    this.#finish();
  }

  /** Ends the socket as soon as no response runs. */
  leave(timeLeftMs: number): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    for (const { streamId } of this.#lanes.takeWaiting()) this.#output.write(this.#limitReached(streamId));
    if (this.#options.wantsReticleEvents && this.#lanes.busy > 0) this.#tellGoingAway(timeLeftMs);
    this.#rest();
  }

  /** Ends the socket for a fault of its peer's. */
  fail(error: ReticleError): void {
    if (this.#phase === 'over') return;
    this.#refuse(error, undefined);
    this.#end(closeCode.abuse, error.code);
  }

  /** Ends the socket whatever runs. */
  close(): void {
    if (this.#phase === 'over') return;
    this.#output.write(this.#limitReached(undefined));
    this.#end(closeCode.drain, 'draining');
  }

  #create(fields: Fields, bytes: number): void {
    let streamId: string | undefined;
    try {
      streamId = streamIdOf(fields);
      if (this.#phase === 'leaving') {
        this.#output.write(this.#limitReached(streamId));
        return;
      }
      const asked = this.#withClient(decodeCreate(fields, bytes), fields);
      const frame = { ...asked, create: this.#options.responses.complete(asked.create) };
      const lane = this.#lanes.admit(frame);
      if (lane !== undefined) void this.#begin(lane, frame);
    } catch (error) {
      this.#refuseCreate(error, streamId);
    }
  }

  #withClient(frame: CreateFrame, fields: Fields): CreateFrame {
    const { dialect, threadId, trace } = this.#options;
    const told = threadIdOf(fields, { 'thread-id': threadId });
    return { ...frame, create: { ...frame.create, dialect, threadId: told, trace } };
  }

  /** Where this machine waits: a session is found or made, a prewarm ends, a long request is counted. */
  async #begin(lane: Lane, frame: CreateFrame): Promise<void> {
    try {
      if (!frame.create.generate) {
        for (const event of await this.#prewarms.answer(frame.create))
          this.#output.write(withStream(event, lane.streamId));
        this.#next(lane);
        return;
      }
      const { responses, caller, continues } = this.#options;
      const asked = this.#held.joined(await this.#prewarms.resolved(frame.create));
      const create = isLong(asked) ? await counted(asked) : asked;
      // Nothing is begun for a client that has left meanwhile.
      if (create !== asked && this.#phase === 'over' && !(frame.continues ?? continues)) return;
      const served = await responses.create(caller, create);
      this.#open(lane, { served, create, continues: frame.continues ?? continues }, HOLD_MS);
    } catch (error) {
      this.#refuseCreate(error, lane.streamId);
      this.#next(lane);
    }
  }

  /** Goes on with a response that another socket was told: as `GET /v1/responses/{id}`, it is never the turn's owner (§7). */
  #resume(fields: Fields): void {
    try {
      const frame = decodeResume(fields);
      if (this.#phase === 'leaving') this.#output.write(this.#limitReached(frame.streamId));
      else void this.#recover(this.#lanes.take(frame.streamId), frame);
    } catch (error) {
      this.#refuseResume(error, fields['response_id']);
    }
  }

  async #recover(lane: Lane, { responseId, startingAfter, resumeToken }: ResumeFrame): Promise<void> {
    try {
      const { responses, caller } = this.#options;
      const offset = offsetOfSequence(startingAfter ?? 0);
      const served = await responses.recover(caller, responseId, { offset, resumeToken });
      const cursor = startingAfter === undefined ? {} : { after: checkCursor(served.record, startingAfter) };
      this.#open(lane, { served, create: served.settings, continues: true, isGuest: true, ...cursor });
    } catch (error) {
      this.#refuseResume(error, responseId);
      this.#next(lane);
    }
  }

  #refuseResume(error: unknown, responseId: unknown): void {
    if (!isReticleError(error)) {
      this.#defect(error);
      return;
    }
    const isShort = typeof responseId === 'string' && responseId.length <= NAME_MAX;
    const asked = isShort ? { response_id: responseId } : {};
    this.#output.write(failedFrame('response.resume', controlError(error), asked));
  }

  #open(lane: Lane, following: Following, holdMs?: number): void {
    const { served, continues } = following;
    if (this.#phase === 'over') {
      this.#abandon(served, continues);
      return;
    }
    const { clock } = this.#options;
    const stream: ResponseStream = new ResponseStream({
      ...following,
      streamId: lane.streamId,
      output: this.#output,
      clock,
      ...(holdMs === undefined ? {} : { holdMs }),
      onRefused: (error) => {
        this.#refuseCreate(error, lane.streamId);
        this.#ended(lane, stream);
      },
      onEnd: () => this.#ended(lane, stream),
    });
    this.#streams.set(stream.id, stream);
    stream.hold(this.#output.isBehind);
    stream.start();
  }

  #ended(lane: Lane, stream: ResponseStream): void {
    this.#streams.delete(stream.id);
    const steers = this.#controls.settle(stream);
    const items = steers.flatMap((steer) => steer.items);
    const calls = outstandingCalls(stream.served.record);
    if (stream.following !== undefined) this.#follow(lane, stream, stream.following);
    else if (items.length > 0 && calls.length > 0) {
      this.#held.keep(stream.id, items);
      this.#output.write(withStream(steerPendingFrame(stream.id, calls), lane.streamId));
      this.#next(lane);
    } else if (items.length > 0) void this.#begin(lane, steered(stream, items, lane.streamId));
    else this.#next(lane);
  }

  #follow(lane: Lane, { redirects }: ResponseStream, following: Following): void {
    this.#open(lane, following);
    const stream = this.#streams.get(following.served.profile.id);
    const [redirect, ...more] = redirects;
    if (stream === undefined || redirect === undefined) return;
    redirect(stream);
    stream.redirects.push(...more);
  }

  #next(lane: Lane): void {
    const frame = this.#lanes.next(lane);
    if (frame !== undefined) void this.#begin(lane, frame);
    else this.#rest();
  }

  #rest(): void {
    if (this.#phase !== 'leaving' || this.#lanes.busy > 0) return;
    this.#output.write(this.#limitReached(undefined));
    this.#end(closeCode.drain, 'the connection has reached its end');
  }

  #unknown(type: string | undefined): void {
    const error = new ReticleError('unknown_event', 'the type of this message is not known', { param: 'type' });
    if (this.#lanes.busy === 0) this.#refuse(error, undefined);
    else this.#output.write(failedFrame(type, { code: error.code, message: error.message, param: 'type' }));
  }

  /** What this socket holds is no longer known to be right. */
  #defect(error: unknown): void {
    if (this.#phase === 'over') return;
    this.#refuse(error, undefined);
    this.#end(closeCode.fault, 'internal error');
  }

  #refuse(error: unknown, streamId: string | undefined): void {
    const { answerOf, requestId } = this.#options;
    this.#output.write(errorFrame(answerOf(error, requestId), streamId));
  }

  #refuseCreate(error: unknown, streamId: string | undefined): void {
    const { answerOf, requestId, dialect } = this.#options;
    const code = isReticleError(error) ? stopCode(dialect, error.code) : undefined;
    if (code === undefined) this.#refuse(error, streamId);
    else {
      const { body } = answerOf(error, requestId);
      this.#output.write(refusedResponseEvent(code, body.error, streamOf(streamId)));
    }
  }

  #limitReached(streamId: string | undefined): string {
    const { answerOf, requestId } = this.#options;
    return limitReachedFrame(answerOf(new ReticleError('draining', 'the connection ends'), requestId), streamId);
  }

  #tellGoingAway(timeLeftMs: number): void {
    const [first] = this.#streams.values();
    const resume_token = first?.served.conversation.resumeToken ?? null;
    this.#output.write(JSON.stringify({ type: 'reticle.going_away', time_left: timeLeftMs / 1_000, resume_token }));
  }

  /** The peer reads nothing: its turns go on without it, and are there to be read from any other socket (§4.3). */
  #stalled(): void {
    this.#end(closeCode.overload, 'nothing was read for a minute', true);
  }

  #end(code: number, reason: string, parks = false): void {
    const { port, clock } = this.#options;
    this.#output.flush();
    this.#finish(parks);
    port.close(code, reason);
    this.#cancelGoodbye = clock.after(GOODBYE_MS, () => port.destroy());
  }

  #finish(parks = false): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#life.stop();
    this.#inbox.close();
    this.#output.end();
    this.#lanes.takeWaiting();
    for (const stream of this.#streams.values()) {
      stream.close();
      this.#abandon(stream.served, stream.continues || parks);
      if (stream.following !== undefined) this.#abandon(stream.following.served, stream.following.continues || parks);
    }
    this.#streams.clear();
  }

  /** Nobody's socket holds the turn back; a client that left wanted its end (§5.2 row 7). */
  #abandon(served: ServedResponse, continues: boolean): void {
    acknowledgeAll(served);
    if (continues || served.record.ended !== undefined) return;
    this.#options.responses.leave(served);
  }
}
