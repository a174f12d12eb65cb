/**
 * One turn of a session, as a pure reducer. The relay counts tokens; every event that depends on a count
 * brings it as `Progress`, so nothing here runs per token.
 *
 * Invariants
 *  T1 Exactly one `finish` effect per turn, and no event after it changes the turn (inv. 4).
 *  T2 `bar` precedes the ack that promises it: nothing at or past E is sent after the ack (inv. 2).
 *  T3 The first answer that fixes E fixes it for good; every later control gets ALREADY_ENDED with the same E.
 *  T4 Every asker of a control gets exactly one final answer (and at most one PENDING before it).
 *  T5 The acknowledged offset never goes back and never passes what was sent (R5).
 *  T6 A turn is begun again at most `limits.failoversMax` times, each time from what was received (E6, E7).
 *
 * Transitions (empty: the event changes nothing)
 *  phase     dispatched  started   control              cut-done applied   ended | failed | lost   orphaned
 *  queued    starting    –         cutting              –                  ended                   –
 *  starting  –           running   cutting              cutting, E fixed   ended                   starting (again)
 *  running   –           –         cutting              cutting, E fixed   ended                   starting (again)
 *  cutting   –           (noted)   cutting | answered   cutting, E fixed   ended (lost: as orphaned) ended, the cut applied here (E7)
 *  pending   –           –         cutting              cutting, E fixed   ended                   ended, the cut applied here
 *  ended     –           –         answered             –                  –                       –
 *  `orphaned`: the engine no longer has the turn, another one may go on with it; past T6 it is `lost`. A cut-done
 *  that no control of this gateway asked for came by signal (PROTOCOL §3): its E counts all the same.
 *  A control of a queued turn follows its start to the engine, so that the cut turn has a context that others
 *  can continue. A cut answered PENDING leads from cutting to pending; one the engine
 *  refuses leads back to running.
 */
import { applyFlow, createCredit, type CreditWindow } from '@reticle/core/flow';
import { assertNever } from '@reticle/core/domain';
import { limits, type ErrorCode } from '@reticle/proto/contract';
import type { Continuation, ControlAck, ControlOutcome, KvAction, TurnError } from './commands.ts';
import { controlAck, finalReceipt, NO_RECEIPT, UNKNOWN_DIGEST } from './receipt.ts';
import {
  isLive,
  NO_TIMING,
  NO_USAGE,
  type Asker,
  type Ending,
  type OpenControl,
  type Progress,
  type Receipt,
  type TurnState,
} from './turn-state.ts';

export type CutAnswer = {
  readonly signalId: string;
  readonly outcome: ControlOutcome;
  readonly effectiveOffset: number;
  readonly generatedOffset: number;
  readonly kvAction: KvAction;
  readonly kvKeptTokens: number;
};

export type TurnEvent =
  | { readonly kind: 'dispatched' }
  | {
      readonly kind: 'started';
      readonly promptTokens: number;
      readonly cachedTokens: number;
      readonly startOffset: number;
      /** Absent: exact. */
      readonly continuation?: Continuation;
    }
  | {
      readonly kind: 'flow';
      readonly receivedThrough: number;
      readonly creditTokens: number;
      readonly progress: Progress;
    }
  | { readonly kind: 'resumed'; readonly nextOffset: number; readonly creditTokens: number }
  | { readonly kind: 'control'; readonly control: OpenControl; readonly progress: Progress }
  | { readonly kind: 'cut-done'; readonly answer: CutAnswer; readonly progress: Progress }
  | { readonly kind: 'engine-ended'; readonly ending: Ending; readonly progress: Progress }
  | { readonly kind: 'failed'; readonly error: TurnError; readonly progress: Progress }
  | { readonly kind: 'lost'; readonly progress: Progress }
  | { readonly kind: 'orphaned'; readonly progress: Progress }
  /** The engine has the turn still, over a new link: what it was asked may have been lost on the way. */
  | { readonly kind: 'rejoined' }
  | { readonly kind: 'abandoned'; readonly progress: Progress };

export type TurnEffect =
  | { readonly kind: 'send-cut'; readonly turnId: string; readonly control: OpenControl }
  /** Without an asker: one that was given elsewhere, for copies of its control here (S5). */
  | { readonly kind: 'answer'; readonly asker: Asker | undefined; readonly ack: ControlAck; readonly digest: string }
  | { readonly kind: 'bar'; readonly turnId: string; readonly offset: number }
  | { readonly kind: 'restart'; readonly turnId: string }
  | { readonly kind: 'announce'; readonly turnId: string }
  | { readonly kind: 'finish'; readonly turnId: string }
  | { readonly kind: 'credit'; readonly turnId: string; readonly window: CreditWindow }
  | { readonly kind: 'successor-failed'; readonly turnId: string; readonly code: ErrorCode }
  | { readonly kind: 'fatal'; readonly code: ErrorCode; readonly message: string };

export type TurnStep = { readonly state: TurnState; readonly effects: readonly TurnEffect[] };

export function stepTurn(state: TurnState, event: TurnEvent): TurnStep {
  switch (event.kind) {
    case 'dispatched':
      return state.phase === 'queued' ? { state: { ...state, phase: 'starting' }, effects: [] } : same(state);
    case 'started':
      return started(state, event);
    case 'flow':
      return flow(state, event);
    case 'resumed':
      return resumed(state, event);
    case 'control':
      return control(state, event.control, event.progress);
    case 'cut-done':
      return cutDone(state, event.answer, event.progress);
    case 'rejoined':
      if (state.awaited) return same(state);
      return {
        state,
        effects: state.controls.map((each) => ({ kind: 'send-cut', turnId: state.turnId, control: each })),
      };
    default:
      return stepEnd(state, event);
  }
}

type EndEvent = Extract<TurnEvent, { kind: 'engine-ended' | 'failed' | 'lost' | 'orphaned' | 'abandoned' }>;

function stepEnd(state: TurnState, event: EndEvent): TurnStep {
  switch (event.kind) {
    case 'engine-ended':
      return end(state, event.ending, event.progress);
    case 'failed':
      return fail(state, event.error, event.progress);
    case 'lost':
      return lost(state, event.progress);
    case 'orphaned':
      return orphaned(state, event.progress);
    case 'abandoned':
      return abandoned(state, event.progress);
    default:
      return assertNever(event);
  }
}

const same = (state: TurnState): TurnStep => ({ state, effects: [] });

function started(state: TurnState, event: Extract<TurnEvent, { kind: 'started' }>): TurnStep {
  if (!isLive(state) || (state.started && state.phase !== 'starting')) return same(state);
  const { promptTokens, cachedTokens, startOffset, continuation = 'exact' } = event;
  const begun = { ...state, started: true };
  const phase = state.phase === 'starting' ? phaseAfter(begun, state.controls) : state.phase;
  // Controls of a successor waited until the engine knew it.
  const waiting = state.awaited ? state.controls : [];
  return {
    state: { ...begun, phase, awaited: false, promptTokens, cachedTokens, startOffset, continuation },
    effects: [
      { kind: 'announce', turnId: state.turnId },
      ...waiting.map((asked): TurnEffect => ({ kind: 'send-cut', turnId: state.turnId, control: asked })),
    ],
  };
}

function flow(state: TurnState, event: Extract<TurnEvent, { kind: 'flow' }>): TurnStep {
  // A statement that was under way when the turn ended, or is sent again after it.
  if (state.phase === 'ended' && event.receivedThrough > event.progress.cursor) return same(state);
  const { receivedThrough, creditTokens, progress } = event;
  const window = applyFlow(state.window, { receivedThrough, creditTokens, sent: progress.cursor });
  if (window === 'ack_out_of_range') {
    const message = 'received_through_offset lies past what was sent';
    return { state, effects: [{ kind: 'fatal', code: 'ack_out_of_range', message }] };
  }
  if (window === state.window) return same(state);
  return { state: { ...state, window }, effects: [{ kind: 'credit', turnId: state.turnId, window }] };
}

/** A new attachment reads the turn from its own cursor: its acknowledgement begins there. */
function resumed(state: TurnState, event: Extract<TurnEvent, { kind: 'resumed' }>): TurnStep {
  const { nextOffset, creditTokens } = event;
  const window = createCredit({ receivedThrough: nextOffset, creditTokens, ringTokens: limits.ringTokens });
  return { state: { ...state, window }, effects: [{ kind: 'credit', turnId: state.turnId, window }] };
}

function control(state: TurnState, asked: OpenControl, progress: Progress): TurnStep {
  if (state.phase === 'ended') return { state, effects: answers(state, [asked], progress.sent) };
  // E is fixed: the answer is known (T3).
  if (state.receipt !== undefined || state.endsAt !== undefined) {
    return { state, effects: answers(state, [asked], progress.sent) };
  }
  if (state.prefillOnly) return cutPrefill(state, asked, progress);
  const filled = withDefaults(state, asked);
  const controls = [...state.controls, filled];
  if (state.awaited) return { state: { ...state, controls }, effects: [] };
  return {
    state: { ...state, phase: 'cutting', controls },
    effects: [{ kind: 'send-cut', turnId: state.turnId, control: filled }],
  };
}

/** A warm-up generates nothing that could be cut: it ends here, and what the engine evaluates stays usable. */
function cutPrefill(state: TurnState, asked: OpenControl, progress: Progress): TurnStep {
  const cut = applyCut(state, { asked, others: [], receipt: NO_RECEIPT, progress });
  const ended = end(cut.state, cutEnding('', 0), progress);
  return { state: ended.state, effects: [...cut.effects, ...ended.effects] };
}

/** R4: without an offset KEEP_THROUGH_OFFSET keeps what the client has acknowledged. */
function withDefaults(state: TurnState, asked: OpenControl): OpenControl {
  if (asked.mode !== 'keep-through-offset' || asked.keepThroughOffset !== undefined) return asked;
  return { ...asked, keepThroughOffset: state.window.receivedThrough };
}

function cutDone(state: TurnState, done: CutAnswer, progress: Progress): TurnStep {
  const asked = state.controls.find((open) => open.signalId === done.signalId);
  if (!isLive(state)) return same(state);
  if (asked === undefined) return cutElsewhere(state, done, progress);
  if (done.outcome === 'pending') return pendingCut(state, asked, progress);
  const others = state.controls.filter((open) => open !== asked);
  const receipt: Receipt = {
    effectiveOffset: done.effectiveOffset,
    generatedOffset: done.generatedOffset,
    kvAction: done.kvAction,
    kvKeptTokens: done.kvKeptTokens,
  };
  if (done.outcome === 'applied') return applyCut(state, { asked, others, receipt, progress });
  const effects: TurnEffect[] = answer(state, asked, { outcome: done.outcome, receipt, sent: progress.sent });
  if (done.outcome === 'already-ended') effects.push(...staleSuccessor(state, asked));
  else if (asked.successorTurnId !== '') {
    effects.push({ kind: 'successor-failed', turnId: asked.successorTurnId, code: 'turn_not_found' });
  }
  // E is told: whatever becomes of the engine, the turn ends there (T3).
  const endsAt = done.outcome === 'already-ended' ? done.effectiveOffset : state.endsAt;
  return { state: { ...state, endsAt, controls: others, phase: phaseAfter(state, others) }, effects };
}

/** A cut that came to the engine by signal: E is fixed for this gateway's clients too, and told by the terminal. */
function cutElsewhere(state: TurnState, done: CutAnswer, progress: Progress): TurnStep {
  const { effectiveOffset, generatedOffset, kvAction, kvKeptTokens } = done;
  if (state.receipt !== undefined) return same(state);
  if (done.outcome === 'already-ended') {
    if (state.endsAt !== undefined) return same(state);
    return { state: { ...state, endsAt: effectiveOffset }, effects: [bar(state, effectiveOffset)] };
  }
  if (done.outcome !== 'applied') return same(state);
  const receipt: Receipt = { effectiveOffset, generatedOffset, kvAction, kvKeptTokens };
  const cut: TurnState = { ...state, phase: 'cutting', controls: [], receipt };
  const { signalId } = done;
  const asker = { kind: 'call', call: 0 } as const;
  const { turnId } = state;
  const ack = controlAck({ asker, signalId, turnId, outcome: 'applied', receipt, sent: progress.sent });
  return {
    state: cut,
    effects: [
      bar(state, effectiveOffset),
      { kind: 'answer', asker: undefined, ack, digest: UNKNOWN_DIGEST },
      ...answers(cut, state.controls, progress.sent),
    ],
  };
}

/** Phase of a turn whose open controls are `open`. */
function phaseAfter(state: TurnState, open: readonly OpenControl[]): TurnState['phase'] {
  if (state.receipt !== undefined) return 'cutting';
  if (open.some((each) => !each.waits)) return 'cutting';
  if (open.length > 0) return 'pending';
  return state.started ? 'running' : 'starting';
}

function pendingCut(state: TurnState, asked: OpenControl, progress: Progress): TurnStep {
  if (asked.waits) return same(state);
  const controls = state.controls.map((open) => (open === asked ? { ...open, waits: true } : open));
  const receipt = { ...NO_RECEIPT, generatedOffset: progress.received };
  return {
    state: { ...state, controls, phase: phaseAfter(state, controls) },
    effects: answer(state, asked, { outcome: 'pending', receipt, sent: progress.sent }),
  };
}

type Applied = {
  readonly asked: OpenControl;
  readonly others: readonly OpenControl[];
  readonly receipt: Receipt;
  readonly progress: Progress;
};

function applyCut(state: TurnState, { asked, others, receipt, progress }: Applied): TurnStep {
  const { sent } = progress;
  const cut: TurnState = {
    ...state,
    phase: 'cutting',
    controls: [],
    receipt,
    successorTurnId: asked.successorTurnId,
  };
  return {
    state: cut,
    effects: [
      bar(state, receipt.effectiveOffset),
      ...answer(cut, asked, { outcome: 'applied', receipt, sent }),
      ...answers(cut, others, sent),
    ],
  };
}

function end(state: TurnState, ending: Ending, progress: Progress): TurnStep {
  if (!isLive(state)) return same(state);
  const endOffset = state.receipt?.effectiveOffset ?? ending.endOffset;
  // An engine that made the rest of a cut turn again does not know of the cut.
  const { successorTurnId } = state;
  const told = state.receipt === undefined || ending.status === 'interrupted' || ending.status === 'redirected';
  const known = told ? ending : { ...ending, ...cutWords(successorTurnId) };
  const closed = close(state, { ...known, endOffset });
  const effects: TurnEffect[] = [];
  // An engine that ended the turn below what it sent (a cut whose answer got lost) bars the rest as well.
  if (state.receipt === undefined && endOffset < progress.received) effects.push(bar(state, endOffset));
  effects.push(...answers(closed, state.controls, progress.sent), { kind: 'finish', turnId: state.turnId });
  return { state: closed, effects };
}

function fail(state: TurnState, error: TurnError, progress: Progress): TurnStep {
  const endOffset = progress.received;
  const failed: Ending = {
    status: 'failed',
    endOffset,
    finishReason: 'error',
    usage: NO_USAGE,
    timing: NO_TIMING,
    error,
  };
  return end(state, failed, progress);
}

/** E6, E7: another engine goes on from what was received, unless a cut was under way or the turn has moved enough. */
function orphaned(state: TurnState, progress: Progress): TurnStep {
  if (!isLive(state) || state.phase === 'queued') return same(state);
  // Nothing is to be made again of a turn that was told to have ended before its first token.
  if (state.endsAt === 0) return end(state, cutEnding('', 0), progress);
  // A cut whose E lies past what was received still owes [received, E): another engine makes them again.
  const cut =
    state.receipt === undefined ? state.controls.length > 0 : state.receipt.effectiveOffset <= progress.received;
  if (cut || state.prefillOnly || state.moves >= limits.failoversMax) return lost(state, progress);
  return {
    state: { ...state, phase: 'starting', moves: state.moves + 1 },
    effects: [{ kind: 'restart', turnId: state.turnId }],
  };
}

const LOST: TurnError = { code: 'engine_lost', message: 'the engine of this turn was lost', param: '' };

/** E7: a cut that was under way when the engine died is applied here, with generated = received. */
function lost(state: TurnState, progress: Progress): TurnStep {
  if (!isLive(state)) return same(state);
  if (state.receipt !== undefined) {
    if (state.receipt.effectiveOffset <= progress.received)
      return end(state, cutEnding(state.successorTurnId, 0), progress);
    // What the receipt promised below E cannot be made again: the turn fails where it stands.
    return fail({ ...state, receipt: undefined }, LOST, progress);
  }
  const asked = state.controls.find((open) => !open.waits) ?? state.controls[0];
  if (asked === undefined) {
    return fail(state, LOST, progress);
  }
  const others = state.controls.filter((open) => open !== asked);
  const receipt: Receipt = {
    effectiveOffset: localEnd(asked, progress),
    generatedOffset: progress.received,
    kvAction: 'none',
    kvKeptTokens: 0,
  };
  const cut = applyCut(state, { asked, others, receipt, progress });
  const ended = end(cut.state, cutEnding(asked.successorTurnId, receipt.effectiveOffset), progress);
  return { state: ended.state, effects: [...cut.effects, ...ended.effects] };
}

/** Where a mode puts E when the gateway applies it: the rules of R4 over what was received. */
function localEnd(asked: OpenControl, progress: Progress): number {
  switch (asked.mode) {
    case 'keep-through-offset':
      return Math.min(asked.keepThroughOffset ?? 0, progress.received);
    case 'discard-partial-items':
      return progress.openItemAt ?? progress.received;
    case 'keep-generated':
    case 'at-item-boundary':
      return progress.received;
    default:
      return assertNever(asked.mode);
  }
}

/** The session closes: what the client saw is kept, and the turn still gets its terminal (T1). */
function abandoned(state: TurnState, progress: Progress): TurnStep {
  if (!isLive(state)) return same(state);
  const endOffset = state.receipt?.effectiveOffset ?? progress.sent;
  return end(state, { ...cutEnding('', endOffset), finishReason: 'session_closed' }, progress);
}

function cutEnding(successorTurnId: string, endOffset: number): Ending {
  return { ...cutWords(successorTurnId), endOffset, usage: NO_USAGE, timing: NO_TIMING };
}

function cutWords(successorTurnId: string): Pick<Ending, 'status' | 'finishReason'> {
  const status = successorTurnId === '' ? 'interrupted' : 'redirected';
  return { status, finishReason: status };
}

function close(state: TurnState, ending: Ending): TurnState {
  return { ...state, phase: 'ended', controls: [], ending };
}

const bar = (state: TurnState, offset: number): TurnEffect => ({ kind: 'bar', turnId: state.turnId, offset });

/** ALREADY_ENDED with the E that stands, to everyone who still waits (T3, T4). */
function answers(state: TurnState, open: readonly OpenControl[], sent: number): TurnEffect[] {
  const receipt = finalReceipt(state);
  return open.flatMap((asked) => [
    ...answer(state, asked, { outcome: 'already-ended', receipt, sent }),
    ...staleSuccessor(state, asked),
  ]);
}

/** S6: a redirect that came too late is a no-op; the turn that it was to begin ends by itself. */
function staleSuccessor(state: TurnState, { successorTurnId: turnId }: OpenControl): TurnEffect[] {
  if (turnId === '' || turnId === state.successorTurnId) return [];
  return [{ kind: 'successor-failed', turnId, code: 'turn_stale' }];
}

type Answer = { readonly outcome: ControlOutcome; readonly receipt: Receipt; readonly sent: number };

function answer(state: TurnState, asked: OpenControl, given: Answer): TurnEffect[] {
  return asked.askers.map((asker) => ({
    kind: 'answer',
    asker,
    digest: asked.digest,
    ack: controlAck({ asker, signalId: asked.signalId, turnId: state.turnId, ...given }),
  }));
}
