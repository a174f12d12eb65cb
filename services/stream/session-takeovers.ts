/** Sessions of other gateways: taking them over, and finding where a control of theirs goes (PROTOCOL §7, §3). */
import { isRandomId, isReticleError, ReticleError, type Tier } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Attach, ControlAck, Interrupt, Redirect } from '@reticle/services/session';
import type { EngineEntry } from './engine-directory.ts';
import type { Caller } from './front.ts';
import type { ResumeClaims } from './resume-claims.ts';
import { unknownSession } from './resume-token.ts';
import type { SessionActor } from './session-actor.ts';
import type { SessionFacts } from './session-facts.ts';
import type { RemoteSessions, RemoteTarget, SessionsOptions } from './sessions.ts';

export type Making = {
  readonly caller: Caller;
  readonly facts: SessionFacts;
  readonly engine: EngineEntry;
  readonly holder: string;
  readonly idleTtlMs: number;
};
type Taking = { readonly caller: Caller; readonly holder: string; readonly wanted: ReadonlyMap<string, number> };
type Found = {
  readonly sessionId: string;
  readonly tier: Tier;
  readonly epoch: number;
  readonly replicaEpoch: number | undefined;
  readonly engine: EngineEntry;
};
/** A session by its id or by a token; the token wins. */
export type Target = { readonly sessionId?: string; readonly resumeToken?: string };

export type TakeoverOptions = Pick<SessionsOptions, 'engines' | 'remote' | 'tokens'> & {
  /** A session that nobody holds yet. */
  readonly make: (making: Making) => SessionActor;
  /** The session is this gateway's from here on. */
  readonly hold: (actor: SessionActor) => void;
};

/** Refusals of an engine that the session may have left. */
const LEFT: ReadonlySet<string> = new Set(['engine_lost', 'session_not_found']);

export class SessionTakeovers {
  readonly #options: TakeoverOptions;
  readonly #taking = new Map<string, Promise<SessionActor>>();

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  async takeClaimed(taking: Taking & { claims: ResumeClaims }): Promise<SessionActor> {
    const { claims, caller } = taking;
    const { sessionId, tier, epoch } = claims;
    const taken = await this.#takeWhereClaimed(taking);
    if (!isReticleError(taken)) return taken;
    // Its gateway may have moved it before the token could say so.
    const located = await this.#locate(sessionId, caller.tenant);
    // An engine that was left long ago may still hold what the session was then.
    const isOlder = located === undefined || located.epoch < epoch;
    if (isOlder || located.engine.engineId === claims.engineId) throw taken;
    try {
      return await this.take(taking, { sessionId, replicaEpoch: undefined, ...located, tier });
    } catch (error) {
      // It is being handed over, and not whole yet: whoever asks again finds it.
      throw isReticleError(error) && error.code === 'session_not_found' ? goneSession() : error;
    }
  }

  /** The session, or what its client is told when it is nowhere else either. */
  async #takeWhereClaimed(taking: Taking & { claims: ResumeClaims }): Promise<SessionActor | ReticleError> {
    const { sessionId, tier, epoch, replicaEpoch, engineId } = taking.claims;
    const engine = this.#options.engines.get(engineId);
    if (engine === undefined) return goneSession();
    try {
      return await this.take(taking, { sessionId, tier, epoch, replicaEpoch, engine });
    } catch (error) {
      if (!isReticleError(error) || !LEFT.has(error.code)) throw error;
      // An engine that was started again knows nothing of what it had; one that was not has ended the session. What was
      // asked is perhaps no longer what the directory said then.
      const isSame = this.#options.engines.get(engineId)?.replicaEpoch === replicaEpoch;
      return error.code === 'session_not_found' && isSame ? error : goneSession();
    }
  }

  async takeLocated(taking: Taking & { sessionId: string }): Promise<SessionActor> {
    const { caller, sessionId } = taking;
    const located = await this.#locate(sessionId, caller.tenant);
    if (located === undefined) throw unknownSession();
    return this.take(taking, { sessionId, replicaEpoch: undefined, ...located });
  }

  async #locate(
    sessionId: string,
    tenant: string,
  ): Promise<{ engine: EngineEntry; epoch: number; tier: Tier } | undefined> {
    const located = await this.#options.remote?.locate(sessionId, tenant);
    const engine = located === undefined ? undefined : this.#options.engines.get(located.engineId);
    if (located === undefined || engine === undefined) return undefined;
    return { engine, epoch: located.epoch, tier: located.tier ?? 'default' };
  }

  /** One takeover of a session at a time; who comes meanwhile attaches to what it brings. */
  take(taking: Taking, found: Found): Promise<SessionActor> {
    const { sessionId } = found;
    const taken = this.#taking.get(sessionId);
    if (taken !== undefined) return taken;
    const run = this.#takeOver(taking, found).finally(() => this.#taking.delete(sessionId));
    this.#taking.set(sessionId, run);
    return run;
  }

  async #takeOver({ caller, holder, wanted }: Taking, found: Found): Promise<SessionActor> {
    const { sessionId, tier, epoch, replicaEpoch, engine } = found;
    const facts: SessionFacts = {
      sessionId,
      tenant: caller.tenant,
      tier,
      tierByDefault: false,
      model: engine.model,
      modelDigest: engine.modelDigest,
      // What else its creator allowed is not known here; its own region always is.
      allowedRegions: [engine.region],
    };
    // The engine tells how long the session is kept.
    const actor = this.#options.make({ caller, facts, engine, holder, idleTtlMs: limits.idleTtlMsDefault });
    try {
      await actor.takeOver({ holder, epoch, wanted, replicaEpoch });
    } catch (error) {
      actor.evict(error as ReticleError);
      throw error;
    }
    // Held from here on: before, it is nobody's session.
    this.#options.hold(actor);
    return actor;
  }

  /** A token or a memory may name an engine that the session has left since; the engines themselves know. */
  async signal(remote: RemoteSessions, target: RemoteTarget, signal: Interrupt | Redirect): Promise<ControlAck> {
    try {
      return await remote.signal(target, signal);
    } catch (error) {
      const moved = isReticleError(error) && (error.code === 'session_not_found' || error.code === 'engine_lost');
      const located = moved ? await this.#locate(target.sessionId, target.tenant) : undefined;
      if (located === undefined || located.engine.engineId === target.engineId) throw error;
      const { engineId, address } = located.engine;
      return remote.signal({ ...target, engineId, address, epoch: located.epoch }, signal);
    }
  }

  /**
   * Where a control goes whose session is not open here; undefined when nobody knows.
   *
   * @throws ReticleError `engine_lost` when a token says that there is a session, whose engine is gone; it may be on
   *   its way to another one
   */
  async remoteTarget(
    { tenant }: Caller,
    { sessionId = '', resumeToken }: Target,
    held: SessionActor | undefined,
  ): Promise<RemoteTarget | undefined> {
    if (held !== undefined) return targetAt(held.facts, held.state.epoch, held.engine);
    if (resumeToken === undefined) return isRandomId(sessionId) ? this.#targetOf(sessionId, tenant) : undefined;
    const claims = this.#options.tokens.open(resumeToken, tenant);
    const named = this.#options.engines.get(claims.engineId);
    const session = { sessionId: claims.sessionId, tenant };
    if (named?.replicaEpoch === claims.replicaEpoch) return targetAt(session, claims.epoch, named);
    const target = await this.#targetOf(claims.sessionId, tenant);
    if (target === undefined) throw goneSession();
    return target;
  }

  async #targetOf(sessionId: string, tenant: string): Promise<RemoteTarget | undefined> {
    const located = await this.#locate(sessionId, tenant);
    return located && targetAt({ sessionId, tenant }, located.epoch, located.engine);
  }
}

function targetAt(
  { sessionId, tenant }: Pick<SessionFacts, 'sessionId' | 'tenant'>,
  epoch: number,
  { engineId, address }: EngineEntry,
): RemoteTarget {
  return { engineId, address, sessionId, tenant, epoch };
}

/** Turns that a client is owed something of: it names each whose terminal it has not seen (PROTOCOL §7). */
export function wantedBy({ cursors }: Attach): ReadonlyMap<string, number> {
  return new Map(cursors.map(({ turnId, nextOffset }) => [turnId, nextOffset]));
}

/** Nobody has the session any more; the client begins a new one with its own prefix (PROTOCOL §7). */
const goneSession = (): ReticleError =>
  new ReticleError('engine_lost', 'the engine of this session is gone', { retryAfterMs: limits.linkDeadMs });
