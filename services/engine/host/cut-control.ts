/**
 * Controls of a turn: cut, redirect, their receipts (PROTOCOL §1.1 R2–R4, S5).
 *
 * | turn when the control arrives | answer                                                              |
 * |-------------------------------|---------------------------------------------------------------------|
 * | known signal id               | the stored answer, verbatim                                         |
 * | done                          | ALREADY_ENDED, E = end                                              |
 * | made again, its end was told  | the same                                                            |
 * | an item-boundary cut pends    | applies at once; the pending one gets ALREADY_ENDED with the same E |
 * | item-boundary, an item open   | PENDING, later the final answer                                     |
 * | halting for a cut             | ALREADY_ENDED with the same E, once that cut is done                |
 * | any other                     | halt at the step border, then APPLIED                               |
 *
 * Order on the lane: CutDone, rows below E still due, Ended, then the successor's Started.
 *
 * A control comes in band, on the turn's lane, or by signal (PROTOCOL R9); both take the same way from `decide` on.
 * Everyone who asked gets the one answer, and an applied cut always reaches the lane, whoever asked for it.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Cut } from '@reticle/proto/gen/engine/v1/Cut';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import type { Transcript } from '@reticle/proto/gen/engine/v1/Transcript';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { Truncation } from '../contract.ts';
import { cutOffset, type CutMode } from './cut.ts';
import type { HostState } from './host-state.ts';
import { checkLane, hostLane } from './lanes.ts';
import type { LinkChannel } from './link-channel.ts';
import { cutModeOf, faultMessage, kvActions, turnError } from './messages.ts';
import type { Attachment, Session } from './session.ts';
import { finish, halt } from './turn-lifecycle.ts';
import { startTurn } from './turn-start.ts';
import type { ControlAsked, ControlReply, CutRequest, Turn } from './turn.ts';

/** A control that came by signal, checked but for its turn. */
export type SignalOrder = {
  readonly signalId: string;
  readonly mode: CutMode;
  readonly requested: number | undefined;
  /** Its lane has no meaning: the turn gets one of the host's on the owner's link (PROTOCOL S3). */
  readonly successor: Start | undefined;
};

/**
 * Takes a control that came by signal and has no answer yet. `reply` hears the answer once: at once for a turn that
 * has ended, for `PENDING` and for a refusal; else when the running step ends.
 */
export function signalCut(host: HostState, turn: Turn, order: SignalOrder, reply: ControlReply): void {
  const { signalId, mode, requested, successor } = order;
  const open = openRequest(turn, signalId);
  if (open !== undefined) {
    open.asked.replies.push(reply);
    return;
  }
  const refusal = refusedSuccessor(turn, successor, undefined);
  if (refusal !== undefined) {
    reply(refusedDone(host, turn, { lane: turn.lane, signalId }), refusal.code);
    return;
  }
  const { acknowledged } = turn.ledger;
  const asked: ControlAsked = { inBand: false, replies: [reply] };
  decide(host, turn, { signalId, mode, requested, acknowledged, channel: undefined, successor, asked });
}

/** The answer that a control has got, final or pending, for its repeats (PROTOCOL S5). */
export function knownAnswer(session: Session, turnId: string, signalId: string): CutDone__Input | undefined {
  return session.acks.get(ackKey(turnId, signalId));
}

/** A record that a gateway hands over; the answers in it are this host's too. */
export function takeRecord(session: Session, message: Transcript): void {
  for (const done of session.handed.take(message)) {
    if (done.signalId !== '') session.acks.set(ackKey(message.turnId, done.signalId), done);
  }
}

/** Of a turn that was cut while nobody was attached: the gateway that asked comes back and has heard nothing. */
export function retellCut(turn: Turn): void {
  const answers = turn.session.acks.of(turn.turnId);
  const applied = answers.find(({ outcome }) => outcome === ControlOutcome.CONTROL_OUTCOME_APPLIED);
  if (applied !== undefined) tell(turn, { ...applied, lane: turn.lane });
}

/** Takes a control for a turn whose attachment is in force. `repeatStart` repeats `Started` of a known successor. */
export function requestCut(host: HostState, turn: Turn, cut: Cut, repeatStart: (start: Start) => void): void {
  const { session } = turn;
  session.noteClientSeq(cut.clientSeq);
  const known = knownAnswer(session, turn.turnId, cut.signalId);
  const open = openRequest(turn, cut.signalId);
  if (open !== undefined) askedAgain(turn, open, cut);
  if (known !== undefined) {
    tell(turn, { ...known, lane: cut.lane });
    if (cut.successor !== null) repeatSuccessor(turn, known, cut.successor, repeatStart);
    return;
  }
  if (open !== undefined) return;
  const mode = cutModeOf(cut.mode);
  const refusal =
    mode === undefined
      ? invalid('unknown cut mode', 'mode')
      : refusedSuccessor(turn, cut.successor ?? undefined, turn.channel);
  if (mode === undefined || refusal !== undefined) {
    refuse(host, turn, cut, refusal);
    return;
  }
  decide(host, turn, requestOf(turn, cut, mode));
}

/** A copy in band brings its successor on the lane that its gateway listens to now; the one before is nobody's. */
function askedAgain(turn: Turn, open: CutRequest, { successor }: Cut): void {
  open.asked.inBand = true;
  if (successor === null || successor.turnId !== open.successor?.turnId) return;
  open.channel = turn.channel;
  open.successor = successor;
}

/** A repeated redirect brings its successor again, on a lane of its own: it runs, it is to come, or it never will. */
function repeatSuccessor(
  turn: Turn,
  { outcome }: CutDone__Input,
  successor: Start,
  repeatStart: (start: Start) => void,
): void {
  if (turn.session.turns.has(successor.turnId)) repeatStart(successor);
  else if (outcome !== ControlOutcome.CONTROL_OUTCOME_PENDING) {
    tellFailed(turn.channel, successor.lane, new ReticleError('turn_stale', 'the turn to redirect has already ended'));
  }
}

function requestOf(turn: Turn, cut: Cut, mode: CutMode): CutRequest {
  return {
    signalId: cut.signalId,
    mode,
    requested: cut.keepThroughOffset,
    acknowledged: turn.ledger.acknowledged,
    channel: turn.channel,
    successor: cut.successor ?? undefined,
    asked: { inBand: true, replies: [] },
  };
}

function decide(host: HostState, turn: Turn, request: CutRequest): void {
  // A cut without an id is its gateway's own: it makes the context of that end.
  if (turn.final !== undefined || (turn.settled !== undefined && request.signalId !== '')) {
    answerEnded(host, turn, request);
    return;
  }
  if (turn.cut !== undefined) {
    turn.followers.push(request);
    return;
  }
  if (turn.pending !== undefined) {
    turn.followers.push(turn.pending);
    turn.pending = undefined;
    begin(host, turn, { ...request, boundary: 'now' });
    return;
  }
  const open = turn.phase === 'decoding' ? turn.marks.openAt(turn.ledger.generated) : undefined;
  if (request.mode === 'at-item-boundary' && open !== undefined) {
    turn.pending = { ...request, itemIndex: open.itemIndex };
    answer(host, turn, request, { outcome: ControlOutcome.CONTROL_OUTCOME_PENDING, offset: 0 });
    return;
  }
  begin(host, turn, { ...request, boundary: 'now' });
}

function begin(host: HostState, turn: Turn, request: CutRequest): void {
  turn.cut = request;
  halt(host, turn, 'cut');
}

/** An item has closed at `offset`: the control that waited for it takes effect there. */
export function itemClosed(host: HostState, turn: Turn, itemIndex: number, offset: number): void {
  const { pending } = turn;
  if (pending === undefined || pending.itemIndex !== itemIndex || turn.phase !== 'decoding') return;
  turn.pending = undefined;
  begin(host, turn, { ...pending, boundary: offset });
}

/** The stream has stopped at `generated` and a cut asked for it. */
export function settleCut(host: HostState, turn: Turn, generated: number): void {
  const request = turn.cut as CutRequest;
  const facts = { ...request, generated, openItemAt: turn.marks.openAt(generated)?.atOffset };
  // Before it has started a turn has its forced tokens alone, none for most.
  const offset = cutOffset(facts) as number;
  const redirected = request.successor !== undefined;
  const status = redirected ? TurnStatus.TURN_STATUS_REDIRECTED : TurnStatus.TURN_STATUS_INTERRUPTED;
  const ending = { status, endOffset: offset, finishReason: redirected ? 'redirected' : 'interrupted' };
  const truncation = finish(host, turn, ending);
  host.failpoint('engine.cut-stored');
  answer(host, turn, request, {
    outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED,
    offset,
    ...(truncation === undefined ? {} : { truncation }),
  });
  settleFollowers(host, turn);
  host.flush();
  if (request.successor !== undefined)
    startSuccessor(host, turn, { channel: request.channel, start: request.successor });
}

/** The turn ended without a cut: every control that waits learns its end. */
export function settleUncut(host: HostState, turn: Turn): void {
  if (turn.cut !== undefined) turn.followers.unshift(turn.cut);
  if (turn.pending !== undefined) turn.followers.push(turn.pending);
  turn.cut = undefined;
  turn.pending = undefined;
  settleFollowers(host, turn);
}

function settleFollowers(host: HostState, turn: Turn): void {
  for (const follower of turn.followers) answerEnded(host, turn, follower);
  turn.followers.length = 0;
}

/** ALREADY_ENDED is a no-op (S6): a successor that came with it does not start. */
function answerEnded(host: HostState, turn: Turn, request: CutRequest): void {
  const offset = turn.final?.endOffset ?? turn.settled?.endOffset ?? 0;
  const outcome = ControlOutcome.CONTROL_OUTCOME_ALREADY_ENDED;
  const { successor, asked } = request;
  answer(host, turn, request, { outcome, offset });
  if (successor === undefined || !asked.inBand) return;
  tellFailed(turn.channel, successor.lane, new ReticleError('turn_stale', 'the turn to redirect has already ended'));
}

type Successor = { readonly channel: LinkChannel | undefined; readonly start: Start };

/**
 * A successor whose link is gone meanwhile, or that came by signal, gets a lane of the host's on the link in force
 * (PROTOCOL E2); `startTurn` sends its record first, since that gateway has never heard of it.
 */
function startSuccessor(host: HostState, turn: Turn, { channel, start }: Successor): void {
  const { session } = turn;
  if (session.dropped) return;
  session.noteClientSeq(start.clientSeq);
  const { attachment } = session;
  const moved = attachment !== undefined && attachment.channel !== channel;
  const lane = moved ? hostLane(attachment.channel) : start.lane;
  try {
    if (attachment !== undefined && !moved) checkLane(attachment.channel, lane);
    startTurn({ host, session, start, lane, successorOf: turn });
  } catch (error) {
    if (!isReticleError(error)) throw error;
    if (moved) tellNeverStarted(attachment, start, error);
    else tellFailed(attachment?.channel, lane, error);
  }
}

/** To a gateway that does not know the turn: its record, which is all there will ever be of it. */
function tellNeverStarted({ channel, sid }: Attachment, start: Start, error: ReticleError): void {
  const ended = { status: TurnStatus.TURN_STATUS_FAILED, error: turnError(error) };
  channel.control({ transcript: { sid, turnId: start.turnId, start: { ...start, sid, lane: 0 }, ended, last: true } });
}

/** A lane whose turn never came to be. */
export function tellFailed(channel: LinkChannel | undefined, lane: number, error: ReticleError): void {
  // Told once: a repeated redirect brings its lane again.
  if (channel?.failedLanes.has(lane) === true) return;
  channel?.failedLanes.add(lane);
  channel?.control({ ended: { lane, status: TurnStatus.TURN_STATUS_FAILED, error: turnError(error) } });
}

type Answer = {
  readonly outcome: ControlOutcome;
  readonly offset: number;
  readonly truncation?: Truncation;
};

/** Tells the answer to everyone who asked and keeps it for repeats. */
function answer(host: HostState, turn: Turn, request: CutRequest, given: Answer): void {
  const { outcome, offset, truncation } = given;
  const { signalId, asked } = request;
  const done: CutDone__Input = {
    lane: turn.lane,
    signalId,
    outcome,
    effectiveOffset: offset,
    generatedOffset: turn.generatedOffset,
    kvAction: truncation === undefined ? KvAction.KV_ACTION_NONE : kvActions[truncation.kvAction],
    kvKeptTokens: truncation?.kvKeptTokens ?? 0,
    micros: host.nowMicros(),
  };
  if (signalId !== '') turn.session.acks.set(ackKey(turn.turnId, signalId), done);
  if (asked.inBand || outcome === ControlOutcome.CONTROL_OUTCOME_APPLIED) tell(turn, done);
  for (const reply of asked.replies.splice(0)) reply(done);
}

function tell(turn: Turn, cutDone: CutDone__Input): void {
  turn.channel?.control({ cutDone });
}

function ackKey(turnId: string, signalId: string): string {
  return `${turnId} ${signalId}`;
}

/** The control of this id whose final answer is still to come. */
function openRequest(turn: Turn, signalId: string): CutRequest | undefined {
  if (signalId === '') return undefined;
  const mine = (request: CutRequest | undefined): boolean => request?.signalId === signalId;
  if (mine(turn.cut)) return turn.cut;
  return mine(turn.pending) ? turn.pending : turn.followers.find(mine);
}

/** `channel` is the link whose lane the successor names; absent when it gets one of the host's. */
function refusedSuccessor(
  turn: Turn,
  successor: Start | undefined,
  channel: LinkChannel | undefined,
): ReticleError | undefined {
  if (successor === undefined) return undefined;
  if (successor.parentTurnId !== '' && successor.parentTurnId !== turn.turnId)
    return invalid('a successor continues the turn it cuts', 'successor.parent_turn_id');
  if (turn.session.isTaken(successor.turnId))
    return new ReticleError('idempotency_conflict', 'the successor is another turn already', {
      param: 'successor.turn_id',
    });
  if (channel === undefined) return undefined;
  try {
    checkLane(channel, successor.lane);
  } catch (error) {
    if (isReticleError(error)) return error;
    throw error;
  }
  return undefined;
}

/** A refused control changes nothing; the reason goes beside the receipt, which has no place for it. */
function refuse(host: HostState, turn: Turn, cut: Cut, error = invalid('unknown cut mode', 'mode')): void {
  const { lane, signalId } = cut;
  tell(turn, refusedDone(host, turn, { lane, signalId }));
  const sid = turn.session.attachment?.sid ?? 0;
  turn.channel?.control(faultMessage({ sid, lane }, error));
}

function refusedDone(host: HostState, turn: Turn, names: { lane: number; signalId: string }): CutDone__Input {
  const outcome = ControlOutcome.CONTROL_OUTCOME_REFUSED;
  const generatedOffset = turn.ledger.generated;
  return { ...names, outcome, generatedOffset, kvAction: KvAction.KV_ACTION_NONE, micros: host.nowMicros() };
}

function invalid(text: string, param: string): ReticleError {
  return new ReticleError('invalid_request', text, { param });
}
