/**
 * The gateway's sessions: the port that codecs call. A process holds what it opened and what it took over: a resume
 * token, or the engine that answers for a session id, is all that another gateway needs (PROTOCOL §7). Controls of a
 * session that is open elsewhere go to its engine by signal (PROTOCOL §3).
 */
import { base32, RANDOM_ID_BYTES, ReticleError, type Tier } from '@reticle/core/domain';
import { KeyedDedup } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import {
  remoteStart,
  type Attach,
  type ControlAck,
  type Interrupt,
  type Redirect,
  type SessionView,
  type TurnCursor,
} from '@reticle/services/session';
import {
  tiersFor,
  type Attachment,
  type Caller,
  type ClientSink,
  type CreateSession,
  type ReplayTurn,
  type SessionFront,
  type WarmSession,
} from './front.ts';
import type { ResumeClaims } from './resume-claims.ts';
import { unknownSession } from './resume-token.ts';
import { SessionActor } from './session-actor.ts';
import { OutdatedError } from './session-opens.ts';
import { SessionTakeovers, wantedBy, type Making, type Target } from './session-takeovers.ts';
import { holderText, type SessionFacts, type SessionPorts } from './session-facts.ts';
import type { Warmed } from './session-core.ts';

/** Requests whose answer is remembered for a repeat (R3). */
const REQUESTS_MAX = 10_000;
/** Random bytes of a holder (PROTOCOL §7). */
const HOLDER_BYTES = 8;
const SESSIONS_MAX_DEFAULT = 100_000;

/** Sessions that are open at other gateways; absent where a process is alone. */
export interface RemoteSessions {
  /** Controls a turn at its engine; resolves with the engine's answer. */
  signal(target: RemoteTarget, signal: Interrupt | Redirect): Promise<ControlAck>;
  /** Asks the engines of the cell for a session; undefined when none answers for it. */
  locate(sessionId: string, tenant: string): Promise<LocatedSession | undefined>;
}

export type RemoteTarget = {
  readonly engineId: string;
  readonly address: string;
  readonly sessionId: string;
  readonly tenant: string;
  readonly epoch: number;
};

export type LocatedSession = { readonly engineId: string; readonly epoch: number; readonly tier: Tier | undefined };

export type SessionsOptions = SessionPorts & {
  /** Region of this cell. */
  readonly region: string;
  readonly sessionsMax?: number;
  readonly remote?: RemoteSessions;
};

type Created = { readonly session: SessionView; readonly resumeToken: string };
type Remembered<T> = { readonly digest: string; readonly answer: Promise<T> };
export class Sessions implements SessionFront {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, SessionActor>();
  readonly #creates = new KeyedDedup<string, Remembered<Created>>(REQUESTS_MAX);
  readonly #warms = new KeyedDedup<string, Remembered<Warmed>>(REQUESTS_MAX);
  readonly #takeovers: SessionTakeovers;
  #draining = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#takeovers = new SessionTakeovers({
      ...options,
      make: (making) => this.#actor(making),
      hold: (actor) => this.#hold(actor),
    });
  }

  /** Sessions held, attached or not. */
  get size(): number {
    return this.#sessions.size;
  }

  createSession(caller: Caller, request: CreateSession): Promise<Created> {
    const key = `${caller.tenant} ${request.requestId}`;
    return once(this.#creates, key, request.bodyDigest, () => this.#create(caller, request));
  }

  async warmSession(caller: Caller, request: WarmSession): Promise<Warmed> {
    const actor = this.#owned(caller, request.sessionId);
    await this.#refuseWhenElsewhere(actor);
    const key = `${request.sessionId} ${request.requestId}`;
    return once(this.#warms, key, request.bodyDigest, () =>
      actor.warm({
        turnId: this.#randomId(),
        parentTurnId: request.parentTurnId,
        input: request.prefix,
        params: { stop: [] },
        prefillOnly: true,
        bodyDigest: request.bodyDigest,
      }),
    );
  }

  async attach(caller: Caller, request: Attach, sink: ClientSink): Promise<Attachment> {
    this.#refuseWhenDraining();
    const { actor, holder } = await this.#holder(caller, request);
    const tiers = tiersOf(caller, actor);
    try {
      return await actor.attach({ request, holder, tiers }, sink);
    } catch (error) {
      if (!(error instanceof OutdatedError)) throw error;
      return this.#attachAnew({ caller, request, holder, sink }, actor, error);
    }
  }

  /** What is remembered here is out of date: the engine's records are taken instead, as by any other gateway. */
  async #attachAnew(
    { caller, request, holder, sink }: { caller: Caller; request: Attach; holder: string; sink: ClientSink },
    outdated: SessionActor,
    error: OutdatedError,
  ): Promise<Attachment> {
    const { engine, facts } = outdated;
    outdated.evict(error);
    const { sessionId, tier } = facts;
    const taking = { caller, holder, wanted: wantedBy(request) };
    const found = { sessionId, tier, epoch: error.epoch, replicaEpoch: engine.replicaEpoch, engine };
    const actor = await this.#takeovers.take(taking, found);
    return actor.attach({ request, holder, tiers: tiersOf(caller, actor) }, sink);
  }

  async replayTurn(caller: Caller, request: ReplayTurn, sink: ClientSink): Promise<{ drained(): void; close(): void }> {
    return this.#target(caller, request).replay(request, sink);
  }

  async signalTurn(caller: Caller, request: Target & { signal: Interrupt | Redirect }): Promise<ControlAck> {
    const { signal } = request;
    const held = this.#heldNow(caller, request);
    if (held?.isOpen === true) return held.signal(signal);
    const sent = 'cut' in signal ? { ...signal, successor: remoteStart(signal.successor) } : signal;
    const target = await this.#takeovers.remoteTarget(caller, request, held);
    const { remote, events } = this.#options;
    if (target !== undefined && remote !== undefined) {
      const ack = await this.#takeovers.signal(remote, target, sent);
      events.controlAnswered(ack.outcome);
      if (held?.isOpen === false) held.note(ack);
      return ack;
    }
    if (held === undefined) throw unknownSession();
    return held.signal(signal);
  }

  /** The engine drains: sessions that nobody is attached to leave it as well. */
  leaveEngine(engineId: string): void {
    for (const actor of this.#sessions.values()) {
      if (actor.engine.engineId === engineId && actor.state.attachment === 0) void this.#leave(actor);
    }
  }

  /** Only a session that is known to be nobody else's is moved. */
  async #leave(actor: SessionActor): Promise<void> {
    const { remote } = this.#options;
    const { facts, isOpen } = actor;
    if (isOpen || remote === undefined) {
      actor.leaveEngine();
      return;
    }
    const located = await remote.locate(facts.sessionId, facts.tenant);
    if (located === undefined || actor.isOpening) return;
    if (located.epoch <= actor.state.epoch) actor.leaveEngine();
    else actor.evict(new ReticleError('epoch_stale', 'another gateway has this session'));
  }

  /**
   * A session that was let go here may have gone on at another gateway; to open it would take it from there.
   *
   * @throws ReticleError `epoch_stale`; the session is forgotten here then
   */
  async #refuseWhenElsewhere(actor: SessionActor): Promise<void> {
    if (!(await this.#isElsewhere(actor))) return;
    const error = new ReticleError('epoch_stale', 'another gateway has this session');
    actor.evict(error);
    throw error;
  }

  /** True when another gateway is known to have gone on with a session that was let go here. */
  async #isElsewhere(actor: SessionActor): Promise<boolean> {
    const { remote } = this.#options;
    if (actor.isOpen || remote === undefined) return false;
    const located = await remote.locate(actor.facts.sessionId, actor.facts.tenant);
    return located !== undefined && !actor.isOpening && located.epoch > actor.state.epoch;
  }

  async getSession(
    caller: Caller,
    sessionId: string,
  ): Promise<{ session: SessionView; liveTurns: readonly TurnCursor[] }> {
    const actor = this.#owned(caller, sessionId);
    return { session: actor.view, liveTurns: actor.liveTurns };
  }

  /** Another gateway's session is taken first: whoever is attached there is told that it has gone. */
  async closeSession(caller: Caller, sessionId: string): Promise<void> {
    const held = this.#held(caller, { sessionId });
    const elsewhere = held === undefined || (await this.#isElsewhere(held));
    if (held !== undefined && elsewhere)
      held.evict(new ReticleError('epoch_stale', 'another gateway has this session'));
    const taking = { caller, sessionId, holder: this.#newHolder(), wanted: new Map<string, number>() };
    const actor = elsewhere ? await this.#takeovers.takeLocated(taking) : held;
    actor.close();
  }

  /**
   * Takes no more work, tells every stream, and lets running turns finish for at most `drainMs`; then ends
   * the streams. Sessions and their tokens stay good for another gateway.
   */
  async stop(drainMs: number): Promise<void> {
    this.#draining = true;
    for (const actor of this.#sessions.values()) actor.goAway('drain', drainMs);
    const untilMs = this.#options.clock.nowMs() + drainMs;
    const running = (): boolean => [...this.#sessions.values()].some((actor) => actor.state.live.size > 0);
    while (running() && this.#options.clock.nowMs() < untilMs) await this.#pause();
    for (const actor of this.#sessions.values()) {
      actor.release();
      actor.leave();
    }
    this.#sessions.clear();
    this.#options.events.sessions(0);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(limits.linkPingMs, resolve);
    });
  }

  async #create(caller: Caller, request: CreateSession): Promise<Created> {
    this.#refuseWhenDraining();
    const { tier, regions } = this.#checkAccess(caller, request);
    const engine = this.#options.engines.choose(request.model);
    const { idleTtlMs = limits.idleTtlMsDefault } = request;
    const facts: SessionFacts = {
      sessionId: this.#randomId(),
      tenant: caller.tenant,
      tier,
      tierByDefault: request.tier === undefined,
      model: engine.model,
      modelDigest: engine.modelDigest,
      allowedRegions: regions ?? (request.allowedRegions.length === 0 ? [engine.region] : request.allowedRegions),
    };
    const kept = Math.min(idleTtlMs, limits.idleTtlMsMax);
    const actor = this.#actor({ caller, facts, engine, holder: this.#newHolder(), idleTtlMs: kept });
    this.#hold(actor);
    const { model } = engine;
    const opened = this.#options.events.sessionOpening({ model, tier, parent: request.trace });
    try {
      await actor.open(request.prefix);
    } catch (error) {
      opened(error);
      actor.close();
      throw error;
    }
    opened();
    this.#options.failpoint('gateway.created');
    return { session: actor.view, resumeToken: actor.resumeToken };
  }

  /** What the key, the residency and the process allow; the tier that was asked for, or the key's own. */
  #checkAccess(caller: Caller, request: CreateSession): Admitted {
    const allowed = tiersFor(caller, request.model);
    const [fastest] = allowed;
    if (fastest === undefined) throw unknownModel();
    const tier = request.tier ?? (allowed.includes(caller.defaultTier) ? caller.defaultTier : fastest);
    if (!allowed.includes(tier)) {
      throw new ReticleError('tier_required', 'the key may not use this tier', { param: 'tier' });
    }
    const { region, engines, sessionsMax = SESSIONS_MAX_DEFAULT } = this.#options;
    const { model, allowedRegions } = request;
    const regions = engines.place?.({ model, allowedRegions, tenant: caller.tenant });
    if (allowedRegions.length > 0 && !allowedRegions.includes(region)) {
      throw new ReticleError('region_unavailable', 'this cell lies outside the allowed regions', {
        param: 'allowed_regions',
        details: { region },
      });
    }
    if (this.#sessions.size >= sessionsMax) {
      throw new ReticleError('overloaded', 'this gateway holds as many sessions as it may', {
        retryAfterMs: Math.ceil(1_000 * (1 + this.#options.random.unit())),
      });
    }
    return { tier, regions };
  }

  #actor(made: Making): SessionActor {
    const { caller, facts, engine, holder, idleTtlMs } = made;
    const { contextTokens, maxOutputTokens } = engine.capabilities;
    const actor: SessionActor = new SessionActor({
      facts,
      ports: this.#options,
      engine,
      config: { contextLimit: contextTokens, maxOutputTokens, tiers: tiersFor(caller, facts.model), idleTtlMs },
      holder,
      onClosed: () => {
        if (this.#sessions.get(facts.sessionId) !== actor) return;
        this.#sessions.delete(facts.sessionId);
        this.#options.events.sessions(this.#sessions.size);
        this.#options.ledger.close(facts.sessionId);
      },
    });
    return actor;
  }

  #hold(actor: SessionActor): void {
    this.#sessions.set(actor.facts.sessionId, actor);
    this.#options.events.sessions(this.#sessions.size);
  }

  /** Who attaches: the token's holder, or a new one for an id alone (R7, §7). */
  async #holder(caller: Caller, request: Attach): Promise<{ actor: SessionActor; holder: string }> {
    const { resumeToken, sessionId = '' } = request;
    const wanted = wantedBy(request);
    if (resumeToken === undefined) {
      const holder = this.#newHolder();
      const actor =
        this.#held(caller, { sessionId }) ?? (await this.#takeovers.takeLocated({ caller, sessionId, holder, wanted }));
      return { actor, holder };
    }
    const claims = this.#options.tokens.open(resumeToken, caller.tenant);
    const holder = holderText(claims.holder);
    const held = this.#current(this.#held(caller, { sessionId: claims.sessionId }), claims);
    const actor = held ?? (await this.#takeovers.takeClaimed({ caller, claims, holder, wanted }));
    // The same holder is good at any epoch: the last Attached may have been lost on its way.
    if (holder !== actor.state.holder && claims.epoch < actor.state.epoch) {
      throw new ReticleError('epoch_stale', 'another holder took this session');
    }
    return { actor, holder };
  }

  /** What is held here may be what another gateway has taken meanwhile: the token's epoch tells. */
  #current(held: SessionActor | undefined, claims: ResumeClaims): SessionActor | undefined {
    if (held === undefined || claims.epoch <= held.state.epoch) return held;
    held.evict(new ReticleError('epoch_stale', 'another gateway had this session since'));
    return undefined;
  }

  /** What is held here, unless the token says that another gateway has had it since. */
  #heldNow(caller: Caller, target: Target): SessionActor | undefined {
    const held = this.#held(caller, target);
    if (target.resumeToken === undefined) return held;
    return this.#current(held, this.#options.tokens.open(target.resumeToken, caller.tenant));
  }

  #target(caller: Caller, target: Target): SessionActor {
    const actor = this.#held(caller, target);
    if (actor === undefined) throw unknownSession();
    return actor;
  }

  #held(caller: Caller, { sessionId = '', resumeToken }: Target): SessionActor | undefined {
    const named =
      resumeToken === undefined ? sessionId : this.#options.tokens.open(resumeToken, caller.tenant).sessionId;
    const actor = this.#sessions.get(named);
    return actor?.facts.tenant === caller.tenant ? actor : undefined;
  }

  /** A foreign id answers exactly as an unknown one (PROTOCOL §0). */
  #owned(caller: Caller, sessionId: string): SessionActor {
    const actor = this.#sessions.get(sessionId);
    if (actor === undefined || actor.facts.tenant !== caller.tenant) {
      throw unknownSession();
    }
    return actor;
  }

  #refuseWhenDraining(): void {
    if (this.#draining) throw new ReticleError('draining', 'this gateway is being stopped', { retryAfterMs: 1_000 });
  }

  #randomId(): string {
    return base32(this.#options.random.bytes(RANDOM_ID_BYTES));
  }

  #newHolder(): string {
    return holderText(this.#options.random.bytes(HOLDER_BYTES));
  }
}

/** What a new session gets; `regions` where more is known of them than this cell's. */
type Admitted = { readonly tier: Tier; readonly regions: readonly string[] | undefined };

/** A model that the key may not use is as unknown as one that does not exist. */
const unknownModel = (): ReticleError =>
  new ReticleError('model_not_found', 'no engine serves this model', { param: 'model' });

/** Runs a request once per id (R3). A failure is forgotten, so that the client may try again. */
function once<T>(
  remembered: KeyedDedup<string, Remembered<T>>,
  key: string,
  digest: string,
  run: () => Promise<T>,
): Promise<T> {
  const known = remembered.get(key);
  if (known !== undefined) {
    if (known.digest === digest) return known.answer;
    return Promise.reject(new ReticleError('idempotency_conflict', 'this request id was used with another body'));
  }
  const answer = run();
  remembered.set(key, { digest, answer });
  answer.catch(() => {
    if (remembered.get(key)?.answer === answer) remembered.delete(key);
  });
  return answer;
}

/**
 * What a caller may ask for in a session.
 *
 * @throws ReticleError `tier_required` for a session of a tier that the caller may not use, which another key has begun
 */
function tiersOf(caller: Caller, { facts: { model, tier } }: SessionActor): readonly Tier[] {
  const tiers = tiersFor(caller, model);
  if (tiers.includes(tier)) return tiers;
  throw new ReticleError('tier_required', 'the key may not use the tier of this session');
}
