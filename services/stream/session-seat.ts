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
import { findTurn, type SessionEvent, type SessionState, type TurnEvent } from '@reticle/services/session';
import { entryKey, type EngineEntry } from './engine-directory.ts';
import type { EngineLink, LinkLoss } from './link/engine-link.ts';
import { SessionBinding, type OpenRequest } from './session-binding.ts';
import { isElsewhere, SessionContexts } from './session-contexts.ts';
import { holderBytes, type MoveReason, type SessionFacts, type SessionPorts } from './session-facts.ts';
import { Handover } from './handover.ts';
import { SessionIntake } from './session-intake.ts';
import { isEmpty, lost, OutdatedError } from './session-opens.ts';
import type { OpenedAt, OpenOptions, SearchStep, TakeOver } from './session-opens.ts';
import type { TurnDesk } from './turn-desk.ts';
import { TurnLauncher } from './turn-launcher.ts';

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

export class SessionSeat {
  readonly binding: SessionBinding;
  readonly contexts: SessionContexts;
  readonly #options: SeatOptions;
  readonly #intake: SessionIntake;
  readonly #launcher: TurnLauncher;
  readonly #handover: Handover;
  #opens = 0;
  /** Epoch of an Opened that told of another gateway in between. */
  #outdated: number | undefined;
  /** The run of an engine that answered the last Open, by {@link entryKey}. */
  #knownAt = '';
  /**
   * A control was applied here for an engine out of reach (E7): what that engine has made of the turn since is void, so
   * the session is handed over anew even to the engine that had it.
   */
  #isOutlived = false;
  /** The link of the last Opened. */
  #link: EngineLink | undefined;
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
    const { binding, contexts } = this;
    const refused = (turnId: string, error: ReticleError): boolean => this.refused(turnId, error);
    this.#launcher = new TurnLauncher({ facts, ports, binding, contexts, desk, state, dispatch, refused });
    const handing = () => ({ records: contexts.records, state: state(), desk, tier: facts.tier });
    this.#handover = new Handover({ binding, contexts, handing });
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

  /** Nobody waits for the session any more: its engine keeps it (R6), and what is under way is asked for again later. */
  detach(): void {
    if (this.binding.state !== 'open') return;
    this.binding.detach();
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
        engine === undefined ? lost() : await this.#try(engine, { holder: options.holder, tried, boundMs, mine });
      if (failure === undefined) return;
      this.#checkMine(mine);
      boundMs = undefined;
      this.#settleCuts();
      engine = this.#successor(tried);
      if (engine !== undefined) continue;
      if (clock.nowMs() >= untilMs) throw failure;
      await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
      this.#checkMine(mine);
      // One that refused may have recovered; those that were ruled out from the start have not.
      tried.clear();
      for (const key of options.except ?? []) tried.add(key);
      engine = this.#successor(tried);
    }
  }

  /** A search that another one has replaced, or whose session is closed, asks no further engine (P1). */
  #checkMine(mine: number): void {
    if (mine !== this.#opens) throw new ReticleError('epoch_stale', 'another attachment took this session');
  }

  /** A cut does not wait for another engine: it is applied here (E7). */
  #settleCuts(): void {
    for (const { turnId, controls, receipt } of this.#options.state().live.values()) {
      if (controls.length === 0 && receipt === undefined) continue;
      this.#outlives(turnId);
      this.#orphan(turnId);
    }
  }

  #outlives(turnId: string): void {
    const turn = findTurn(this.#options.state(), turnId);
    if (turn !== undefined && turn.controls.length > 0 && turn.receipt === undefined) this.#isOutlived = true;
  }

  /** The turn ends without its engine, by a control under way or as `engine_lost`. */
  lose(turnId: string): void {
    this.#outlives(turnId);
    this.#turn(turnId, () => ({ kind: 'lost', progress: this.#options.desk.progress(turnId) }));
  }

  /** Asks one engine; undefined when it has the session now. Throws what no other engine would answer differently. */
  async #try(engine: EngineEntry, options: SearchStep): Promise<ReticleError | undefined> {
    const { tried, boundMs, holder } = options;
    if (tried.has(entryKey(engine))) return lost();
    tried.add(entryKey(engine));
    try {
      await this.binding.open(engine, this.#request(engine, holder, boundMs));
      if (this.#outdated === undefined && this.#isOutlived) await this.#anew(engine, options);
      if (this.#outdated === undefined) return undefined;
    } catch (error) {
      if (!isElsewhere(error)) throw error;
      if ((error as ReticleError).code === 'engine_lost') this.#options.ports.engines.suspect(engine);
      return error as ReticleError;
    }
    const epoch = this.#outdated;
    this.#outdated = undefined;
    throw new OutdatedError(epoch);
  }

  /** The engine has the session from before a control that was applied here: it drops it, and gets it from here. */
  async #anew(engine: EngineEntry, { holder, boundMs, mine }: SearchStep): Promise<void> {
    this.#checkMine(mine);
    this.#knownAt = '';
    this.binding.drop();
    await this.binding.open(engine, this.#request(engine, holder, boundMs));
    if (this.#isOutlived) throw lost();
  }

  #request(engine: EngineEntry, holder: string, boundMs: number | undefined): OpenRequest {
    const { desk, state } = this.#options;
    const { epoch, defaultCreditTokens, config } = state();
    // One that was asked and has not been heard is another one still: its answer to a later Open tells what it was handed.
    const stays = entryKey(engine) === this.#knownAt;
    // Whoever may not know the session is given its prefix and its records with the Open.
    const isNew = !stays && epoch > 0;
    const root = isNew ? this.contexts.records.root : [];
    let asked: Adopt__Input[] = [];
    return {
      minEpoch: epoch === 0 ? 0 : epoch + 1,
      holder: holderBytes(holder),
      defaultCreditTokens,
      idleTtlMs: config.idleTtlMs,
      wantTranscript: false,
      root,
      isNew: isNew || epoch === 0,
      ...(boundMs === undefined ? {} : { boundMs }),
      ofNow: (link) => {
        asked = stays ? desk.adopt(state().live.keys(), link) : [];
        return { adopt: asked, records: isNew ? this.#handover.records() : [], lastClientSeq: state().lastSeq };
      },
      onOpened: (opened, link) => {
        this.#knownAt = entryKey(engine);
        this.#opened({ opened, link, asked, stays, rooted: root.length > 0 });
      },
    };
  }

  #opened(at: OpenedAt): void {
    const { opened, link, stays, rooted } = at;
    const { state } = this.#options;
    if (this.#wasElsewhere(opened)) {
      this.#outdated = opened.epoch;
      return;
    }
    const isNewLink = link !== this.#link;
    this.#link = link;
    this.#raise(opened.epoch);
    if (this.#isOutlived && !isEmpty(opened)) return;
    this.#isOutlived = false;
    const running = [...state().live.values()].filter(({ phase }) => phase !== 'queued').map(({ turnId }) => turnId);
    if (stays && !isEmpty(opened)) this.#rejoined(at, running, isNewLink);
    else this.#begunAnew(running, rooted);
    this.#launcher.opened();
  }

  /** The engine has the session still. */
  #rejoined({ opened, link, asked }: OpenedAt, running: readonly string[], isNewLink: boolean): void {
    const { desk } = this.#options;
    this.contexts.interrupted();
    this.#intake.learnAll();
    const unknown = new Set(desk.adopted(opened, asked));
    for (const { turnId, lane, ended, generatedOffset } of opened.turns) {
      if (lane >= HOST_LANES) desk.bindHostLane(turnId, link, lane);
      // A turn that was cut meanwhile: nothing past its end goes out, also before its Ended has come.
      if (ended) desk.relay(turnId)?.bar(generatedOffset);
    }
    this.#handover.update();
    for (const turnId of running) this.#rejoin(turnId, { isKnown: !unknown.has(turnId), isNewLink });
  }

  #wasElsewhere({ previousGateway }: Opened): boolean {
    return previousGateway !== '' && previousGateway !== this.#options.ports.gateway;
  }

  /** The engine has nothing of the session but what came with the Open. */
  #begunAnew(running: readonly string[], rooted: boolean): void {
    this.contexts.forgotten();
    if (rooted) this.contexts.learned('');
    // The engine dropped the session without having been restarted; a failure is met again by the turn that needs it.
    else this.contexts.ensure('').catch(() => {});
    this.#options.desk.unseat(running);
    this.#handover.update();
    for (const turnId of running) this.#orphan(turnId);
  }

  /** A turn after its session was opened again at the engine that had it. */
  #rejoin(turnId: string, { isKnown, isNewLink }: { isKnown: boolean; isNewLink: boolean }): void {
    const { desk } = this.#options;
    if (isKnown && desk.laneOf(turnId, this.#link) !== 0) {
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

  /** A turn has come to its end, at its engine or without it. */
  ended(turnId: string, kept: Uint32Array): void {
    this.contexts.ended(turnId, kept);
    this.#handover.update();
  }

  /** Sends a turn to the engine: for the first time, or again from what was received of it. */
  launch(turnId: string): void {
    this.#launcher.launch(turnId);
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
      // Below the level of the lost link, which is told once for all of its sessions.
      ports.logger.info('session has no engine', { session: facts.sessionId, code });
      if (code === 'epoch_stale') this.#options.onTaken(error as ReticleError);
      else this.loseRunning();
    });
    opening.then(
      () => {
        if (mine === this.#opens && !this.#options.isWaitedFor()) this.detach();
      },
      () => {},
    );
  }

  /** Nothing can go on with the session: turns end, each in its own way; the session stays (PROTOCOL §7). */
  loseRunning(): void {
    this.#launcher.lost();
    for (const { turnId, phase } of this.#options.state().live.values()) if (phase !== 'queued') this.lose(turnId);
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
    this.binding.hold();
    try {
      await this.binding.open(this.engine, {
        minEpoch: epoch + 1,
        holder: holderBytes(holder),
        defaultCreditTokens: limits.creditTokensDefault,
        idleTtlMs: 0,
        wantTranscript: true,
        root: [],
        isNew: false,
        ofNow: () => ({ adopt: [], records: [], lastClientSeq: 0 }),
        onOpened: (opened, link) => {
          this.#knownAt = entryKey(this.engine);
          const cold = this.#intake.restore(opened, link, wanted);
          this.#raise(opened.epoch);
          this.#handover.handed(cold);
          for (const turnId of cold) this.#orphan(turnId);
        },
      });
      this.binding.settle();
    } catch (error) {
      this.binding.settle(error as ReticleError);
      const forgotten = isReticleError(error) && error.code === 'session_not_found';
      // A replica that was started again has forgotten what it had; the same one never had it, or it is closed.
      if (forgotten && replicaEpoch !== undefined && replicaEpoch !== this.engine.replicaEpoch) {
        throw new ReticleError('engine_lost', 'the engine of this session has forgotten it', { cause: error });
      }
      throw error;
    }
    this.binding.flush();
  }
}
