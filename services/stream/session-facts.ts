import { limits } from '@reticle/proto/contract';
import type { Clock, Random } from '@reticle/core/flow';
import type { Tier } from '@reticle/core/domain';
import type { Failpoint, Logger } from '@reticle/core/process';
import type { SessionState, SessionView, TurnStarted, TurnState } from '@reticle/services/session';
import type { EngineEntry, SessionWish, Succession } from './engine-directory.ts';
import type { StreamEvents } from './events.ts';
import type { EngineLinks } from './link/engine-link.ts';
import type { ResumeTokens } from './resume-claims.ts';
import type { UsageLedger } from './usage-ledger.ts';

/** Tokens outlive the session they resume by this much (PROTOCOL §7). */
const TOKEN_SLACK_MS = 60_000;

/** Engines as sessions need them; `EngineDirectory` is the one of processes. */
export interface Engines {
  choose(model: string): EngineEntry;
  /** Regions that may serve a new session; undefined: this cell's, whatever is asked for. Throws when there is none. */
  place?(wish: SessionWish): readonly string[] | undefined;
  get(engineId: string): EngineEntry | undefined;
  successor(succession: Succession): EngineEntry | undefined;
  suspect(engine: EngineEntry): void;
}

export type SessionPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where a fault test stops or kills the process. */
  readonly failpoint: Failpoint;
  readonly engines: Engines;
  readonly links: EngineLinks;
  readonly tokens: ResumeTokens;
  readonly ledger: UsageLedger;
  /** What is told of the work: counts, traces, records. */
  readonly events: StreamEvents;
  /** Id of this gateway, in resume tokens. */
  readonly gateway: string;
  /** Scope of prefix reuse: HMAC(tenant key, digest), so that KV never crosses tenants (E2). */
  readonly kvScope: (tenant: string, modelDigest: string) => Uint8Array;
  /** Keys of a session's controls on the bus, for its engine (PROTOCOL S4). */
  readonly signalKeys: (sessionId: string) => Uint8Array;
};

/** What never changes in a session's life. */
export type SessionFacts = {
  readonly sessionId: string;
  readonly tenant: string;
  readonly tier: Tier;
  /** The tier came from the key, not from the request. */
  readonly tierByDefault: boolean;
  readonly model: string;
  readonly modelDigest: string;
  readonly allowedRegions: readonly string[];
};

/** How long turns of a tier run on without their client (R6). */
export function detachGraceMs(tier: Tier): number {
  return tier === 'ultrafast' ? limits.detachGraceMsUltrafast : limits.detachGraceMsDefault;
}

/** Where a session is: what never changes of it, its state, and the engine that has it. */
export type SessionPlace = {
  readonly facts: SessionFacts;
  readonly state: SessionState;
  readonly engine: EngineEntry;
};

export function sessionView({ facts, state, engine }: SessionPlace, clock: Clock): SessionView {
  const { sessionId, allowedRegions, tier } = facts;
  const quietMs = state.attachment === 0 ? clock.nowMs() - state.touchedMs : 0;
  return {
    sessionId,
    model: facts.model,
    modelDigest: facts.modelDigest,
    region: engine.region,
    allowedRegions,
    tier,
    epoch: state.epoch,
    contextTokens: state.contextTokens,
    contextLimit: state.config.contextLimit,
    expireTimeMs: Math.floor(clock.wallMs() + state.config.idleTtlMs - quietMs),
  };
}

/** A token that resumes this session at its present epoch. */
export function mintToken({ facts, state, engine }: SessionPlace, ports: SessionPorts): string {
  return ports.tokens.mint({
    tenant: facts.tenant,
    sessionId: facts.sessionId,
    holder: holderBytes(state.holder),
    epoch: state.epoch,
    engineId: engine.engineId,
    address: engine.address,
    replicaEpoch: engine.replicaEpoch,
    modelDigest: engine.modelDigest,
    tier: facts.tier,
    expiresMs: ports.clock.wallMs() + state.config.idleTtlMs + TOKEN_SLACK_MS,
    gateway: ports.gateway,
  });
}

/** Why a turn was begun again at another engine. */
export type MoveReason = 'failover' | 'drain';

/** Inv. 5: what serves the turn is what is said; a turn that moved says why. */
export function turnStarted(
  { facts, state, engine }: SessionPlace,
  turn: TurnState,
  told: { readonly resumeToken: string; readonly moved: MoveReason },
): TurnStarted {
  const tier = turn.tier ?? facts.tier;
  const served = turn.tier === undefined && facts.tierByDefault ? 'tenant-default' : 'as-requested';
  return {
    kind: 'turn-started',
    turnId: turn.turnId,
    epoch: state.epoch,
    startOffset: turn.startOffset,
    promptTokens: turn.promptTokens,
    cachedTokens: turn.cachedTokens,
    model: engine.model,
    modelDigest: engine.modelDigest,
    region: engine.region,
    requestedTier: tier,
    servedTier: tier,
    reason: turn.moves > 0 ? told.moved : served,
    reasonDetail: engine.capabilities.exactOffsets ? '' : 'nominal_offsets',
    replica: engine.engineId,
    resumeToken: told.resumeToken,
    continuation: turn.continuation,
  };
}

export function holderText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function holderBytes(holder: string): Uint8Array {
  return Buffer.from(holder, 'hex');
}
