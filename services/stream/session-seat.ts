/**
 * Where a session sits: which engine has it, going back to that engine after a broken link, and going on at another
 * one after a loss or a drain (PROTOCOL E6, E7, E11). Everything is the same few steps: open at an engine, see what it
 * knows, make again what it lacks.
 *
 * Invariants
 *  P1 One search at a time; a later one (an attach) replaces an earlier one (a failover).
 *  P2 Only an engine of the session's digest in an allowed region is asked (inv. 5).
 *  P3 A turn is sent to an engine only after the engine has what the turn continues.
 *  P4 What an engine says before its Opened is complete when Opened is heard; after it, turns run on at once.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Adopt__Input } from '@reticle/proto/gen/engine/v1/Adopt';
import type { Opened } from '@reticle/proto/gen/engine/v1/Opened';
import type { Started } from '@reticle/proto/gen/engine/v1/Started';
import { findTurn, isLive, type SessionEvent, type SessionState, type TurnEvent } from '@reticle/services/session';
import { entryKey, type EngineEntry } from './engine-directory.ts';
import type { EngineLink, LinkLoss } from './link/engine-link.ts';
import { SessionBinding, type OpenRequest } from './session-binding.ts';
import { isElsewhere, SessionContexts } from './session-contexts.ts';
import { holderBytes, type MoveReason, type SessionFacts, type SessionPorts } from './session-facts.ts';
import { unknownSession } from './resume-token.ts';
import { SessionIntake } from './session-intake.ts';
import type { TurnDesk } from './turn-desk.ts';
import { turnErrorFrom, wireStart } from './wire-values.ts';

/** How long a session without any engine looks for one before its turns are lost. */
const SEARCH_MS = 5_000;
/** Between two looks at the list of engines while none is there. */
const LOOK_MS = 50;
/** Lanes from here on are made by the host (PROTOCOL E2). */
const HOST_LANES = 2 ** 31;

export type SeatOptions = {
  readonly facts: SessionFacts;
  readonly ports: SessionPorts;
  readonly engine: EngineEntry;
  readonly desk: TurnDesk;
  readonly state: () => SessionState;
  readonly dispatch: (event: () => SessionEvent) => void;
  /** True while a client or a call waits for this session: only then does it go elsewhere (E7). */
  readonly isWaitedFor: () => boolean;
  /** Another gateway has the session. */
  readonly onTaken: (error: ReticleError) => void;
  /** Notes the start of a turn that another gateway has told. */
  readonly announce: (turnId: string) => void;
};

export type OpenOptions = {
  readonly holder: string;
  /** Engines that are not asked, by {@link entryKey}. */
  readonly except?: ReadonlySet<string>;
  /** How long to look for an engine; 0 takes the first answer. */
  readonly patienceMs: number;
  /** The first engine is dialled once, for this long at most (E7). */
  readonly boundMs?: number;
};

/** What a gateway that takes a session over knows of it. */
export type TakeOver = {
  readonly holder: string;
  readonly epoch: number;
  /** Epoch of the replica that had the session; undefined when it was found by asking for it. */
  readonly replicaEpoch: number | undefined;
  /** Turns that the client is still owed something of. */
  readonly wanted: ReadonlySet<string>;
};

export class SessionSeat {
  readonly binding: SessionBinding;
  readonly contexts: SessionContexts;
  readonly #options: SeatOptions;
  readonly #intake: SessionIntake;
  readonly #launches = new Map<string, number>();
  #opens = 0;
  /** The link of the last Opened. */
  #link: EngineLink | undefined;
  #nextLaunch = 1;
  #cancelDrain: () => void = () => {};
  /** Why turns were last begun again elsewhere. */
  moved: MoveReason = 'failover';

  constructor(options: SeatOptions) {
    const { facts, ports, engine } = options;
    this.#options = options;
    this.binding = new SessionBinding(
      {
        facts,
        ports,
        onLost: (cause) => this.#lost(cause),
        onTaken: options.onTaken,
        onTranscript: (message) => this.#intake.take(message, this.binding.state === 'open'),
        onHostStarted: (message, link) => this.#hostStarted(message, link),
        onDraining: (timeLeftMs) => this.#draining(timeLeftMs),
      },
      engine,
    );
    this.contexts = new SessionContexts(this.binding, facts.tier);
    const { desk, state, dispatch, announce } = options;
    this.#intake = new SessionIntake({ contexts: this.contexts, desk, state, dispatch, announce });
  }

  get engine(): EngineEntry {
    return this.binding.engine;
  }

  close(): void {
    this.#opens += 1;
    this.#cancelDrain();
    this.contexts.interrupted();
  }

  /**
   * Opens the session at the engine that has it, or at another one that can go on with it: a new epoch, and every turn
   * that runs goes on.
   *
   * @throws ReticleError `engine_lost` when no engine was found, `epoch_stale` when another open came first or another
   *   holder has the session, or the engine's refusal
   */
  async open(options: OpenOptions): Promise<void> {
    const mine = ++this.#opens;
    this.binding.hold();
    try {
      await this.#search(mine, options);
      if (mine === this.#opens) this.binding.settle();
    } catch (error) {
      if (mine === this.#opens) this.binding.settle(error as ReticleError);
      throw error;
    }
    this.binding.flush();
  }

  async #search(mine: number, options: OpenOptions): Promise<void> {
    const { engines, clock } = this.#options.ports;
    const tried = new Set(options.except);
    const untilMs = clock.nowMs() + options.patienceMs;
    let engine: EngineEntry | undefined = engines.get(this.engine.engineId) ?? this.engine;
    let { boundMs } = options;
    for (;;) {
      const failure =
        engine === undefined ? lost() : await this.#try(engine, { holder: options.holder, tried, boundMs });
      if (failure === undefined) return;
      if (mine !== this.#opens) throw new ReticleError('epoch_stale', 'another attachment took this session');
      boundMs = undefined;
      this.#settleCuts();
      engine = this.#successor(tried);
      if (engine !== undefined) continue;
      if (clock.nowMs() >= untilMs) throw failure;
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
      // One that refused may have recovered; those that were ruled out from the start have not.
      tried.clear();
      for (const key of options.except ?? []) tried.add(key);
      engine = this.#successor(tried);
    }
  }

  /** A cut does not wait for another engine: it is applied here (E7). */
  #settleCuts(): void {
    for (const { turnId, controls, receipt } of this.#options.state().live.values()) {
      if (controls.length > 0 || receipt !== undefined) this.#orphan(turnId);
    }
  }

  /** Asks one engine; undefined when it has the session now. Throws what no other engine would answer differently. */
  async #try(
    engine: EngineEntry,
    options: { readonly holder: string; readonly tried: Set<string>; readonly boundMs: number | undefined },
  ): Promise<ReticleError | undefined> {
    const { tried, boundMs, holder } = options;
    if (tried.has(entryKey(engine))) return lost();
    tried.add(entryKey(engine));
    try {
      await this.binding.open(engine, this.#request(engine, holder, boundMs));
      return undefined;
    } catch (error) {
      if (!isElsewhere(error)) throw error;
      if ((error as ReticleError).code === 'engine_lost') this.#options.ports.engines.suspect(engine);
      return error as ReticleError;
    }
  }

  #request(engine: EngineEntry, holder: string, boundMs: number | undefined): OpenRequest {
    const { epoch, defaultCreditTokens, live } = this.#options.state();
    const stays = engine.engineId === this.engine.engineId;
    let asked: Adopt__Input[] = [];
    return {
      minEpoch: epoch === 0 ? 0 : epoch + 1,
      holder: holderBytes(holder),
      defaultCreditTokens,
      wantTranscript: false,
      ...(boundMs === undefined ? {} : { boundMs }),
      adopt: (link) => (asked = stays ? this.#options.desk.adopt(live.keys(), link) : []),
      onOpened: (opened, link) => this.#opened({ opened, link, asked, stays }),
    };
  }

  #opened(at: { opened: Opened; link: EngineLink; asked: readonly Adopt__Input[]; stays: boolean }): void {
    const { opened, link, asked, stays } = at;
    const { desk, state } = this.#options;
    const isNewLink = link !== this.#link;
    this.#link = link;
    this.#raise(opened.epoch);
    const running = [...state().live.values()].filter(({ phase }) => phase !== 'queued').map(({ turnId }) => turnId);
    if (!stays || (opened.kvTokens === 0 && opened.turns.length === 0)) {
      this.contexts.forgotten();
      desk.unseat(running);
      for (const turnId of running) this.#orphan(turnId);
      return;
    }
    this.contexts.interrupted();
    this.#intake.learnAll();
    const unknown = new Set(desk.adopted(opened, asked));
    for (const { turnId, lane } of opened.turns) if (lane >= HOST_LANES) desk.bindHostLane(turnId, link, lane);
    for (const turnId of running) this.#rejoin(turnId, { isKnown: !unknown.has(turnId), isNewLink });
  }

  /** A turn after its session was opened again at the engine that had it. */
  #rejoin(turnId: string, { isKnown, isNewLink }: { isKnown: boolean; isNewLink: boolean }): void {
    const { desk } = this.#options;
    if (isKnown && desk.laneOf(turnId) !== 0) {
      if (isNewLink) this.#turn(turnId, () => ({ kind: 'rejoined' }));
      return;
    }
    // A successor comes to be with its cut, which is asked for again.
    if (this.#isAwaited(turnId)) return;
    desk.unseat([turnId]);
    this.#orphan(turnId);
  }

  #raise(epoch: number): void {
    this.#options.dispatch(() => ({ kind: 'opened', epoch }));
    this.#options.desk.raise(this.#options.state().epoch);
  }

  #isAwaited(successorTurnId: string): boolean {
    const live = [...this.#options.state().live.values()];
    return live.some((turn) => turn.controls.some((control) => control.successorTurnId === successorTurnId));
  }

  /** The turn is at no engine: it is begun again, or ended by the cut that was under way (E7). */
  #orphan(turnId: string): void {
    const { desk } = this.#options;
    this.#turn(turnId, () => ({ kind: 'orphaned', progress: desk.progress(turnId) }));
  }

  #turn(turnId: string, event: () => TurnEvent): void {
    this.#options.dispatch(() => ({ kind: 'turn', turnId, event: event() }));
  }

  /** A control reached a turn that is at no engine; a redirect's successor goes on from where it was cut. */
  cutHere(turnId: string, successorTurnId: string): void {
    this.#orphan(turnId);
    if (successorTurnId !== '') this.#orphan(successorTurnId);
  }

  /** Sends a turn to the engine: for the first time, or again from what was received of it. */
  launch(turnId: string): void {
    const launch = this.#nextLaunch++;
    this.#launches.set(turnId, launch);
    const record = this.contexts.records.get(turnId);
    if (record === undefined) {
      this.#fail(turnId, new ReticleError('engine_lost', 'what the turn began with is no longer remembered'));
      return;
    }
    const { parentTurnId } = record.plan;
    this.binding.whenOpen({
      failed: (error) => this.#fail(turnId, error),
      run: (link, sid) => {
        if (this.#launches.get(turnId) !== launch) return;
        if (this.contexts.has(parentTurnId)) this.#send(turnId, link, sid);
        else this.#prepare(turnId, parentTurnId, launch);
      },
    });
  }

  #prepare(turnId: string, parentTurnId: string, launch: number): void {
    const isMine = (): boolean => this.#launches.get(turnId) === launch;
    this.contexts.ensure(parentTurnId).then(
      () => {
        if (isMine()) this.launch(turnId);
      },
      (error: unknown) => {
        if (!isMine()) return;
        if (isElsewhere(error) && this.#unlaunched(turnId, error as ReticleError)) return;
        this.#fail(turnId, error);
      },
    );
  }

  /** What the turn continues could not be made. True when it will be tried again. */
  #unlaunched(turnId: string, error: ReticleError): boolean {
    if (error.code !== 'engine_lost') return this.refused(turnId, error);
    const phase = findTurn(this.#options.state(), turnId)?.phase;
    // A turn that had begun is orphaned, and begun again, when the session is open again.
    if (this.binding.state !== 'open' && phase !== 'queued') return true;
    if (this.binding.state === 'closed') return false;
    this.launch(turnId);
    return true;
  }

  #send(turnId: string, link: EngineLink, sid: number): void {
    const { desk, facts, state } = this.#options;
    const turn = findTurn(state(), turnId);
    const record = this.contexts.records.get(turnId);
    if (turn === undefined || record === undefined || !isLive(turn)) return;
    this.#launches.delete(turnId);
    const seat = desk.reseat(turnId, link);
    if (seat === undefined) return;
    const maxOutputTokens = turn.receipt?.effectiveOffset;
    this.#turn(turnId, () => ({ kind: 'dispatched' }));
    const rest = maxOutputTokens === undefined ? {} : { maxOutputTokens };
    link.send({ start: wireStart(record.plan, { sid, tier: facts.tier, ...seat, ...rest }) });
    this.#options.ports.failpoint('gateway.start-sent');
  }

  /**
   * The engine would not take a turn that had begun elsewhere. True: the session looks for another engine, and the
   * turn goes on there.
   */
  refused(turnId: string, error: ReticleError): boolean {
    const turn = findTurn(this.#options.state(), turnId);
    if (turn === undefined || !isElsewhere(error)) return false;
    const goesOn = turn.moves > 0 || error.code === 'draining' || error.code === 'engine_lost';
    if (!goesOn || turn.moves >= limits.failoversMax) return false;
    // An engine that drains says so itself, and when to try again; waiting for another one would only hide it.
    if (error.code === 'draining' && this.#successor(new Set([entryKey(this.engine)])) === undefined) return false;
    this.#elsewhere('failover');
    return true;
  }

  #lost(cause: LinkLoss): void {
    this.contexts.interrupted();
    this.#cancelDrain();
    if (cause !== 'transport') this.#options.ports.engines.suspect(this.engine);
    if (!this.#options.isWaitedFor()) return;
    if (cause === 'transport') this.#recover({ boundMs: limits.linkRedialMs });
    else this.#elsewhere('failover');
  }

  #elsewhere(reason: MoveReason): void {
    this.moved = reason;
    this.#options.ports.failpoint('gateway.failover');
    this.#recover({ except: new Set([entryKey(this.engine)]) });
  }

  #recover(options: Pick<OpenOptions, 'except' | 'boundMs'>): void {
    const { state, ports, facts } = this.#options;
    const opening = this.open({ holder: state().holder, patienceMs: SEARCH_MS, ...options });
    const mine = this.#opens;
    opening.catch((error: unknown) => {
      if (mine !== this.#opens) return;
      const code = isReticleError(error) ? error.code : 'internal';
      ports.logger.warn('session has no engine', { session: facts.sessionId, code });
      if (code === 'epoch_stale') this.#options.onTaken(error as ReticleError);
      else this.loseRunning();
    });
  }

  /** Nothing can go on with the session: turns end, each in its own way; the session stays (PROTOCOL §7). */
  loseRunning(): void {
    const { desk, state } = this.#options;
    for (const { turnId, phase } of state().live.values()) {
      if (phase !== 'queued') this.#turn(turnId, () => ({ kind: 'lost', progress: desk.progress(turnId) }));
    }
  }

  #fail(turnId: string, error: unknown): void {
    const { desk } = this.#options;
    const failure = turnErrorFrom(error);
    this.#turn(turnId, () => ({ kind: 'failed', error: failure, progress: desk.progress(turnId) }));
  }

  /** E11: a session without a running turn leaves at once; running ones get half of the time to finish. */
  #draining(timeLeftMs: number): void {
    const { ports, state } = this.#options;
    const from = this.engine;
    this.#cancelDrain();
    if (state().live.size === 0) {
      this.leave(from);
      return;
    }
    this.#cancelDrain = ports.clock.after(timeLeftMs / 2, () => this.leave(from));
  }

  #successor(except: ReadonlySet<string>): EngineEntry | undefined {
    const { model, modelDigest, allowedRegions: regions } = this.#options.facts;
    return this.#options.ports.engines.successor({ model, modelDigest, regions, except });
  }

  /** Leaves an engine that drains, when there is another one to go to. */
  leave(from: EngineEntry): void {
    if (entryKey(from) !== entryKey(this.engine)) return;
    if (this.#successor(new Set([entryKey(from)])) !== undefined) this.#elsewhere('drain');
  }

  #hostStarted({ turnId, lane }: Started, link: EngineLink): void {
    this.#options.desk.bindHostLane(turnId, link, lane);
  }

  /**
   * Takes the session over from another gateway: the engine tells everything it knows (PROTOCOL §7).
   *
   * @throws ReticleError `engine_lost` when the engine is gone or has forgotten the session, `epoch_stale` when another
   *   holder has it
   */
  async takeOver({ holder, epoch, wanted, replicaEpoch }: TakeOver): Promise<void> {
    this.#opens += 1;
    let known = false;
    this.binding.hold();
    try {
      await this.binding.open(this.engine, {
        minEpoch: epoch + 1,
        holder: holderBytes(holder),
        defaultCreditTokens: limits.creditTokensDefault,
        wantTranscript: true,
        adopt: () => [],
        onOpened: (opened, link) => {
          known = this.#intake.restore(opened, link, wanted);
          if (known) this.#raise(opened.epoch);
        },
      });
      this.binding.settle();
    } catch (error) {
      this.binding.settle(error as ReticleError);
      throw error;
    }
    if (known) return;
    // The engine made a new session of this name: nothing of the client's is in it.
    this.binding.drop();
    if (replicaEpoch === this.engine.replicaEpoch) throw unknownSession();
    throw new ReticleError('engine_lost', 'the engine of this session has forgotten it');
  }
}

function lost(): ReticleError {
  return new ReticleError('engine_lost', 'no engine can go on with this session', { retryAfterMs: limits.linkDeadMs });
}
