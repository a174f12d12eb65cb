/**
 * Sessions come, are held by one gateway at a time, and go (PROTOCOL E2, E8, §7, R6, R7).
 *
 *     attached ──link lost, DETACH──▶ grace ──detach_grace──▶ paused ──idle_ttl──▶ dropped
 *        ▲                              │                        │
 *        └────────────Open──────────────┴────────────────────────┘        DROP: dropped at once; PARK: paused at once
 *
 * After an Open the link hears, in this order: `Transcript` records (all of them with `want_transcript`, else those of
 * turns that get a lane of the host's), `Opened`, faults of refused adoptions, `CutDone` of adopted turns that were
 * cut, then for each lane `Started` where it is told again, marks and rows, `Ended`. A host whose engine is broken still hands over what it holds, and says
 * `Fault{sid, engine_lost}` behind `Opened`.
 */
import { assert, isRandomId, isReticleError, ReticleError, wireDuration } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Adopt } from '@reticle/proto/gen/engine/v1/Adopt';
import type { AdoptedTurn__Input } from '@reticle/proto/gen/engine/v1/AdoptedTurn';
import type { LinkResponse__Input } from '@reticle/proto/gen/engine/v1/LinkResponse';
import type { Open } from '@reticle/proto/gen/engine/v1/Open';
import { ServiceTier } from '@reticle/proto/gen/session/v1/ServiceTier';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { Parkable } from '../contract.ts';
import type { HostState } from './host-state.ts';
import { retellCut } from './cut-control.ts';
import { checkLane, forgetLanes, hostLane, rebindLane } from './lanes.ts';
import type { LinkChannel } from './link-channel.ts';
import { durationOr, faultMessage } from './messages.ts';
import { prefill } from './prefill.ts';
import { announceRecord, sendTranscript } from './records.ts';
import { Session, type Attachment } from './session.ts';
import { finish, halt, pause, relieve, unpause } from './turn-lifecycle.ts';
import { PauseReason, type Turn } from './turn.ts';

const RETRY_MS = 1_000;
/** A session is moved in about the time that its records take to arrive. */
const MOVING_RETRY_MS = 100;

/** Gives the session to this link, with a new epoch, and moves its turns here. Throws `ReticleError`. */
export function openSession(host: HostState, channel: LinkChannel, open: Open): void {
  forgetOutlived(host, open);
  const isKnown = host.sessions.has(open.sessionId);
  const session = claim(host, channel, open);
  const { sid } = open;
  const previousGateway = session.gatewayId;
  session.gatewayId = channel.gatewayId;
  attach(host, session, { sid, channel, session });
  const faults: LinkResponse__Input[] = [];
  const turns = adoptAll(session, open, (adopt, error) => faults.push(faultMessage({ sid, lane: adopt.lane }, error)));
  if (open.wantTranscript && isKnown) sendTranscript(channel, sid, session);
  host.failpoint('engine.opened');
  const { epoch, contextTokens, lastClientSeq } = session;
  const idleTtl = wireDuration(session.idleTtlMs);
  channel.control({ opened: { sid, epoch, kvTokens: contextTokens, turns, lastClientSeq, previousGateway, idleTtl } });
  if (!isKnown) receive(host, { sid, channel, session }, open);
  for (const fault of faults) channel.control(fault);
  // Records have the answers of their turns.
  if (!open.wantTranscript) for (const { turnId } of turns) retold(session, turnId);
  for (const turn of session.liveTurns()) relieve(host, turn);
  if (host.condition === 'failed') channel.control(faultMessage({ sid }, host.refusal()));
  host.changed();
}

/** A session that comes from another engine has its prefix from the first moment, or it is not here at all. */
function receive(host: HostState, attachment: Attachment, { root, records, lastClientSeq }: Open): void {
  attachment.session.noteClientSeq(lastClientSeq);
  attachment.session.handed.expect(records);
  if (root.length === 0) return;
  const { sid, session } = attachment;
  const request = {
    sid,
    op: 0,
    parentTurnId: '',
    keepTokens: 0,
    append: root,
    draftId: '',
    revision: 0,
    discard: false,
  };
  prefill(host, attachment, request, () => drop(host, session));
}

/** The session of an `Open`, with its new epoch; the attachment before it is told. */
function claim(host: HostState, channel: LinkChannel, open: Open): Session {
  if (channel.sids.has(open.sid)) throw new ReticleError('session_already_open', 'the sid is in use', { param: 'sid' });
  const known = host.sessions.get(open.sessionId);
  if (open.wantTranscript) checkTakeover(known, open);
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
  session.idleTtlMs = Math.min(durationOr(open.idleTtl, session.idleTtlMs), limits.idleTtlMsMax);
  session.graceMs = durationOr(open.detachGrace, defaultGraceMs(open.tier));
  return session;
}

/** Who takes a session over wants what there is of it; a fresh one under its name would pass for it later. */
function checkTakeover(known: Session | undefined, { tenant }: Open): void {
  if (known?.tenant !== tenant) throw new ReticleError('session_not_found', 'no such session');
  if (known.handed.isWhole) return;
  throw new ReticleError('engine_lost', 'the session is just being moved here', { retryAfterMs: MOVING_RETRY_MS });
}

/**
 * Epochs come from hosts, so a `min_epoch` that is more than one step ahead has seen a later epoch at another engine:
 * what is held here has been outlived there, its turns may have ended otherwise, and nothing may continue from it.
 */
function forgetOutlived(host: HostState, { sessionId, tenant, minEpoch }: Open): void {
  const known = host.sessions.get(sessionId);
  if (known === undefined || known.tenant !== tenant || minEpoch <= known.epoch + 1) return;
  host.observer.count('session_outlived');
  supersede(known, minEpoch);
  drop(host, known);
}

export function staleEpoch(session: Session): ReticleError {
  return new ReticleError('epoch_stale', `another gateway holds the session at epoch ${session.epoch}`);
}

function newSession(host: HostState, open: Open): Session {
  const { sessionId, tenant, holder } = open;
  if (!isRandomId(sessionId)) throw new ReticleError('invalid_request', 'not a session id', { param: 'session_id' });
  if (host.condition !== 'ready') throw host.refusal();
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
  session.parked = false;
  for (const turn of session.liveTurns()) unpause(host, turn, PauseReason.detached);
}

function adoptAll(
  session: Session,
  { adopt: adopts, wantTranscript }: Open,
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
  for (const turn of session.turns.values()) {
    if (named.has(turn.turnId)) continue;
    if (wantTranscript && isHeld(turn)) turns.push(adoptHeld(session, turn));
    else if (!wantTranscript && turn.live) turns.push(adoptUnnamed(session, turn));
  }
  return turns;
}

/** A gateway that takes the session over can read the turn here. */
function isHeld(turn: Turn): boolean {
  return !turn.isReplay && (turn.live || turn.ledger.ringBytes > 0);
}

function retold(session: Session, turnId: string | undefined): void {
  const turn = turnId === undefined ? undefined : session.turns.get(turnId);
  if (turn !== undefined) retellCut(turn);
}

function adoptTurn(session: Session, { lane, turnId, nextOffset, creditTokens }: Adopt): AdoptedTurn__Input {
  const turn = session.turns.get(turnId);
  if (turn === undefined) throw new ReticleError('turn_not_found', 'no such turn', { param: 'turn_id' });
  checkLane(inForce(session).channel, lane);
  return adopted(turn, rebindLane(session, turn, { lane, next: nextOffset, credit: creditTokens }));
}

/**
 * A live turn that the gateway does not know of, since it came by signal, runs on: its record, then a lane of the
 * host's from what its client last acknowledged.
 */
function adoptUnnamed(session: Session, turn: Turn): AdoptedTurn__Input {
  const { channel, sid } = inForce(session);
  announceRecord(channel, sid, turn);
  const target = { lane: hostLane(channel), next: turn.ledger.acknowledged, credit: 0 };
  return adopted(turn, rebindLane(session, turn, target));
}

/** A turn for a gateway that knows the session from its records alone: all that the ring holds. */
function adoptHeld(session: Session, turn: Turn): AdoptedTurn__Input {
  const target = { lane: hostLane(inForce(session).channel), next: turn.ledger.base, credit: 0, retell: true };
  return adopted(turn, rebindLane(session, turn, target));
}

function inForce({ attachment }: Session): Attachment {
  assert(attachment !== undefined, 'turns are adopted by the attachment in force');
  return attachment;
}

/** For `Opened`, which names the lane. */
function adopted(turn: Turn, replayFrom: number): AdoptedTurn__Input {
  turn.laneTold = true;
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
  if (!session.handed.isWhole) {
    // Half of a session is none: whoever comes for it is told that it is gone.
    drop(host, session);
    return;
  }
  const nowMs = host.clock.nowMs();
  session.attachment = undefined;
  session.detachedMs = nowMs;
  for (const turn of session.turns.values()) {
    if (turn.channel !== undefined && turn.final !== undefined) turn.keepUntilMs = nowMs + limits.ringKeepMs;
    turn.channel = undefined;
  }
  if (graceMs <= 0) park(host, session);
  else session.cancelGrace = host.clock.after(graceMs, () => park(host, session));
  host.changed();
}

/** Nobody came back: streams pause, and the KV of all that the session holds may leave the wafer. */
function park(host: HostState, session: Session): void {
  session.parked = true;
  for (const turn of session.liveTurns()) pause(host, turn, PauseReason.detached);
  if (host.condition !== 'failed') for (const subject of parkables(session)) host.driver.park(subject);
  host.changed();
}

function* parkables({ root, prefixes, turns }: Session): Iterable<Parkable> {
  for (const { phase, stream, final } of turns.values()) {
    if (phase === 'decoding') yield { stream };
    else if (final?.context !== undefined) yield { context: final.context };
  }
  for (const { context, waiting } of [root, ...prefixes.values()])
    if (context !== 0 && waiting === undefined) yield { context };
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
