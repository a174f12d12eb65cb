/**
 * Records: what made each context of a session, and what it came to, so that another gateway can go on with the
 * session and another engine can make it again (PROTOCOL E6, §7; engine.proto `Transcript`).
 *
 * Contexts come in the order in which they were asked for, so parents precede children; the root comes first, also an
 * empty one, so that a gateway can tell a session that is known from one that its Open has made. Handles of another link mean nothing, so every lane in a record is 0.
 */
import { limits } from '@reticle/proto/contract';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { isHostLane } from './lanes.ts';
import type { LinkChannel } from './link-channel.ts';
import { endedMessage, startedMessage, wireMark } from './messages.ts';
import type { PrefixNode, Session } from './session.ts';
import { Turn } from './turn.ts';

/** Sends the record of every context of the session that exists or runs, or that one of those stems from. */
export function sendTranscript(channel: LinkChannel, sid: number, session: Session): void {
  // What the gateway before has been making again is not there yet: it is told as it was handed over, with its end.
  const cold = session.handed.messages((name) => session.isTaken(name) && session.turns.get(name)?.isReplay !== true);
  for (const message of cold) channel.control({ transcript: { ...message, sid, cold: true } });
  for (const node of session.lineage()) {
    if (node instanceof Turn) {
      if (!node.isReplay) sendTurn(channel, sid, node);
    } else sendPrefix(channel, sid, node);
  }
}

/**
 * Sends the record of a turn that the gateway has not asked for, once per `Open`: of one that came by signal, behind
 * those of its parents that came the same way.
 */
export function announceRecord(channel: LinkChannel, sid: number, turn: Turn): void {
  const unknown: Turn[] = [];
  const { attachment, turns } = turn.session;
  for (let at: Turn | undefined = turn; at !== undefined; at = turns.get(at.parentName)) {
    const told = attachment !== undefined && at.recordedFor === attachment;
    if (told || (at !== turn && knownToGateways(at))) break;
    unknown.push(at);
  }
  for (const each of unknown.reverse()) sendTurn(channel, sid, each);
}

/** Sends the record of a prefix whose result the gateway that asked for it cannot hear any more. */
export function announcePrefix(channel: LinkChannel, sid: number, node: PrefixNode): void {
  sendPrefix(channel, sid, node);
}

/** Sends the record, with its end, of a turn that no lane can tell about: it ended before it started. */
export function announceEnd(channel: LinkChannel, turn: Turn): void {
  const { attachment } = turn.session;
  if (attachment?.channel === channel) sendTurn(channel, attachment.sid, turn);
}

/** A gateway has named the turn: its start or its adoption came from one. */
function knownToGateways(turn: Turn): boolean {
  return turn.lanes.some(({ lane }) => !isHostLane(lane));
}

function sendPrefix(channel: LinkChannel, sid: number, { name, request, result }: PrefixNode): void {
  if (request === undefined) {
    if (name === '') channel.control({ transcript: { sid, turnId: '', last: true } });
    return;
  }
  const { op } = request;
  channel.control({
    transcript: {
      sid,
      turnId: name,
      last: true,
      prefill: { ...request, sid },
      ...(result === undefined ? {} : { prefilled: { sid, op, ...result } }),
    },
  });
}

function sendTurn(channel: LinkChannel, sid: number, turn: Turn): void {
  turn.recordedFor = turn.session.attachment;
  const { turnId, ids } = turn;
  let first = 0;
  do {
    const end = Math.min(ids.length, first + limits.transcriptIdsMax);
    const head = first === 0 ? headOf(sid, turn) : {};
    const last = end === ids.length;
    channel.control({
      transcript: { sid, turnId, firstPosition: first, tokenIds: ids.slice(first, end), last, ...head },
    });
    first = end;
  } while (first < ids.length);
}

function headOf(sid: number, turn: Turn): Transcript__Input {
  const { turnId, started, final, ledger, marks, settled } = turn;
  const generatedOffset = final?.generated ?? ledger.generated;
  return {
    start: { ...(settled?.start ?? turn.start), sid, lane: 0, forcedTokenIds: [] },
    ...(started === undefined ? {} : { started: { ...startedMessage(turn, started).started, sid, lane: 0 } }),
    ...(final === undefined ? {} : { ended: { ...endedMessage(turn, final).ended, lane: 0 } }),
    generatedOffset,
    items: marks.within(ledger.generated).map((mark) => wireMark(turnId, mark)),
    cuts: cutsOf(turn),
  };
}

/** A control that still waits for its item to close has no final answer yet. */
function cutsOf({ turnId, session }: Turn): CutDone__Input[] {
  const answers = session.acks.of(turnId);
  const final = answers.filter(({ outcome }) => outcome !== ControlOutcome.CONTROL_OUTCOME_PENDING);
  return final.map((cutDone) => ({ ...cutDone, lane: 0 }));
}
