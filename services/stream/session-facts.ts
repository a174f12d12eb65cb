import { limits } from '@reticle/proto/contract';
import type { Clock, Random } from '@reticle/core/flow';
import type { Tier } from '@reticle/core/domain';
import type { Logger } from '@reticle/core/process';
import type { SessionState, SessionView, TurnStarted, TurnState } from '@reticle/services/session';
import type { EngineEntry } from './engine-directory.ts';
import type { EngineLinks } from './link/engine-link.ts';
import type { ResumeTokens } from './resume-claims.ts';
import type { UsageLedger } from './usage-ledger.ts';

/** Tokens outlive the session they resume by this much (PROTOCOL §7). */
const TOKEN_SLACK_MS = 60_000;

/** Engines as sessions need them; `EngineDirectory` is the one of processes. */
export interface Engines {
  choose(model: string): EngineEntry;
  get(engineId: string): EngineEntry | undefined;
}

export type SessionPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly engines: Engines;
  readonly links: EngineLinks;
  readonly tokens: ResumeTokens;
  readonly ledger: UsageLedger;
  /** Id of this gateway, in resume tokens. */
  readonly gateway: string;
  /** Scope of prefix reuse: HMAC(tenant key, digest), so that KV never crosses tenants (E2). */
  readonly kvScope: (tenant: string, modelDigest: string) => Uint8Array;
};

/** What never changes in a session's life. */
export type SessionFacts = {
  readonly sessionId: string;
  readonly tenant: string;
  readonly tier: Tier;
  /** The tier came from the key, not from the request. */
  readonly tierByDefault: boolean;
  readonly engine: EngineEntry;
  readonly allowedRegions: readonly string[];
  readonly idleTtlMs: number;
};

/** How long turns of a tier run on without their client (R6). */
export function detachGraceMs(tier: Tier): number {
  return tier === 'ultrafast' ? limits.detachGraceMsUltrafast : limits.detachGraceMsDefault;
}

export function sessionView(facts: SessionFacts, state: SessionState, clock: Clock): SessionView {
  const { sessionId, engine, allowedRegions, tier } = facts;
  const quietMs = state.attachment === 0 ? clock.nowMs() - state.touchedMs : 0;
  return {
    sessionId,
    model: engine.model,
    modelDigest: engine.modelDigest,
    region: engine.region,
    allowedRegions,
    tier,
    epoch: state.epoch,
    contextTokens: state.contextTokens,
    contextLimit: state.config.contextLimit,
    expireTimeMs: Math.floor(clock.wallMs() + facts.idleTtlMs - quietMs),
  };
}

/** A token that resumes this session at its present epoch. */
export function mintToken(facts: SessionFacts, state: SessionState, ports: SessionPorts): string {
  const { engine } = facts;
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
    expiresMs: ports.clock.wallMs() + facts.idleTtlMs + TOKEN_SLACK_MS,
    gateway: ports.gateway,
  });
}

/** Inv. 5: what serves the turn is what is said. One engine per model: nothing is spilled or moved here. */
export function turnStarted(
  facts: SessionFacts,
  state: SessionState,
  turn: TurnState,
  resumeToken: string,
): TurnStarted {
  const { engine } = facts;
  const tier = turn.tier ?? facts.tier;
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
    reason: turn.tier === undefined && facts.tierByDefault ? 'tenant-default' : 'as-requested',
    reasonDetail: engine.capabilities.exactOffsets ? '' : 'nominal_offsets',
    replica: engine.engineId,
    resumeToken,
    continuation: 'exact',
  };
}

export function holderText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function holderBytes(holder: string): Uint8Array {
  return Buffer.from(holder, 'hex');
}
