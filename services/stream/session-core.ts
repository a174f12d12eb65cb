/**
 * One session at work: events go through the reducer one at a time, and its effects are performed in order.
 *
 * Invariants
 *  A1 The reducer is never re-entered: what a sink or a link does from inside an effect waits its turn.
 *  A2 Counts that an event carries are read when it is applied, not when it arrived.
 *  A3 Work for the engine waits for an open session, in order; a turn that was cut meanwhile is not sent.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import {
  createSession,
  findTurn,
  stepSession,
  turnEnded,
  type ControlAck,
  type SessionConfig,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
  type SessionView,
  type StartPlan,
  isLive,
  NO_TIMING,
  NO_USAGE,
  type Ending,
  type TurnEnded,
  type TurnEvent,
  type TurnState,
} from '@reticle/services/session';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { SessionStream } from './attachment.ts';
import { Calls } from './calls.ts';
import { SessionBinding } from './session-binding.ts';
import {
  holderBytes,
  mintToken,
  sessionView,
  turnStarted,
  type SessionFacts,
  type SessionPorts,
} from './session-facts.ts';
import { TurnDesk } from './turn-desk.ts';
import { errorOf, turnErrorFrom, wireCut, wireStart } from './wire-values.ts';

export type SessionCoreOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly config: SessionConfig;
  readonly holder: string;
  /** Nothing is under way; called after each event. */
  readonly onQuiet: () => void;
};

const WARM_ENDING: Ending = {
  status: 'completed',
  endOffset: 0,
  finishReason: 'prefilled',
  usage: NO_USAGE,
  timing: NO_TIMING,
};

export type Warmed = { readonly turnId: string; readonly prefilledTokens: number; readonly cachedTokens: number };
type Performers = {
  readonly [Kind in SessionEffect['kind']]: (effect: Extract<SessionEffect, { kind: Kind }>) => void;
};

export class SessionCore {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly desk: TurnDesk;
  readonly binding: SessionBinding;
  readonly acks: Calls<ControlAck>;
  readonly warms: Calls<Warmed>;
  /** Calls that wait for a warm-up, by turn. */
  readonly warming = new Map<string, number>();
  readonly #onQuiet: () => void;
  readonly #inbox: (() => SessionEvent)[] = [];
  #state: SessionState;
  /** The stream in force; its owner replaces it before it dispatches `attached`. */
  stream: SessionStream | undefined;
  #busy = false;

  constructor(options: SessionCoreOptions) {
    const { facts, ports, config, holder } = options;
    this.facts = facts;
    this.ports = ports;
    this.#onQuiet = options.onQuiet;
    this.#state = createSession({ config, holder, nowMs: ports.clock.nowMs() });
    this.acks = new Calls(ports.clock);
    this.warms = new Calls(ports.clock);
    this.desk = new TurnDesk({
      facts,
      ports,
      onTold: () => this.#quiet(),
      onEvent: (turnId, event) =>
        this.dispatch(() => ({ kind: 'turn', turnId, event: event(this.desk.progress(turnId)) })),
    });
    this.binding = new SessionBinding({
      facts,
      ports,
      onLost: () => this.#linkLost(),
      onFault: (error) => this.#taken(error),
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  get view(): SessionView {
    return sessionView(this.facts, this.#state, this.ports.clock);
  }

  get resumeToken(): string {
    return mintToken(this.facts, this.#state, this.ports);
  }

  /**
   * Opens the session at its engine: a new epoch, and lanes for the turns that run on.
   *
   * @throws ReticleError `engine_lost`, `epoch_stale` when another open came first, or the engine's refusal
   */
  async open(holder: string): Promise<void> {
    let asked: Adopt__Input[] = [];
    const { epoch, defaultCreditTokens, contextTokens, rootTokens } = this.#state;
    const opened = await this.binding.open({
      minEpoch: epoch === 0 ? 0 : epoch + 1,
      holder: holderBytes(holder),
      defaultCreditTokens,
      adopt: (link) => (asked = this.desk.adopt(this.#state.live.keys(), link)),
    });
    if (epoch > 0 && opened.kvTokens === 0 && contextTokens + rootTokens > 0) {
      // Going on would serve turns without their context.
      const error = new ReticleError('engine_lost', 'the engine has forgotten this session');
      this.binding.abandon(error);
      this.#loseRunning();
      throw error;
    }
    this.dispatch(() => ({ kind: 'opened', epoch: opened.epoch }));
    for (const turnId of this.desk.adopted(opened, asked)) {
      // A successor comes to be with its cut, which may still be under way.
      if (!this.#isAwaited(turnId)) this.#lose(turnId);
    }
    this.binding.flush();
  }

  /** Applies an event, and everything that it brings about, unless one is being applied: then after it. */
  dispatch(event: () => SessionEvent): void {
    this.#inbox.push(event);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) this.#apply(next());
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
    cut: (effect) => this.#cut(effect),
    tell: ({ event }) => this.stream?.sink.event(event),
    'answer-call': ({ call, ack }) => this.acks.resolve(call, ack),
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
    forget: ({ turnId }) => this.desk.drop(turnId),
    'end-stream': ({ error }) => this.#endStream(error),
    release: ({ mode }) => this.#release(mode),
  };

  #release(mode: 'detach' | 'drop'): void {
    if (mode === 'drop') this.binding.drop();
    // A call from outside still waits for the engine; whoever made it lets go after its answer.
    else if (this.acks.size + this.warms.size === 0) this.binding.detach();
  }

  #start(plan: StartPlan): void {
    this.#prepare(plan);
    this.#ensureOpen();
    if (plan.maxOutputTokens === 0) {
      this.#prefill(plan);
      return;
    }
    this.binding.whenOpen({
      failed: (error) => this.#fail(plan.turnId, error),
      run: (link, sid) => {
        const turn = findTurn(this.#state, plan.turnId);
        if (turn === undefined || !isLive(turn)) return;
        const lane = this.desk.openLane(plan.turnId, link);
        this.dispatch(() => ({ kind: 'turn', turnId: plan.turnId, event: { kind: 'dispatched' } }));
        link.send({ start: wireStart(plan, { sid, lane, tier: this.facts.tier }) });
      },
    });
  }

  /** A warm-up: a named context at the engine, which ends as a turn without output here. */
  #prefill(plan: StartPlan): void {
    const { turnId, input, parentTurnId } = plan;
    const event = (make: () => TurnEvent): void => this.dispatch(() => ({ kind: 'turn', turnId, event: make() }));
    event(() => ({ kind: 'dispatched' }));
    this.binding.prefill({ input, name: turnId, parentTurnId }).then(
      ({ contextTokens: promptTokens, cachedTokens }) => {
        event(() => ({ kind: 'started', promptTokens, cachedTokens, startOffset: 0 }));
        event(() => ({ kind: 'engine-ended', ending: WARM_ENDING, progress: this.desk.progress(turnId) }));
      },
      (error: unknown) => this.#fail(turnId, error),
    );
  }

  /** A relay for a turn, read by the attached client from its first token. */
  #prepare(plan: StartPlan): void {
    const turn = findTurn(this.#state, plan.turnId);
    const relay = this.desk.create(plan.turnId);
    if (turn === undefined) return;
    relay.open(turn.window, { receivedThrough: 0, creditTokens: plan.creditTokens });
    const stream = this.stream;
    if (stream !== undefined && !turn.quiet) {
      relay.attach({ sink: stream.sink, policy: stream.policy, nextOffset: 0, announced: false });
    }
  }

  #cut({ turnId, control, seq, successor }: Extract<SessionEffect, { kind: 'cut' }>): void {
    if (successor !== undefined) this.#prepare(successor);
    this.#ensureOpen();
    this.binding.whenOpen({
      // The turn's own fate (`lost`) answers the control.
      failed: () => {
        this.#lose(turnId);
        if (successor !== undefined) this.#lose(successor.turnId);
      },
      run: (link, sid) => {
        const { tier } = this.facts;
        const lane = successor === undefined ? 0 : this.desk.openLane(successor.turnId, link);
        const start = successor === undefined ? undefined : wireStart(successor, { sid, lane, tier });
        link.send({ cut: wireCut(this.desk.laneOf(turnId), seq, control, start) });
      },
    });
  }

  #announce(turnId: string): void {
    const turn = findTurn(this.#state, turnId);
    if (turn === undefined || turn.quiet) return;
    this.desk.relay(turnId)?.announce(turnStarted(this.facts, this.#state, turn, this.resumeToken));
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
    if (turn.quiet) this.#finishWarm(turn);
    else this.desk.relay(turnId)?.finish(() => this.terminal(turnId));
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
    this.desk.relay(turnId)?.attach({ sink: stream.sink, policy: stream.policy, nextOffset, announced });
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
    if (this.binding.state !== 'closed') return;
    // The tasks that wait for it fail with what kept it closed.
    this.open(this.#state.holder).catch((error: unknown) => {
      const code = isReticleError(error) ? error.code : 'internal';
      this.ports.logger.warn('session not opened again', { session: this.facts.sessionId, code });
    });
  }

  #fail(turnId: string, error: unknown): void {
    const failure = turnErrorFrom(error);
    this.dispatch(() => ({
      kind: 'turn',
      turnId,
      event: { kind: 'failed', error: failure, progress: this.desk.progress(turnId) },
    }));
  }

  #lose(turnId: string): void {
    this.dispatch(() => ({ kind: 'turn', turnId, event: { kind: 'lost', progress: this.desk.progress(turnId) } }));
  }

  /** Failover to another engine begins here; until then the turns that ran are lost and the session stays. */
  #linkLost(): void {
    this.#loseRunning();
  }

  #loseRunning(): void {
    for (const turn of this.#state.live.values()) {
      if (turn.phase !== 'queued') this.#lose(turn.turnId);
    }
  }

  #isAwaited(successorTurnId: string): boolean {
    const live = [...this.#state.live.values()];
    return live.some((turn) => turn.controls.some((control) => control.successorTurnId === successorTurnId));
  }

  /** The engine refuses this session: another gateway took it, or its claim is gone. */
  #taken(error: ReticleError): void {
    const { attachment } = this.#state;
    this.dispatch(() => ({ kind: 'refused', attachment, error }));
    for (const turnId of this.#state.live.keys()) this.#lose(turnId);
  }
}
