/** What callers ask of one session, over its core: open, attach, signal, warm, replay, close; and its timers. */
import { ReticleError, type Tier, type TraceContext } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import {
  checkCursor,
  contextExceeded,
  findTurn,
  planReads,
  priceInput,
  turnEnded,
  type Attach,
  type AttachEvent,
  type ClientCommand,
  type ControlAck,
  type Interrupt,
  type Redirect,
  type SessionConfig,
  type SessionEvent,
  type SessionState,
  type SessionView,
  type StartTurn,
  type TurnCursor,
  type TurnInput,
  type TurnState,
} from '@reticle/services/session';
import { SessionStream, type AttachmentEvents } from './attachment.ts';
import type { EngineEntry } from './engine-directory.ts';
import type { Attachment, ClientSink, ReplayTurn } from './front.ts';
import { SessionCore, type Warmed } from './session-core.ts';
import { turnStarted, type SessionFacts, type SessionPorts } from './session-facts.ts';
import type { TakeOver } from './session-opens.ts';

export type SessionActorOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly config: SessionConfig;
  readonly holder: string;
  readonly engine: EngineEntry;
  /** The session is over and takes no more calls. */
  readonly onClosed: () => void;
};

/** Readers of one turn besides its client. */
const OBSERVERS_MAX = 16;

export type Attaching = {
  readonly request: Attach;
  readonly holder: string;
  /** What the caller may ask for in this session. */
  readonly tiers: readonly Tier[];
};

export class SessionActor {
  readonly facts: SessionFacts;
  readonly #core: SessionCore;
  readonly #ports: SessionPorts;
  readonly #onClosed: () => void;
  #nextAttachment = 1;
  #nextCall = 1;
  #over = false;
  /** Opened for a holder who has not attached yet: the first attach is that open, and keeps its epoch. */
  #isFresh = false;
  /** Attaches that wait for the engine. */
  #attaching = 0;
  /** Calls from outside that wait for an answer. */
  #calls = 0;
  #cancelIdle: () => void = () => {};
  #cancelAge: () => void = () => {};

  constructor(options: SessionActorOptions) {
    this.facts = options.facts;
    this.#ports = options.ports;
    this.#onClosed = options.onClosed;
    this.#core = new SessionCore({
      ...options,
      onQuiet: () => this.#settle(),
      onTaken: (error) => this.evict(error),
    });
    this.#armIdle();
  }

  get state(): SessionState {
    return this.#core.state;
  }

  get view(): SessionView {
    return this.#core.view;
  }

  get resumeToken(): string {
    return this.#core.resumeToken;
  }

  /** Cursors of the turns that run. */
  get liveTurns(): readonly TurnCursor[] {
    return [...this.#core.state.live.values()].map(({ turnId, window }) => ({
      turnId,
      nextOffset: this.#core.desk.progress(turnId).sent,
      creditTokens: window.creditTokens,
    }));
  }

  /** Opens the session afresh and evaluates its prefix. */
  async open(prefix: readonly TurnInput[]): Promise<void> {
    const tokens = prefix.length === 0 ? 0 : this.#pricePrefix(prefix);
    const { seat } = this.#core;
    await this.#core.open(this.#core.state.holder, 0);
    this.#isFresh = true;
    if (prefix.length === 0) return;
    // Named only now: an engine that begins anew with a session is given what is named.
    seat.contexts.records.root = prefix;
    const prefilled = await seat.binding.prefill({ input: prefix, name: '', parentTurnId: '' });
    seat.contexts.learned('');
    this.#core.dispatch(() => ({
      kind: 'root',
      tokens: prefilled.contextTokens === 0 ? tokens : prefilled.contextTokens,
    }));
  }

  /** Takes the session over from another gateway; an attach follows. @throws ReticleError as the seat's `takeOver` */
  async takeOver(from: TakeOver): Promise<void> {
    await this.#core.seat.takeOver(from);
    this.#isFresh = true;
  }

  /** The engine that has the session. */
  get engine(): EngineEntry {
    return this.#core.seat.engine;
  }

  /** True while this gateway holds the session at its engine. */
  get isOpen(): boolean {
    return this.#core.seat.binding.state === 'open';
  }

  /** True while this gateway asks an engine for the session: the engine may have raised the epoch for it already. */
  get isOpening(): boolean {
    const { state, held } = this.#core.seat.binding;
    return state === 'opening' || held;
  }

  /** Another gateway has the session: it goes on there, and this one forgets it. */
  evict(error: ReticleError): void {
    if (this.#over) return;
    this.#core.evict(error);
    this.leave();
    this.#onClosed();
  }

  /** The engine drains: a session that nobody is attached to goes elsewhere too, before it is lost with it (E11). */
  leaveEngine(): void {
    if (this.#core.state.attachment === 0) this.#core.seat.leave(this.engine);
  }

  /**
   * Takes the session for a new stream (PROTOCOL R7): the older attachment ends, the engine raises the epoch,
   * and turns that run go on from the client's cursors.
   */
  async attach({ request, holder, tiers }: Attaching, sink: ClientSink): Promise<Attachment> {
    const attachment = this.#nextAttachment++;
    const event = (): AttachEvent => ({
      attachment,
      holder,
      cursors: request.cursors,
      defaultCreditTokens: request.defaultCreditTokens,
      spans: this.#core.desk.spans(),
      tiers,
      nowMs: this.#ports.clock.nowMs(),
    });
    // A refused attach must leave the one before in place.
    planReads(this.#core.state, event());
    this.#core.dispatch(() => ({ kind: 'displaced' }));
    this.#attaching += 1;
    try {
      const isOpened = this.#isFresh && this.isOpen && holder === this.#core.state.holder;
      this.#isFresh = false;
      if (!isOpened) await this.#core.open(holder);
    } finally {
      this.#attaching -= 1;
    }
    this.#ports.failpoint('gateway.opened');
    const stream = new SessionStream({ id: attachment, sink, policy: request.framePolicy, events: this.#streamEvents });
    this.#cancelIdle();
    this.#core.stream = stream;
    try {
      this.#core.dispatch(() => ({ kind: 'attached', ...event() }));
    } catch (error) {
      // A cursor that left the window while the engine was asked.
      this.#core.leaveStream();
      throw error;
    }
    this.#ports.failpoint('gateway.attached');
    this.#armAge(stream);
    return stream;
  }

  /** Interrupt or redirect from outside the stream: the same path, an answer for this call (R9). */
  signal(signal: Interrupt | Redirect): Promise<ControlAck> {
    const call = this.#nextCall++;
    const answer = this.#core.acks.wait(call, limits.linkDeadMs);
    const turnId = 'cut' in signal ? signal.cut.turnId : signal.turnId;
    this.#core.dispatch(() => ({
      kind: 'signal',
      call,
      signal,
      progress: this.#core.desk.progress(turnId),
      nowMs: this.#ports.clock.nowMs(),
    }));
    return this.#counted(answer);
  }

  /** The engine's answer to a control that went past this session while it was let go here. */
  note(ack: ControlAck): void {
    this.#core.dispatch(() => ({ kind: 'noted', ack, progress: this.#core.desk.progress(ack.turnId) }));
  }

  /** Evaluates input under a parent without generating; the result is a turn that others can continue. */
  warm(start: StartTurn): Promise<Warmed> {
    const call = this.#nextCall++;
    const answer = this.#core.warms.wait(call, limits.turnDurationMsDefault);
    this.#core.warming.set(start.turnId, call);
    this.#core.dispatch(() => ({ kind: 'warm', call, start, nowMs: this.#ports.clock.nowMs() }));
    return this.#counted(answer);
  }

  /** Work for nobody's stream opened the session; when it is done, the engine's grace runs again. */
  async #counted<T>(answer: Promise<T>): Promise<T> {
    this.#calls += 1;
    try {
      return await answer;
    } finally {
      this.#calls -= 1;
      const { state, seat } = this.#core;
      if (this.#calls === 0 && this.#attaching === 0 && state.attachment === 0) seat.detach();
    }
  }

  /** Reads a turn again, or along, without any part in it. */
  replay(request: ReplayTurn, sink: ClientSink): { drained(): void; close(): void } {
    const turn = findTurn(this.#core.state, request.turnId);
    if (turn === undefined || turn.quiet)
      throw new ReticleError('turn_not_found', 'no turn has this id', { param: 'turn_id' });
    const relay = this.#core.desk.relay(request.turnId);
    checkCursor(turn, relay?.progress, request.nextOffset);
    if (relay === undefined) {
      this.#tellExpired(turn, sink);
      return { drained: () => {}, close: () => {} };
    }
    if (relay.observers >= OBSERVERS_MAX)
      throw new ReticleError('concurrency_exceeded', 'too many readers of this turn');
    const observer = relay.observe(
      { sink, policy: request.framePolicy, nextOffset: request.nextOffset, announced: false },
      () => sink.end(),
    );
    return { drained: () => observer.drained(), close: () => relay.forget(observer) };
  }

  /** Tells the client that its stream will end, with what it needs to come back. */
  goAway(reason: string, timeLeftMs: number): void {
    this.#core.stream?.sink.event({ kind: 'go-away', timeLeftMs, resumeToken: this.resumeToken, reason });
  }

  /** Ends the stream and leaves the session: drain, or age. */
  release(error?: ReticleError): void {
    const attachment = this.#core.state.attachment;
    if (attachment !== 0) this.#core.dispatch(() => ({ kind: 'refused', attachment, error }));
  }

  /** The process stops: timers end and nothing is said; the engine keeps the session for another gateway. */
  leave(): void {
    this.#over = true;
    this.#cancelIdle();
    this.#cancelAge();
    this.#core.desk.close();
    this.#core.seat.close();
  }

  close(): void {
    this.#core.dispatch(() => ({ kind: 'close', spans: this.#core.desk.spans() }));
  }

  readonly #streamEvents: AttachmentEvents = {
    command: (attachment, command, trace) => this.#command(attachment, command, trace),
    drained: () => this.#core.desk.drained(),
    halfClosed: (attachment) => this.#core.dispatch(() => ({ kind: 'half-closed', attachment })),
    disconnected: (attachment) =>
      this.#core.dispatch(() => ({ kind: 'disconnected', attachment, nowMs: this.#ports.clock.nowMs() })),
    refused: (attachment, error) => this.#core.dispatch(() => ({ kind: 'refused', attachment, error })),
  };

  #command(attachment: number, command: ClientCommand, trace: TraceContext | undefined): void {
    const turnId = namedTurn(command);
    const event = (): SessionEvent => ({
      kind: 'command',
      attachment,
      command,
      progress: this.#core.desk.progress(turnId),
      nowMs: this.#ports.clock.nowMs(),
    });
    this.#core.dispatch(event, trace);
  }

  #pricePrefix(prefix: readonly TurnInput[]): number {
    const tokens = priceInput(prefix, { afterOutput: false, opensAnswer: false, param: 'prefix' });
    const { contextLimit } = this.#core.state.config;
    if (tokens > contextLimit) throw contextExceeded(contextLimit, tokens);
    return tokens;
  }

  /** A turn whose tokens are gone: what it was and how it ended can still be told. */
  #tellExpired(turn: TurnState, sink: ClientSink): void {
    const told = { resumeToken: this.#core.resumeToken, moved: this.#core.seat.moved };
    if (turn.started) sink.event(turnStarted(this.#core.place, turn, told));
    const billed = this.#ports.ledger.billedTokens(this.facts.sessionId, turn.turnId);
    const progress = { ...this.#core.desk.progress(turn.turnId), sent: billed };
    sink.event(turnEnded(turn, { epoch: this.#core.state.epoch, progress }));
    sink.end();
  }

  /** After each event: a stream that its client left, a half-closed one that owes nothing, an idle session. */
  #settle(): void {
    const core = this.#core;
    if (core.stream !== undefined && core.state.attachment !== core.stream.id) {
      this.#cancelAge();
      core.leaveStream();
    }
    if (core.state.closed) this.#finishClose();
    else if (core.state.halfClosed && core.state.live.size === 0 && this.#owesNothing()) {
      core.dispatch(() => ({ kind: 'settled' }));
    } else if (core.state.attachment === 0) this.#armIdle();
  }

  #owesNothing(): boolean {
    return [...this.#core.desk.relays()].every((relay) => relay.settled);
  }

  #armIdle(): void {
    this.#cancelIdle();
    if (this.#over) return;
    this.#cancelIdle = this.#ports.clock.after(this.#core.state.config.idleTtlMs, () => {
      this.#core.dispatch(() => ({ kind: 'idle', nowMs: this.#ports.clock.nowMs() }));
    });
  }

  #armAge(stream: SessionStream): void {
    const { clock } = this.#ports;
    this.#cancelAge();
    this.#cancelAge = clock.after(limits.streamAgeMsMax - limits.streamGoAwayMs, () => {
      this.goAway('age', limits.streamGoAwayMs);
      this.#cancelAge = clock.after(limits.streamGoAwayMs, () => {
        if (this.#core.stream === stream) this.release();
      });
    });
  }

  #finishClose(): void {
    if (this.#over) return;
    this.leave();
    this.#onClosed();
  }
}

function namedTurn(command: ClientCommand): string {
  switch (command.kind) {
    case 'interrupt':
      return command.interrupt.turnId;
    case 'redirect':
      return command.redirect.cut.turnId;
    case 'flow':
      return command.flow.turnId;
    default:
      return '';
  }
}
