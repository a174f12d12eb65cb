/**
 * Sessions come, are held by one gateway at a time, and go (PROTOCOL E2, E8, §7, R6, R7).
 *
 *     attached ──link lost, DETACH──▶ grace ──detach_grace──▶ paused ──idle_ttl──▶ dropped
 *        ▲                              │                        │
 *        └────────────Open──────────────┴────────────────────────┘        DROP: dropped at once; PARK: paused at once
 */
import { isRandomId, isReticleError, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Adopt } from '@reticle/proto/gen/engine/v1/Adopt';
import type { AdoptedTurn__Input } from '@reticle/proto/gen/engine/v1/AdoptedTurn';
import type { Open } from '@reticle/proto/gen/engine/v1/Open';
import { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { HostState } from './host-state.ts';
import { checkLane, forgetLanes, hostLane, rebindLane } from './lanes.ts';
import type { LinkChannel } from './link-channel.ts';
import { durationOr, faultMessage } from './messages.ts';
import { Session, type Attachment } from './session.ts';
import { finish, halt, pause, relieve, unpause } from './turn-lifecycle.ts';
import { PauseReason, type Turn } from './turn.ts';

const RETRY_MS = 1_000;

/** Gives the session to this link, with a new epoch, and moves its turns here. Throws `ReticleError`. */
export function openSession(host: HostState, channel: LinkChannel, open: Open): void {
  if (channel.sids.has(open.sid)) throw new ReticleError('session_already_open', 'the sid is in use', { param: 'sid' });
  const known = host.sessions.get(open.sessionId);
  const session = known ?? newSession(host, open);
  if (session.tenant !== open.tenant) throw new ReticleError('session_not_found', 'no such session');
  const epoch = session.nextEpoch(open.holder, open.minEpoch);
  if (epoch === undefined) {
    host.observer.count('epoch_stale');
    throw staleEpoch(session);
  }
  if (known === undefined) host.sessions.set(session.sessionId, session);
  supersede(session, epoch);
  session.holder = open.holder;
  session.creditTokens = open.defaultCreditTokens || limits.creditTokensDefault;
  session.idleTtlMs = Math.min(durationOr(open.idleTtl, limits.idleTtlMsDefault), limits.idleTtlMsMax);
  session.graceMs = durationOr(open.detachGrace, defaultGraceMs(open.tier));
  attach(host, session, { sid: open.sid, channel, session });
  const faults: (() => void)[] = [];
  const turns = adoptAll(session, open.adopt, (adopt, error) =>
    faults.push(() => channel.control(faultMessage({ sid: open.sid, lane: adopt.lane }, error))),
  );
  channel.control({
    opened: {
      sid: open.sid,
      epoch,
      kvTokens: session.contextTokens,
      turns,
      lastClientSeq: session.lastClientSeq,
    },
  });
  for (const tell of faults) tell();
  for (const turn of session.liveTurns()) relieve(host, turn);
  host.changed();
}

export function staleEpoch(session: Session): ReticleError {
  return new ReticleError('epoch_stale', `another gateway holds the session at epoch ${session.epoch}`);
}

function newSession(host: HostState, open: Open): Session {
  const { sessionId, tenant, holder } = open;
  if (!isRandomId(sessionId)) throw new ReticleError('invalid_request', 'not a session id', { param: 'session_id' });
  if (host.condition !== 'ready')
    throw new ReticleError('draining', 'the engine takes no new sessions', { retryAfterMs: RETRY_MS });
  const { maxSessions } = host.driver.capabilities;
  if (maxSessions > 0 && host.sessions.size >= maxSessions)
    throw new ReticleError('no_capacity', 'the engine holds no more sessions', { retryAfterMs: RETRY_MS });
  return new Session({ sessionId, tenant, holder });
}

/** Tells the attachment in force, if any, that a later epoch has taken over. */
function supersede(session: Session, epoch: number): void {
  session.epoch = epoch;
  const { attachment } = session;
  if (attachment === undefined) return;
  attachment.channel.control(faultMessage({ sid: attachment.sid, epoch }, staleEpoch(session)));
  for (const turn of session.turns.values()) turn.channel = undefined;
}

function attach(host: HostState, session: Session, attachment: Attachment): void {
  session.attachment = attachment;
  attachment.channel.sids.set(attachment.sid, attachment);
  session.cancelGrace?.();
  session.cancelGrace = undefined;
  for (const turn of session.liveTurns()) unpause(host, turn, PauseReason.detached);
}

function adoptAll(
  session: Session,
  adopts: readonly Adopt[],
  refused: (adopt: Adopt, error: ReticleError) => void,
): AdoptedTurn__Input[] {
  const turns: AdoptedTurn__Input[] = [];
  const named = new Set<string>();
  for (const adopt of adopts) {
    named.add(adopt.turnId);
    try {
      turns.push(adoptTurn(session, adopt));
    } catch (error) {
      if (!isReticleError(error)) throw error;
      refused(adopt, error);
    }
  }
  for (const turn of session.liveTurns()) if (!named.has(turn.turnId)) turns.push(adoptUnnamed(session, turn));
  return turns;
}

function adoptTurn(session: Session, { lane, turnId, nextOffset, creditTokens }: Adopt): AdoptedTurn__Input {
  const turn = session.turns.get(turnId);
  if (turn === undefined) throw new ReticleError('turn_not_found', 'no such turn', { param: 'turn_id' });
  if (session.attachment !== undefined) checkLane(session.attachment.channel, lane);
  return adopted(turn, rebindLane(session, turn, { lane, next: nextOffset, credit: creditTokens }));
}

/** A live turn that the gateway does not know of runs on, on a lane of the host's, from what its client last acknowledged. */
function adoptUnnamed(session: Session, turn: Turn): AdoptedTurn__Input {
  const lane = session.attachment === undefined ? 0 : hostLane(session.attachment.channel);
  return adopted(turn, rebindLane(session, turn, { lane, next: turn.ledger.acknowledged, credit: 0 }));
}

function adopted(turn: Turn, replayFrom: number): AdoptedTurn__Input {
  const { lane, turnId, ledger, final } = turn;
  return { lane, turnId, replayFrom, generatedOffset: ledger.generated, ended: final !== undefined };
}

function defaultGraceMs(tier: ServiceTier): number {
  const ultrafast = tier === ServiceTier.SERVICE_TIER_ULTRAFAST;
  return ultrafast ? limits.detachGraceMsUltrafast : limits.detachGraceMsDefault;
}

/** The gateway let go, or its link is gone: turns run on for the grace, then pause (R6). */
export function detach(host: HostState, attachment: Attachment, graceMs: number): void {
  const { session, channel, sid } = attachment;
  channel.sids.delete(sid);
  if (session.attachment !== attachment) return;
  const nowMs = host.clock.nowMs();
  session.attachment = undefined;
  session.detachedMs = nowMs;
  for (const turn of session.turns.values()) {
    if (turn.channel !== undefined && turn.final !== undefined) turn.keepUntilMs = nowMs + limits.ringKeepMs;
    turn.channel = undefined;
  }
  const pauseAll = (): void => {
    for (const turn of session.liveTurns()) pause(host, turn, PauseReason.detached);
  };
  if (graceMs <= 0) pauseAll();
  else session.cancelGrace = host.clock.after(graceMs, pauseAll);
  host.changed();
}

/** Closes the session and wipes it; streams that still run are wiped as they stop. */
export function drop(host: HostState, session: Session): void {
  session.dropped = true;
  session.cancelGrace?.();
  host.sessions.delete(session.sessionId);
  session.attachment?.channel.sids.delete(session.attachment.sid);
  session.attachment = undefined;
  for (const turn of session.turns.values()) {
    forgetLanes(turn);
    if (turn.final !== undefined) host.releaseContext(turn.final.context);
    else if (turn.phase === 'waiting') dropUnlaunched(host, turn);
    else halt(host, turn, 'drop');
  }
  for (const node of [session.root, ...session.prefixes.values()]) host.releaseNode(node);
  host.changed();
}

function dropUnlaunched(host: HostState, turn: Turn): void {
  finish(host, turn, { status: TurnStatus.TURN_STATUS_FAILED, endOffset: 0, finishReason: 'dropped', lost: true });
}

/** Wipes rings that nobody may ask for any more, and drops sessions past their idle time. */
export function sweep(host: HostState): void {
  const nowMs = host.clock.nowMs();
  for (const session of host.sessions.values()) {
    if (session.attachment === undefined && nowMs - session.detachedMs >= session.idleTtlMs) {
      host.observer.count('session_dropped_idle');
      drop(host, session);
    } else sweepSession(host, session, nowMs);
  }
}

function sweepSession(host: HostState, session: Session, nowMs: number): void {
  for (const turn of session.turns.values()) if (turn.forgettable(nowMs)) turn.ledger.wipe();
  const { prefixes, turns } = session.trim();
  for (const node of prefixes) host.releaseNode(node);
  for (const turn of turns) {
    forgetLanes(turn);
    host.releaseContext(turn.final?.context);
  }
}
