/**
 * One session at work: events go through the reducer one at a time, and its effects are performed in order.
 *
 * Invariants
 *  A1 The reducer is never re-entered: what a sink or a link does from inside an effect waits its turn.
 *  A2 Counts that an event carries are read when it is applied, not when it arrived.
 *  A3 Work for the engine waits for an open session, in order; a turn that was cut meanwhile is not sent.
 */
import { isReticleError, ReticleError, type TraceContext } from '@reticle/core/domain';
import {
  createSession,
  findTurn,
  stepSession,
  turnEnded,
  type ControlAck,
  type SessionConfig,
  type SessionEffect,
  type ServerEvent,
  type SessionEvent,
  type SessionState,
  type SessionView,
  type StartPlan,
  type TurnEnded,
  type TurnEvent,
  type TurnState,
} from '@reticle/services/session';
import type { Start__Input } from '@reticle/proto/gen/engine/v1/Start';
import type { SessionStream } from './attachment.ts';
import { Calls } from './calls.ts';
import type { EngineEntry } from './engine-directory.ts';
import { outcomeOf } from './events.ts';
import { MintedToken } from './minted-token.ts';
import { sessionView, turnStarted, type SessionFacts, type SessionPlace, type SessionPorts } from './session-facts.ts';
import { WARM_ENDING } from './session-records.ts';
import { OutdatedError } from './session-opens.ts';
import { SessionSeat } from './session-seat.ts';
import type { EngineLink } from './link/engine-link.ts';
import { TurnDesk } from './turn-desk.ts';
import { errorOf, turnErrorFrom, wireCut, wireStart } from './wire-values.ts';

export type SessionCoreOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly config: SessionConfig;
  readonly holder: string;
  /** The engine that the session begins at, or has. */
  readonly engine: EngineEntry;
  /** Nothing is under way; called after each event. */
  readonly onQuiet: () => void;
  /** Another gateway has taken the session. */
  readonly onTaken: (error: ReticleError) => void;
};

export type Warmed = { readonly turnId: string; readonly prefilledTokens: number; readonly cachedTokens: number };
/** An event that waits, and the place of whoever brought it about in a trace of its own. */
type Arrival = { readonly event: () => SessionEvent; readonly trace: TraceContext | undefined };
type Performers = {
  readonly [Kind in SessionEffect['kind']]: (effect: Extract<SessionEffect, { kind: Kind }>) => void;
};

export class SessionCore {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly desk: TurnDesk;
  readonly seat: SessionSeat;
  readonly acks: Calls<ControlAck>;
  readonly warms: Calls<Warmed>;
  /** Calls that wait for a warm-up, by turn. */
  readonly warming = new Map<string, number>();
  readonly #onQuiet: () => void;
  readonly #onTaken: (error: ReticleError) => void;
  readonly #inbox: Arrival[] = [];
  readonly #token: MintedToken;
  #state: SessionState;
  /** The stream in force; its owner replaces it before it dispatches `attached`. */
  stream: SessionStream | undefined;
  #busy = false;
  /** Of the event that is being applied. */
  #trace: TraceContext | undefined;

  constructor(options: SessionCoreOptions) {
    const { facts, ports, config, holder } = options;
    this.facts = facts;
    this.ports = ports;
    this.#onQuiet = options.onQuiet;
    this.#onTaken = options.onTaken;
    this.#state = createSession({ config, holder, nowMs: ports.clock.nowMs() });
    this.#token = new MintedToken(ports);
    this.acks = new Calls(ports.clock);
    this.warms = new Calls(ports.clock);
    this.desk = new TurnDesk({
      facts,
      ports,
      onTold: () => {
        ports.failpoint('gateway.after-terminal');
        this.#quiet();
      },
      onKept: (turnId) => this.seat.contexts.learned(turnId),
      onRefused: (turnId, error) => this.seat.refused(turnId, errorOf(error)),
      onEvent: (turnId, event) =>
        this.dispatch(() => ({ kind: 'turn', turnId, event: event(this.desk.progress(turnId)) })),
    });
    this.seat = new SessionSeat({
      facts,
      ports,
      engine: options.engine,
      desk: this.desk,
      state: () => this.#state,
      dispatch: (event) => this.dispatch(event),
      isWaitedFor: () => this.#state.attachment !== 0 || this.acks.size + this.warms.size > 0,
      onTaken: options.onTaken,
      announce: (turnId) => this.#announce(turnId),
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  get place(): SessionPlace {
    return { facts: this.facts, state: this.#state, engine: this.seat.engine };
  }

  get view(): SessionView {
    return sessionView(this.place, this.ports.clock);
  }

  get resumeToken(): string {
    return this.#token.of(this.place);
  }

  /** Applies an event, and everything that it brings about, unless one is being applied: then after it. */
  dispatch(event: () => SessionEvent, trace?: TraceContext): void {
    this.#inbox.push({ event, trace });
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
        this.#trace = next.trace;
        this.#apply(next.event());
      }
    } finally {
      this.#busy = false;
    }
    this.#quiet();
  }

  #quiet(): void {
    if (!this.#busy) this.#onQuiet();
  }

  #apply(event: SessionEvent): void {
    const step = stepSession(this.#state, event);
    this.#state = step.state;
    if (event.kind === 'attached') this.#tellAttached(step.effects);
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    (this.#performers[effect.kind] as (effect: SessionEffect) => void)(effect);
  }

  readonly #performers: Performers = {
    start: ({ plan }) => this.#start(plan),
    prepare: ({ plan }) => this.#prepare(plan),
    restart: ({ turnId }) => {
      this.desk.meter(turnId).moved(this.seat.moved);
      this.seat.launch(turnId);
    },
    cut: (effect) => this.#cut(effect),
    tell: ({ event }) => {
      if (event.kind === 'control-ack') this.ports.failpoint('gateway.before-ack');
      this.#note(event);
      this.stream?.sink.event(event);
      if (event.kind === 'control-ack') this.ports.failpoint('gateway.after-ack');
    },
    'answer-call': ({ call, ack }) => {
      this.#note(ack);
      this.acks.resolve(call, ack);
    },
    'refuse-call': ({ call, ended }) => {
      this.warming.delete(ended.turnId);
      if (ended.error !== undefined) this.warms.reject(call, errorOf(ended.error));
    },
    bar: ({ turnId, offset }) => this.desk.relay(turnId)?.bar(offset),
    announce: ({ turnId }) => this.#announce(turnId),
    repeat: ({ turnId }) => this.#repeat(turnId),
    finish: ({ turnId }) => this.#finish(turnId),
    credit: ({ turnId, window }) => this.desk.relay(turnId)?.setWindow(window),
    read: ({ turnId, nextOffset, known }) => this.#read(turnId, nextOffset, known),
    forget: ({ turnId }) => {
      this.desk.drop(turnId);
      this.seat.contexts.forget(turnId);
    },
    'end-stream': ({ error }) => this.#endStream(error),
    release: ({ mode }) => this.#release(mode),
  };

  /** What a client is told that is worth a count: answers to controls, and turns that never began. */
  #note(event: ServerEvent): void {
    const { events } = this.ports;
    if (event.kind === 'turn-ended' && event.error !== undefined) events.refused('turn', event.error.code);
    if (event.kind !== 'control-ack') return;
    events.controlAnswered(event.outcome);
    this.desk.meter(event.turnId).control(event.outcome);
  }

  #release(mode: 'detach' | 'drop'): void {
    if (mode === 'drop') this.seat.binding.drop();
    // A call from outside still waits for the engine; whoever made it lets go after its answer.
    else if (this.acks.size + this.warms.size === 0) this.seat.detach();
  }

  #start(plan: StartPlan): void {
    this.#prepare(plan);
    this.ports.failpoint('gateway.admitted');
    this.#ensureOpen();
    if (plan.maxOutputTokens === 0) this.#prefill(plan);
    else this.seat.launch(plan.turnId);
  }

  /** A warm-up: a named context at the engine, which ends as a turn without output here. */
  #prefill(plan: StartPlan): void {
    const { turnId, input, parentTurnId } = plan;
    const event = (make: () => TurnEvent): void => this.dispatch(() => ({ kind: 'turn', turnId, event: make() }));
    event(() => ({ kind: 'dispatched' }));
    const { binding, contexts } = this.seat;
    const made = contexts.has(parentTurnId) ? Promise.resolve() : contexts.ensure(parentTurnId);
    made
      .then(() => binding.prefill({ input, name: turnId, parentTurnId }))
      .then(
        ({ contextTokens: promptTokens, cachedTokens }) => {
          contexts.learned(turnId);
          event(() => ({ kind: 'started', promptTokens, cachedTokens, startOffset: 0 }));
          event(() => ({ kind: 'engine-ended', ending: WARM_ENDING, progress: this.desk.progress(turnId) }));
        },
        (error: unknown) => this.#fail(turnId, error),
      );
  }

  /** A relay for a turn, read by the attached client from its first token. */
  #prepare(plan: StartPlan): void {
    const turn = findTurn(this.#state, plan.turnId);
    const { tier, quiet = false } = turn ?? {};
    const relay = this.desk.create(plan.turnId, { tier, quiet, parent: this.#trace });
    this.seat.contexts.records.planned(plan);
    if (turn === undefined) return;
    relay.open(turn.window, { receivedThrough: 0, creditTokens: plan.creditTokens });
    const stream = this.stream;
    if (stream !== undefined && !turn.quiet) {
      relay.attach({ sink: stream.sink, policy: stream.policy, nextOffset: 0, announced: false });
    }
  }

  #cut({ turnId, control, seq }: Extract<SessionEffect, { kind: 'cut' }>): void {
    this.#ensureOpen();
    const successorTurnId = control.successorTurnId;
    this.seat.binding.whenOpen({
      // The turn's own fate (`lost`) answers the control.
      failed: () => {
        this.seat.lose(turnId);
        if (successorTurnId !== '') this.seat.lose(successorTurnId);
      },
      run: (link, sid) => {
        const lane = this.desk.laneOf(turnId, link);
        if (lane === 0) this.seat.cutHere(turnId, successorTurnId);
        else link.send({ cut: wireCut(lane, seq, control, this.#successor(successorTurnId, link, sid)) });
        this.ports.failpoint('gateway.cut-sent');
      },
    });
  }

  #successor(turnId: string, link: EngineLink, sid: number): Start__Input | undefined {
    const record = this.seat.contexts.records.get(turnId);
    if (record === undefined) return undefined;
    const meter = this.desk.meter(turnId);
    meter.sentTo(link.facts.engineId);
    const { traceparent } = meter;
    return wireStart(record.plan, { sid, lane: this.desk.openLane(turnId, link), tier: this.facts.tier, traceparent });
  }

  #announce(turnId: string): void {
    const turn = findTurn(this.#state, turnId);
    if (turn === undefined || turn.quiet) return;
    const told = { resumeToken: this.resumeToken, moved: this.seat.moved };
    this.desk.relay(turnId)?.announce(turnStarted(this.place, turn, told));
  }

  /** The same answer to a repeated StartTurn. A turn whose tokens still flow is answered by its start alone. */
  #repeat(turnId: string): void {
    const turn = findTurn(this.#state, turnId);
    const sink = this.stream?.sink;
    if (turn === undefined || sink === undefined) return;
    const relay = this.desk.relay(turnId);
    if (relay?.started !== undefined) sink.event(relay.started);
    if (turn.phase === 'ended' && (relay === undefined || relay.progress.told)) sink.event(this.terminal(turnId));
  }

  /** The terminal of an ended turn, with the bill of this moment. */
  terminal(turnId: string): TurnEnded {
    const turn = findTurn(this.#state, turnId) as TurnState;
    return turnEnded(turn, { epoch: this.#state.epoch, progress: this.desk.progress(turnId) });
  }

  #finish(turnId: string): void {
    const turn = findTurn(this.#state, turnId);
    if (turn === undefined) return;
    const relay = this.desk.relay(turnId);
    this.desk.meter(turnId).ended(outcomeOf(this.terminal(turnId)));
    if (relay !== undefined) this.seat.ended(turnId, relay.tokenIds.slice(0, turn.ending?.endOffset));
    if (turn.quiet) this.#finishWarm(turn);
    else
      relay?.finish(() => {
        this.ports.failpoint('gateway.before-terminal');
        return this.terminal(turnId);
      });
    this.desk.ended(turnId);
    if (turn.quiet) this.desk.drop(turnId);
  }

  #finishWarm(turn: TurnState): void {
    const { turnId, promptTokens, cachedTokens, ending } = turn;
    const call = this.warming.get(turnId);
    this.warming.delete(turnId);
    if (call === undefined) return;
    if (ending?.error !== undefined) this.warms.reject(call, errorOf(ending.error));
    else if (ending?.status !== 'completed') {
      this.warms.reject(call, new ReticleError('session_not_found', 'the session was closed'));
    } else this.warms.resolve(call, { turnId, prefilledTokens: promptTokens - cachedTokens, cachedTokens });
  }

  #read(turnId: string, nextOffset: number, known: boolean): void {
    const stream = this.stream;
    if (stream === undefined) return;
    const started = findTurn(this.#state, turnId)?.started === true;
    const announced = known && started;
    // A client that did not name the turn is told its start with a token of this epoch.
    if (started && !announced) this.#announce(turnId);
    const relay = this.desk.relay(turnId);
    // Its tokens are gone from here, and the client has them all: its end is what is left to tell.
    if (relay === undefined && findTurn(this.#state, turnId)?.phase === 'ended')
      stream.sink.event(this.terminal(turnId));
    relay?.attach({ sink: stream.sink, policy: stream.policy, nextOffset, announced });
  }

  #tellAttached(effects: readonly SessionEffect[]): void {
    const replay = effects.flatMap((effect) => {
      if (effect.kind !== 'read') return [];
      return [{ turnId: effect.turnId, nextOffset: effect.nextOffset, creditTokens: effect.creditTokens }];
    });
    this.stream?.sink.event({
      kind: 'attached',
      session: this.view,
      resumeToken: this.resumeToken,
      replay,
      lastAppliedSeq: this.#state.lastSeq,
    });
  }

  #endStream(error: ReticleError | undefined): void {
    const stream = this.stream;
    this.leaveStream();
    stream?.end(error);
  }

  leaveStream(): void {
    this.stream = undefined;
    for (const relay of this.desk.relays()) relay.detach();
  }

  /** Work for a session that was let go, or whose link died, opens it again; engines keep sessions (R6). */
  #ensureOpen(): void {
    if (this.seat.binding.state !== 'closed' || this.seat.binding.held) return;
    // The tasks that wait for it fail with what kept it closed.
    this.open(this.#state.holder).catch((error: unknown) => {
      const code = isReticleError(error) ? error.code : 'internal';
      this.ports.logger.warn('session not opened again', { session: this.facts.sessionId, code });
      if (error instanceof OutdatedError) this.#onTaken(error);
    });
  }

  /** Opens the session, at another engine if the one that had it is gone. @throws ReticleError as the seat's `open` */
  open(holder: string, patienceMs = OPEN_PATIENCE_MS): Promise<void> {
    return this.seat.open({ holder, patienceMs });
  }

  #fail(turnId: string, error: unknown): void {
    const failure = turnErrorFrom(error);
    this.dispatch(() => ({
      kind: 'turn',
      turnId,
      event: { kind: 'failed', error: failure, progress: this.desk.progress(turnId) },
    }));
  }

  /** Another gateway has the session: it goes on there, and whoever waits here is told so. */
  evict(error: ReticleError): void {
    this.dispatch(() => ({ kind: 'evicted', error }));
    this.acks.rejectAll(error);
    this.warms.rejectAll(error);
    this.desk.evict(error);
    this.seat.close();
    this.seat.binding.letGo(error);
  }
}

/** An attach, or work for a session that was let go, waits this long for an engine that can go on with it. */
const OPEN_PATIENCE_MS = 2_000;
