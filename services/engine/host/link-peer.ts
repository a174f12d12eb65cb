/**
 * One link's requests: the handshake, then dispatch (PROTOCOL E2). A refusal is a `Fault` naming its session,
 * lane or operation; nothing but the handshake closes a link.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Credit } from '@reticle/proto/gen/engine/v1/Credit';
import type { Cut } from '@reticle/proto/gen/engine/v1/Cut';
import type { Hello } from '@reticle/proto/gen/engine/v1/Hello';
import type { Open } from '@reticle/proto/gen/engine/v1/Open';
import type { LinkRequest } from '@reticle/proto/gen/engine/v1/LinkRequest';
import type { Release } from '@reticle/proto/gen/engine/v1/Release';
import { ReleaseMode } from '@reticle/proto/gen/engine/v1/ReleaseMode';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { readSignalKeys } from '@reticle/services/bus/signals';
import { detach, drop, openSession, staleEpoch } from './attachments.ts';
import { requestCut, takeRecord, tellFailed } from './cut-control.ts';
import type { HostState } from './host-state.ts';
import { checkLane, rebindLane } from './lanes.ts';
import type { LaneBinding, LinkChannel } from './link-channel.ts';
import { faultMessage, startedMessage } from './messages.ts';
import type { HostCount } from './ports.ts';
import { prefill } from './prefill.ts';
import type { Attachment } from './session.ts';
import { relieve } from './turn-lifecycle.ts';
import { startTurn } from './turn-start.ts';
import type { Turn } from './turn.ts';

/** Versions of the link that this host speaks; both sides use the lower one. */
const PROTOCOL = 1;

/** What the dispatcher needs of the host beyond its state. */
export type PeerPort = {
  readonly host: HostState;
  readonly channel: LinkChannel;
  readonly welcome: () => void;
  readonly fence: () => void;
};

export function handleRequest(port: PeerPort, request: LinkRequest): void {
  const { host, channel } = port;
  if (request.hello) greet(port, request.hello);
  else if (!channel.welcomed) refuseLink(port, 'link_refused_protocol', 'the first message is Hello');
  else if (request.credit) credit(host, channel, request.credit);
  else if (request.cut) cut(host, channel, request.cut);
  else if (request.ping) channel.control({ pong: { nonce: request.ping.nonce, step: host.progressNow() } });
  else handleWork(host, channel, request);
}

function handleWork(host: HostState, channel: LinkChannel, request: LinkRequest): void {
  const { open, start, prefill: work, release: letGo, record } = request;
  if (open)
    guarded(channel, { sid: open.sid, epoch: epochOf(host, open.sessionId) }, () => openWithKeys(host, channel, open));
  else if (start) startOn(host, channel, start);
  else if (work) withSession(channel, { sid: work.sid, op: work.op }, (attachment) => prefill(host, attachment, work));
  else if (letGo) release(host, channel, letGo);
  else if (record) withSession(channel, { sid: record.sid }, ({ session }) => takeRecord(session, record));
  else host.observer.count('unknown_message');
}

/** Keys of an earlier Open stay when this one brings none. */
function openWithKeys(host: HostState, channel: LinkChannel, open: Open): void {
  const keys = readSignalKeys(open.signalKey);
  if (keys === undefined) throw new ReticleError('invalid_request', 'no signal keys', { param: 'signal_key' });
  openSession(host, channel, open);
  const session = host.sessions.get(open.sessionId);
  if (session === undefined) return;
  session.tier = open.tier;
  if (keys.length > 0) session.signalKeys = keys;
}

/** The epoch to tell with a refused Open; nothing of a session that the caller may not know shows in it. */
function epochOf(host: HostState, sessionId: string): () => number {
  return () => host.sessions.get(sessionId)?.epoch ?? 0;
}

function greet(port: PeerPort, hello: Hello): void {
  const { host, channel } = port;
  const { region, replicaEpoch } = host.identity;
  if (channel.welcomed || hello.protocol < 1)
    refuseLink(port, 'link_refused_protocol', 'protocol 1 begins with one Hello');
  else if (hello.region !== region) refuseLink(port, 'link_refused_region', 'the engine is in another region');
  else if (hello.wantModelDigest !== '' && hello.wantModelDigest !== host.driver.model.modelDigest)
    refuseLink(port, 'link_refused_digest', 'the engine serves another model digest');
  else if (hello.minReplicaEpoch > replicaEpoch) {
    port.fence();
    refuseLink(port, 'link_refused_epoch', 'a later replica has taken over');
  } else if (host.condition === 'fenced') refuseLink(port, 'link_refused_epoch', 'the engine is fenced');
  else {
    channel.welcomed = true;
    channel.gatewayId = hello.gatewayId;
    port.welcome();
  }
}

/** The link's protocol number for `Welcome`. */
export function spokenProtocol(): number {
  return PROTOCOL;
}

function refuseLink({ host, channel }: PeerPort, count: HostCount, text: string): void {
  host.observer.count(count);
  const code = count === 'link_refused_epoch' ? 'epoch_stale' : 'invalid_request';
  channel.control(faultMessage({}, new ReticleError(code, text)));
  channel.close(text);
}

type Subject = {
  readonly sid?: number;
  readonly lane?: number;
  readonly op?: number;
  /** Asked when the refusal is `epoch_stale`. */
  readonly epoch?: () => number;
};

function guarded(channel: LinkChannel, subject: Subject, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isReticleError(error)) throw error;
    const { epoch, ...rest } = subject;
    const told = error.code === 'epoch_stale' && epoch !== undefined ? { epoch: epoch() } : {};
    channel.control(faultMessage({ ...rest, ...told }, error));
  }
}

/** Runs work for a sid that is in force on this link; anything else is refused. */
function withSession(
  channel: LinkChannel,
  subject: Subject & { sid: number },
  work: (attachment: Attachment) => void,
): void {
  const attachment = channel.sids.get(subject.sid);
  guarded(channel, { ...subject, epoch: () => attachment?.session.epoch ?? 0 }, () => {
    if (attachment === undefined) throw new ReticleError('session_not_open', 'no session is open under that sid');
    if (attachment.session.attachment !== attachment) throw staleEpoch(attachment.session);
    work(attachment);
  });
}

function startOn(host: HostState, channel: LinkChannel, start: Start): void {
  const { sid, lane } = start;
  withSession(channel, { sid, lane }, ({ session }) => {
    session.noteClientSeq(start.clientSeq);
    const known = session.turns.get(start.turnId);
    if (known !== undefined) {
      repeatStart(channel, known, start);
      return;
    }
    checkLane(channel, lane);
    startTurn({ host, session, start, lane });
  });
}

/** Idempotency by turn id: the same lane hears `Started` again, another one replays the turn. */
function repeatStart(channel: LinkChannel, turn: Turn, start: Start): void {
  const { lane, creditTokens } = start;
  if (turn.channel === channel && turn.lane === lane) {
    if (turn.started !== undefined && turn.startedTold) channel.control(startedMessage(turn, turn.started));
    if (turn.endedTold) turn.endedTold = false;
    channel.touch(turn);
    return;
  }
  checkLane(channel, lane);
  rebindLane(turn.session, turn, { lane, next: start.forcedTokenIds.length, credit: creditTokens });
  turn.startedTold = false;
}

function cut(host: HostState, channel: LinkChannel, request: Cut): void {
  const { lane, signalId, successor } = request;
  const binding = channel.lanes.get(lane);
  if (binding === undefined) {
    const outcome = ControlOutcome.CONTROL_OUTCOME_NOT_FOUND;
    channel.control({
      cutDone: { lane, signalId, outcome, kvAction: KvAction.KV_ACTION_NONE, micros: host.nowMicros() },
    });
    if (successor !== null) tellFailed(channel, successor.lane, new ReticleError('turn_not_found', 'no such turn'));
    return;
  }
  inForce(host, channel, { lane, binding }, ({ turn }) =>
    requestCut(host, turn, request, (start) => {
      const known = turn.session.turns.get(start.turnId);
      if (known !== undefined) guarded(channel, { lane: start.lane }, () => repeatStart(channel, known, start));
    }),
  );
}

type NamedBinding = { readonly lane: number; readonly binding: LaneBinding };

/** Runs work for a lane whose attachment is in force and which the turn has not left. */
function inForce(
  host: HostState,
  channel: LinkChannel,
  named: NamedBinding,
  work: (binding: LaneBinding) => void,
): void {
  const { lane, binding } = named;
  const { session, sid } = binding.attachment;
  if (session.attachment !== binding.attachment) {
    host.observer.count('epoch_stale');
    channel.control(faultMessage({ sid, lane, epoch: session.epoch }, staleEpoch(session)));
    return;
  }
  work(binding);
}

function credit(host: HostState, channel: LinkChannel, { lane: lanes, receivedThrough, creditTokens }: Credit): void {
  for (let index = 0; index < lanes.length; index++) {
    const lane = lanes[index] as number;
    const binding = channel.lanes.get(lane);
    if (binding === undefined) continue;
    const { turn, attachment } = binding;
    if (attachment.session.attachment !== attachment || turn.lane !== lane) continue;
    if (turn.ledger.flow(receivedThrough[index] ?? 0, creditTokens[index] ?? 0) === 'ok') relieve(host, turn);
    else {
      const error = new ReticleError('ack_out_of_range', 'the acknowledged offset was never sent');
      channel.control(faultMessage({ sid: attachment.sid, lane }, error));
    }
  }
}

function release(host: HostState, channel: LinkChannel, { sid, mode }: Release): void {
  const attachment = channel.sids.get(sid);
  if (attachment === undefined) return;
  const { session } = attachment;
  if (session.attachment !== attachment) {
    channel.sids.delete(sid);
    return;
  }
  if (mode === ReleaseMode.RELEASE_MODE_DROP) drop(host, session);
  else detach(host, attachment, mode === ReleaseMode.RELEASE_MODE_PARK ? 0 : session.graceMs);
}
