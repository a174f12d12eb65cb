/**
 * `Start`: checks, the turn's record, its parent's context, its place on a lane.
 * A refusal leaves nothing behind; the caller tells it as `Fault` (a plain start) or as the successor's own
 * `Ended{FAILED}` (a redirect, PROTOCOL R3).
 */
import { isClientId, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { Start } from '@reticle/proto/gen/engine/v1/Start';
import { Continuation } from '@reticle/proto/gen/session/v1/Continuation';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { SamplingParams } from '../contract.ts';
import type { HostState } from './host-state.ts';
import { durationOr, engineInput, inputTokensMax, outputLength, samplingParams } from './messages.ts';
import type { PrefixNode, Session } from './session.ts';
import { bindLane, isHostLane } from './lanes.ts';
import { announceRecord } from './records.ts';
import { finish, halt, launch, type TurnWork } from './turn-lifecycle.ts';
import { Turn } from './turn.ts';
import { TurnLedger } from './turn-ledger.ts';

/** Delay told with `no_capacity`: about the time in which a slot of a busy engine comes free. */
const NO_CAPACITY_RETRY_MS = 1_000;

type Parent =
  | { readonly context: number; readonly generates: boolean; readonly waitFor?: undefined }
  | { readonly waitFor: PrefixNode };

export type StartOptions = {
  readonly host: HostState;
  readonly session: Session;
  readonly start: Start;
  /** Free on the attachment's link. */
  readonly lane: number;
  /** The turn that a redirect has cut: its slot is inherited and its context is the parent. */
  readonly successorOf?: Turn;
};

/** Starts a turn that the session does not know yet. Throws `ReticleError` when it is refused. */
export function startTurn({ host, session, start, lane, successorOf }: StartOptions): Turn {
  checkStart(host, session, start, successorOf !== undefined);
  const parent = parentOf(session, start, successorOf);
  const input = engineInput(start.input);
  const params = samplingParams(start.params, host.driver.capabilities);
  const forced = start.forcedTokenIds;
  if (parent.waitFor === undefined && successorOf === undefined) {
    const tokens = inputTokensMax(input) + forced.length;
    if (!host.driver.canStart({ parent: parent.context, inputTokensMax: tokens })) throw noCapacity();
  }
  const turn = admit({ host, session, start, lane, ...(successorOf === undefined ? {} : { successorOf }) });
  turn.continuation = continuationOf(params, forced.length, host.driver.capabilities.seededReplay);
  const maxDurationMs = durationOr(start.maxDuration, limits.turnDurationMsDefault);
  turn.cancelDuration = host.clock.after(maxDurationMs, () => {
    if (turn.haltCause === undefined) halt(host, turn, 'max_duration');
  });
  const work = {
    input,
    params,
    choice: start.params?.choice ?? 0,
    maxOutputTokens: start.maxOutputTokens || host.driver.capabilities.maxOutputTokens,
    outputLimited: start.maxOutputTokens > 0 && !start.outputUnlimited,
    ...outputLength(start.params),
    forced,
    successor: successorOf !== undefined,
    priority: start.priority,
  };
  run(host, turn, { parent, work });
  return turn;
}

/** The turn as the session knows it, on its lane; one that no gateway asked for on that lane is announced first. */
function admit({ host, session, start, lane, successorOf }: StartOptions): Turn {
  const ledger = new TurnLedger({
    startOffset: start.forcedTokenIds.length,
    creditTokens: start.creditTokens || session.creditTokens,
    ringTokens: host.ringTokens,
  });
  const parentTurnId = successorOf?.turnId ?? start.parentTurnId;
  const turn = new Turn({ session, start: { ...start, parentTurnId }, ledger, submittedMs: host.clock.nowMs() });
  if (turn.parentName === '') session.rootTaken = true;
  turn.predecessor = successorOf;
  const settled = session.handed.settledEnd(turn.turnId);
  turn.settled = settled;
  turn.contextOnly = settled?.ended !== undefined && start.forcedTokenIds.length >= settled.endOffset;
  session.turns.set(turn.turnId, turn);
  bindLane(session, turn, lane);
  const { attachment } = session;
  if (attachment !== undefined && isHostLane(lane)) announceRecord(attachment.channel, attachment.sid, turn);
  return turn;
}

type Work = Omit<TurnWork, 'afterOutput'>;

function run(host: HostState, turn: Turn, { parent, work }: { parent: Parent; work: Work }): void {
  if (parent.waitFor === undefined) {
    launch(host, turn, { ...work, parent: parent.context, afterOutput: parent.generates });
    return;
  }
  const node = parent.waitFor;
  node.waiting?.push((exists) => {
    if (!turn.live) return;
    const tokens = inputTokensMax(work.input) + work.forced.length;
    const error = exists
      ? host.driver.canStart({ parent: node.context, inputTokensMax: tokens })
        ? undefined
        : noCapacity()
      : new ReticleError('internal', 'the context that this turn starts from could not be made');
    if (error === undefined) launch(host, turn, { ...work, parent: node.context, afterOutput: false });
    else {
      failUnlaunched(host, turn, error);
      host.settleUncut(turn);
    }
  });
}

/** Ends a turn that never reached the driver. */
export function failUnlaunched(host: HostState, turn: Turn, error: ReticleError): void {
  const endOffset = turn.ledger.generated;
  finish(host, turn, { status: TurnStatus.TURN_STATUS_FAILED, endOffset, finishReason: '', error, lost: true });
}

function checkStart(host: HostState, session: Session, start: Start, successor: boolean): void {
  if (!isClientId(start.turnId)) throw new ReticleError('invalid_request', 'not a turn id', { param: 'turn_id' });
  if (host.condition !== 'ready' && !(host.condition === 'draining' && successor)) throw host.refusal();
  if (start.hold) throw new ReticleError('unimplemented', 'held starts are not implemented', { param: 'hold' });
  if (session.isTaken(start.turnId))
    throw new ReticleError('idempotency_conflict', 'the turn id names another context', { param: 'turn_id' });
  checkOutput(start, host.driver.capabilities.maxOutputTokens);
  if (session.liveCount >= limits.liveTurnsMax)
    throw new ReticleError('concurrency_exceeded', `at most ${limits.liveTurnsMax} turns run at once in a session`, {
      retryAfterMs: NO_CAPACITY_RETRY_MS,
    });
}

function checkOutput({ maxOutputTokens, forcedTokenIds }: Start, cap: number): void {
  if (maxOutputTokens <= cap && forcedTokenIds.length <= (maxOutputTokens || cap)) return;
  throw new ReticleError('value_out_of_range', `at most ${cap} tokens of output`, { param: 'max_output_tokens' });
}

function parentOf(session: Session, start: Start, successorOf: Turn | undefined): Parent {
  if (successorOf !== undefined) return parentTurn(successorOf);
  if (start.draft !== null) return parentDraft(session, start.draft);
  if (start.parentTurnId === '') return prefix(session.root);
  const warm = session.prefixes.get(start.parentTurnId);
  if (warm !== undefined) return prefix(warm);
  return parentTurn(session.turns.get(start.parentTurnId));
}

function parentDraft(session: Session, draft: { draftId: string; revision: number }): Parent {
  const node = session.prefixes.get(draft.draftId);
  if (node === undefined || node.revision !== draft.revision)
    throw new ReticleError('draft_not_found', 'that revision of the draft is gone', { param: 'draft' });
  return prefix(node);
}

function prefix(node: PrefixNode): Parent {
  return node.waiting === undefined ? { context: node.context, generates: false } : { waitFor: node };
}

function parentTurn(turn: Turn | undefined): Parent {
  if (turn?.live === true)
    throw new ReticleError('response_in_flight', 'the parent turn is still running', { param: 'parent_turn_id' });
  const context = turn?.final?.context;
  if (context === undefined)
    throw new ReticleError('turn_not_found', 'no such turn to continue from', { param: 'parent_turn_id' });
  return { context, generates: true };
}

function noCapacity(): ReticleError {
  return new ReticleError('no_capacity', 'no slot or KV is free', { retryAfterMs: NO_CAPACITY_RETRY_MS });
}

/** A continued turn is exact when its sampling is greedy or seeded and the driver replays (PROTOCOL R7). */
function continuationOf(params: SamplingParams, forced: number, seededReplay: boolean): 0 | 1 | 2 {
  if (forced === 0) return Continuation.CONTINUATION_UNSPECIFIED;
  const exact = seededReplay && (params.temperature === 0 || params.seed !== undefined);
  return exact ? Continuation.CONTINUATION_EXACT : Continuation.CONTINUATION_RESAMPLED;
}
