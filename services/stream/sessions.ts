/** The gateway's sessions: the port that codecs call. One process holds what it opened; another gateway's are unknown here. */
import { base32, RANDOM_ID_BYTES, ReticleError, type Tier } from '@reticle/core/domain';
import { KeyedDedup } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import type { Attach, ControlAck, Interrupt, Redirect, SessionView, TurnCursor } from '@reticle/services/session';
import type { Attachment, Caller, ClientSink, CreateSession, ReplayTurn, SessionFront, WarmSession } from './front.ts';
import { unknownSession } from './resume-token.ts';
import { SessionActor } from './session-actor.ts';
import { holderText, type SessionFacts, type SessionPorts } from './session-facts.ts';
import type { Warmed } from './session-core.ts';

/** Requests whose answer is remembered for a repeat (R3). */
const REQUESTS_MAX = 10_000;
/** Random bytes of a holder (PROTOCOL §7). */
const HOLDER_BYTES = 8;
const SESSIONS_MAX_DEFAULT = 100_000;

export type SessionsOptions = SessionPorts & {
  /** Region of this cell. */
  readonly region: string;
  readonly sessionsMax?: number;
};

type Created = { readonly session: SessionView; readonly resumeToken: string };
type Remembered<T> = { readonly digest: string; readonly answer: Promise<T> };
type Target = { readonly sessionId?: string; readonly resumeToken?: string };

export class Sessions implements SessionFront {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, SessionActor>();
  readonly #creates = new KeyedDedup<string, Remembered<Created>>(REQUESTS_MAX);
  readonly #warms = new KeyedDedup<string, Remembered<Warmed>>(REQUESTS_MAX);
  #draining = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
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
    const { actor, holder } = this.#holder(caller, request);
    return actor.attach(request, holder, sink);
  }

  async replayTurn(caller: Caller, request: ReplayTurn, sink: ClientSink): Promise<{ drained(): void; close(): void }> {
    return this.#target(caller, request).replay(request, sink);
  }

  async signalTurn(caller: Caller, request: Target & { signal: Interrupt | Redirect }): Promise<ControlAck> {
    return this.#target(caller, request).signal(request.signal);
  }

  async getSession(
    caller: Caller,
    sessionId: string,
  ): Promise<{ session: SessionView; liveTurns: readonly TurnCursor[] }> {
    const actor = this.#owned(caller, sessionId);
    return { session: actor.view, liveTurns: actor.liveTurns };
  }

  async closeSession(caller: Caller, sessionId: string): Promise<void> {
    this.#owned(caller, sessionId).close();
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
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(limits.linkPingMs, resolve);
    });
  }

  async #create(caller: Caller, request: CreateSession): Promise<Created> {
    this.#refuseWhenDraining();
    const tier = this.#checkAccess(caller, request);
    const engine = this.#options.engines.choose(request.model);
    const { idleTtlMs = limits.idleTtlMsDefault } = request;
    const facts: SessionFacts = {
      sessionId: this.#randomId(),
      tenant: caller.tenant,
      tier,
      tierByDefault: request.tier === undefined,
      engine,
      allowedRegions: request.allowedRegions.length === 0 ? [engine.region] : request.allowedRegions,
      idleTtlMs: Math.min(idleTtlMs, limits.idleTtlMsMax),
    };
    const { contextTokens, maxOutputTokens } = engine.capabilities;
    const actor = new SessionActor({
      facts,
      ports: this.#options,
      config: { contextLimit: contextTokens, maxOutputTokens, tiers: caller.tiers, idleTtlMs: facts.idleTtlMs },
      holder: this.#newHolder(),
      onClosed: () => {
        this.#sessions.delete(facts.sessionId);
        this.#options.ledger.close(facts.sessionId);
      },
    });
    this.#sessions.set(facts.sessionId, actor);
    try {
      await actor.open(request.prefix);
    } catch (error) {
      actor.close();
      throw error;
    }
    return { session: actor.view, resumeToken: actor.resumeToken };
  }

  /** What the key, the residency and the process allow; the tier that was asked for, or the key's own. */
  #checkAccess(caller: Caller, request: CreateSession): Tier {
    if (caller.models.length > 0 && !caller.models.includes(request.model)) throw unknownModel();
    const tier = request.tier ?? caller.defaultTier;
    if (!caller.tiers.includes(tier)) {
      throw new ReticleError('tier_required', 'the key may not use this tier', { param: 'tier' });
    }
    const { region, sessionsMax = SESSIONS_MAX_DEFAULT } = this.#options;
    if (request.allowedRegions.length > 0 && !request.allowedRegions.includes(region)) {
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
    return tier;
  }

  /** Who attaches: the token's holder, or a new one for an id alone (R7, §7). */
  #holder(caller: Caller, request: Attach): { actor: SessionActor; holder: string } {
    if (request.resumeToken === undefined) {
      return { actor: this.#owned(caller, request.sessionId ?? ''), holder: this.#newHolder() };
    }
    const claims = this.#options.tokens.open(request.resumeToken, caller.tenant);
    const actor = this.#owned(caller, claims.sessionId);
    const holder = holderText(claims.holder);
    // The same holder is good at any epoch: the last Attached may have been lost on its way.
    if (holder !== actor.state.holder && claims.epoch < actor.state.epoch) {
      throw new ReticleError('epoch_stale', 'another holder took this session');
    }
    return { actor, holder };
  }

  #target(caller: Caller, { sessionId, resumeToken }: Target): SessionActor {
    if (resumeToken === undefined) return this.#owned(caller, sessionId ?? '');
    return this.#owned(caller, this.#options.tokens.open(resumeToken, caller.tenant).sessionId);
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
