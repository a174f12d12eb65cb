/**
 * Controls of a turn: cut, redirect, their receipts (PROTOCOL §1.1 R2–R4, S5).
 *
 * | turn when the control arrives | answer                                                              |
 * |-------------------------------|---------------------------------------------------------------------|
 * | known signal id               | the stored answer, verbatim                                         |
 * | done                          | ALREADY_ENDED, E = end                                              |
 * | an item-boundary cut pends    | applies at once; the pending one gets ALREADY_ENDED with the same E |
 * | item-boundary, an item open   | PENDING, later the final answer                                     |
 * | halting for a cut             | ALREADY_ENDED with the same E, once that cut is done                |
 * | any other                     | halt at the step border, then APPLIED                               |
 *
 * Order on the lane: CutDone, rows below E still due, Ended, then the successor's Started.
 */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import type { Cut } from '@reticle/proto/gen/engine/v1/Cut';
import type { CutDone__Input } from '@reticle/proto/gen/engine/v1/CutDone';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { KvAction } from '@reticle/proto/gen/session/v1/KvAction';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { Truncation } from '../contract.ts';
import { cutOffset, type CutMode } from './cut.ts';
import type { HostState } from './host-state.ts';
import { checkLane, hostLane } from './lanes.ts';
import type { LinkChannel } from './link-channel.ts';
import { cutModeOf, faultMessage, kvActions, turnError } from './messages.ts';
import { finish, halt } from './turn-lifecycle.ts';
import { startTurn } from './turn-start.ts';
import type { CutRequest, Turn } from './turn.ts';

/** Takes a control for a turn whose attachment is in force. `repeatStart` repeats `Started` of a known successor. */
export function requestCut(host: HostState, turn: Turn, cut: Cut, repeatStart: (start: Start) => void): void {
  const { session } = turn;
  session.noteClientSeq(cut.clientSeq);
  const known = session.acks.get(ackKey(turn, cut.signalId));
  if (known !== undefined) {
    tell(turn, { ...known, lane: cut.lane });
    if (cut.successor !== null && session.turns.has(cut.successor.turnId)) repeatStart(cut.successor);
    return;
  }
  if (inFlight(turn, cut.signalId)) return;
  const mode = cutModeOf(cut.mode);
  const refusal = mode === undefined ? invalid('unknown cut mode', 'mode') : refusedSuccessor(turn, cut.successor);
  if (mode === undefined || refusal !== undefined) {
    refuse(host, turn, cut, refusal);
    return;
  }
  decide(host, turn, requestOf(turn, cut, mode));
}

function requestOf(turn: Turn, cut: Cut, mode: CutMode): CutRequest {
  return {
    signalId: cut.signalId,
    mode,
    requested: cut.keepThroughOffset,
    acknowledged: turn.ledger.acknowledged,
    channel: turn.channel,
    successor: cut.successor ?? undefined,
  };
}

function decide(host: HostState, turn: Turn, request: CutRequest): void {
  if (turn.final !== undefined) {
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
    const pending = answer(host, turn, request, { outcome: ControlOutcome.CONTROL_OUTCOME_PENDING, offset: 0 });
    remember(turn, request.signalId, pending);
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
  const offset = turn.started === undefined ? 0 : (cutOffset(facts) as number);
  const redirected = request.successor !== undefined;
  const status = redirected ? TurnStatus.TURN_STATUS_REDIRECTED : TurnStatus.TURN_STATUS_INTERRUPTED;
  const ending = { status, endOffset: offset, finishReason: redirected ? 'redirected' : 'interrupted' };
  const truncation = finish(host, turn, ending);
  const done = answer(host, turn, request, {
    outcome: ControlOutcome.CONTROL_OUTCOME_APPLIED,
    offset,
    ...(truncation === undefined ? {} : { truncation }),
  });
  remember(turn, request.signalId, done);
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
  const offset = turn.final?.endOffset ?? 0;
  const done = answer(host, turn, request, { outcome: ControlOutcome.CONTROL_OUTCOME_ALREADY_ENDED, offset });
  remember(turn, request.signalId, done);
  const { successor } = request;
  if (successor === undefined) return;
  tellFailed(turn.channel, successor.lane, new ReticleError('turn_stale', 'the turn to redirect has already ended'));
}

type Successor = { readonly channel: LinkChannel | undefined; readonly start: Start };

/** A successor whose link is gone meanwhile gets a lane of the host's on the new one (PROTOCOL E2). */
function startSuccessor(host: HostState, turn: Turn, { channel, start }: Successor): void {
  const { session } = turn;
  if (session.dropped) return;
  session.noteClientSeq(start.clientSeq);
  const attached = session.attachment?.channel;
  const moved = attached !== undefined && attached !== channel;
  const lane = moved ? hostLane(attached) : start.lane;
  try {
    if (attached !== undefined && !moved) checkLane(attached, lane);
    startTurn({ host, session, start, lane, successorOf: turn });
  } catch (error) {
    if (!isReticleError(error)) throw error;
    tellFailed(attached, lane, error);
  }
}

/** A lane whose turn never came to be. */
export function tellFailed(channel: LinkChannel | undefined, lane: number, error: ReticleError): void {
  channel?.control({ ended: { lane, status: TurnStatus.TURN_STATUS_FAILED, error: turnError(error) } });
}

type Answer = {
  readonly outcome: ControlOutcome;
  readonly offset: number;
  readonly truncation?: Truncation;
};

function answer(
  host: HostState,
  turn: Turn,
  request: CutRequest,
  { outcome, offset, truncation }: Answer,
): CutDone__Input {
  const done: CutDone__Input = {
    lane: turn.lane,
    signalId: request.signalId,
    outcome,
    effectiveOffset: offset,
    generatedOffset: turn.final?.generated ?? turn.ledger.generated,
    kvAction: truncation === undefined ? KvAction.KV_ACTION_NONE : kvActions[truncation.kvAction],
    kvKeptTokens: truncation?.kvKeptTokens ?? 0,
    micros: host.nowMicros(),
  };
  tell(turn, done);
  return done;
}

function tell(turn: Turn, cutDone: CutDone__Input): void {
  turn.channel?.control({ cutDone });
}

function remember(turn: Turn, signalId: string, done: CutDone__Input): void {
  if (signalId !== '') turn.session.acks.set(ackKey(turn, signalId), done);
}

function ackKey(turn: Turn, signalId: string): string {
  return `${turn.turnId} ${signalId}`;
}

/** True for a repeat of a control whose one answer is still to come. */
function inFlight(turn: Turn, signalId: string): boolean {
  if (signalId === '') return false;
  return turn.cut?.signalId === signalId || turn.followers.some((follower) => follower.signalId === signalId);
}

function refusedSuccessor(turn: Turn, successor: Start | null): ReticleError | undefined {
  if (successor === null) return undefined;
  if (successor.parentTurnId !== '' && successor.parentTurnId !== turn.turnId)
    return invalid('a successor continues the turn it cuts', 'successor.parent_turn_id');
  if (turn.session.turns.has(successor.turnId))
    return new ReticleError('idempotency_conflict', 'the successor is another turn already', {
      param: 'successor.turn_id',
    });
  if (turn.channel === undefined) return undefined;
  try {
    checkLane(turn.channel, successor.lane);
  } catch (error) {
    if (isReticleError(error)) return error;
    throw error;
  }
  return undefined;
}

/** A refused control changes nothing; the reason goes beside the receipt, which has no place for it. */
function refuse(host: HostState, turn: Turn, cut: Cut, error = invalid('unknown cut mode', 'mode')): void {
  const { lane, signalId } = cut;
  const generatedOffset = turn.ledger.generated;
  const outcome = ControlOutcome.CONTROL_OUTCOME_REFUSED;
  tell(turn, { lane, signalId, outcome, generatedOffset, kvAction: KvAction.KV_ACTION_NONE, micros: host.nowMicros() });
  const sid = turn.session.attachment?.sid ?? 0;
  turn.channel?.control(faultMessage({ sid, lane }, error));
}

function invalid(text: string, param: string): ReticleError {
  return new ReticleError('invalid_request', text, { param });
}
