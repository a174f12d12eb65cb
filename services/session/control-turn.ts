/** Interrupt and redirect of a turn (PROTOCOL R3, R4, "Refusals that end nothing"). */
import { isReticleError, ReticleError } from '@reticle/core/domain';
import { limits, type ErrorCode } from '@reticle/proto/contract';
import type { ControlAck, Interrupt, Redirect, StartTurn } from './commands.ts';
import { controlAck, NO_RECEIPT } from './receipt.ts';
import {
  findTurn,
  withTurn,
  type SessionEffect,
  type SessionState,
  type SessionStep,
  type StartPlan,
} from './session-state.ts';
import { newTurn, planStart, refusal, type Parent } from './start-turn.ts';
import { applyTurnEffects } from './turn-effects.ts';
import { stepTurn } from './turn.ts';
import { isLive, type Asker, type OpenControl, type Progress, type TurnState } from './turn-state.ts';

export type Control = {
  readonly signal: Interrupt | Redirect;
  readonly asker: Asker;
  readonly progress: Progress;
  readonly nowMs: number;
};

type Parts = { readonly cut: Interrupt; readonly successor: StartTurn | undefined; readonly digest: string };

function partsOf(signal: Interrupt | Redirect): Parts {
  if (!('cut' in signal)) return { cut: signal, successor: undefined, digest: signal.bodyDigest };
  const { cut, successor } = signal;
  return { cut, successor, digest: `${cut.bodyDigest}+${successor.bodyDigest}` };
}

export function controlTurn(state: SessionState, control: Control): SessionStep {
  const parts = partsOf(control.signal);
  const answered = state.answers.get(parts.cut.signalId);
  if (answered !== undefined) {
    // An answer that another gateway's engine remembered comes without the digest of what was asked.
    const known = answered.digest === '' || answered.digest === parts.digest;
    if (!known) return { state, effects: [refused(control, parts.cut, 'idempotency_conflict')] };
    return { state, effects: [sendAck(control.asker, answered.ack), ...lateSuccessor(state, control, parts)] };
  }
  const turn = findTurn(state, parts.cut.turnId);
  if (turn === undefined) return unknownTurn(state, control, parts);
  const open = turn.controls.find((each) => each.signalId === parts.cut.signalId);
  if (open !== undefined) return joinOpen(state, { turn, open, control, parts });
  const conflict = redirectConflict(state, turn, parts.successor);
  if (conflict !== undefined) return { state, effects: [refused(control, parts.cut, conflict)] };
  return apply(state, turn, control, parts);
}

/** The successor of a redirect that was answered where it was not to begin: whoever asks again has not heard of its end. */
function lateSuccessor(state: SessionState, control: Control, { successor }: Parts): SessionEffect[] {
  if (successor === undefined || findTurn(state, successor.turnId) !== undefined) return [];
  const error = new ReticleError('turn_stale', 'the turn to redirect has already ended', { param: 'cut.turn_id' });
  return [refusal(state, successorAdmission(control, successor), error)];
}

/** Another copy of a control that is under way: one effect, and an answer for each copy. */
function joinOpen(
  state: SessionState,
  options: { turn: TurnState; open: OpenControl; control: Control; parts: Parts },
): SessionStep {
  const { turn, open, control, parts } = options;
  if (open.digest !== parts.digest) return { state, effects: [refused(control, parts.cut, 'idempotency_conflict')] };
  const controls = turn.controls.map((each) =>
    each === open ? { ...each, askers: [...each.askers, control.asker].slice(0, limits.signalAcksKept) } : each,
  );
  return withTurn(state, { ...turn, controls });
}

function redirectConflict(
  state: SessionState,
  turn: TurnState,
  successor: StartTurn | undefined,
): ErrorCode | undefined {
  if (successor === undefined) return undefined;
  if (successor.parentTurnId !== '' && successor.parentTurnId !== turn.turnId) return 'invalid_request';
  const known = findTurn(state, successor.turnId);
  return known === undefined ? undefined : 'idempotency_conflict';
}

/** A cut that names no turn is answered; its successor, a turn nobody knows, ends by itself. */
function unknownTurn(state: SessionState, control: Control, { cut, successor }: Parts): SessionStep {
  const effects: SessionEffect[] = [answer(control, cut, { outcome: 'not-found', code: 'turn_not_found' })];
  if (successor !== undefined) {
    const error = new ReticleError('turn_not_found', 'the turn to redirect is not known', { param: 'cut.turn_id' });
    effects.push(refusal(state, successorAdmission(control, successor), error));
  }
  return { state, effects };
}

function apply(state: SessionState, turn: TurnState, control: Control, parts: Parts): SessionStep {
  const { successor } = parts;
  if (successor === undefined) return cutTurn(state, { turn, control, parts, plan: undefined });
  if (!isLive(turn) || turn.receipt !== undefined || turn.endsAt !== undefined) {
    // S6: the turn is over, the control a no-op; its successor ends by itself.
    const cut = cutTurn(state, { turn, control, parts, plan: undefined });
    const error = new ReticleError('turn_stale', 'the turn to redirect has already ended', { param: 'cut.turn_id' });
    return {
      state: cut.state,
      effects: [...cut.effects, refusal(state, successorAdmission(control, successor), error)],
    };
  }
  const admission = successorAdmission(control, successor);
  try {
    if (successor.prefillOnly || turn.prefillOnly) {
      throw new ReticleError('invalid_request', 'a warm-up neither follows a cut nor is redirected', {
        param: 'successor',
      });
    }
    const { plan, drafts } = planStart(state, admission, expectedParent(turn, parts.cut, control.progress));
    return cutTurn({ ...state, drafts }, { turn, control, parts, plan });
  } catch (error) {
    if (!isReticleError(error)) throw error;
    // R3: the old turn keeps its cut, the successor ends with its own terminal.
    const cut = cutTurn(state, { turn, control, parts, plan: undefined });
    return { state: cut.state, effects: [...cut.effects, refusal(state, admission, error)] };
  }
}

/** The successor of a call from outside speaks to the stream, like every turn of the session. */
function successorAdmission(control: Control, successor: StartTurn): { start: StartTurn; asker: Asker; nowMs: number } {
  const seq = control.asker.kind === 'stream' ? control.asker.seq : 0;
  return { start: successor, asker: { kind: 'stream', seq }, nowMs: control.nowMs };
}

/** Context that the successor will find, as far as it is known before the cut; the engine counts the rest. */
function expectedParent(turn: TurnState, cut: Interrupt, progress: Progress): Parent {
  const keep =
    cut.mode === 'keep-through-offset' ? (cut.keepThroughOffset ?? turn.window.receivedThrough) : progress.received;
  const kept = cut.mode === 'discard-partial-items' ? (progress.openItemAt ?? progress.received) : keep;
  const contextTokens = turn.promptTokens + Math.min(kept, progress.received);
  return { turnId: turn.turnId, contextTokens, afterOutput: !turn.prefillOnly, tools: turn.tools };
}

type Cut = {
  readonly turn: TurnState;
  readonly control: Control;
  readonly parts: Parts;
  readonly plan: StartPlan | undefined;
};

function cutTurn(state: SessionState, { turn, control, parts, plan }: Cut): SessionStep {
  const { cut, successor } = parts;
  const open: OpenControl = {
    signalId: cut.signalId,
    digest: parts.digest,
    mode: cut.mode,
    keepThroughOffset: cut.keepThroughOffset,
    reason: cut.reason,
    successorTurnId: plan?.turnId ?? '',
    askers: [control.asker],
    waits: false,
  };
  const step = stepTurn(turn, { kind: 'control', control: open, progress: control.progress });
  const stored = withTurn(state, step.state);
  const withSuccessor = addSuccessor(stored.state, plan, successor);
  const applied = applyTurnEffects(withSuccessor, step.effects, { successor: plan });
  const prepared: SessionEffect[] = plan === undefined ? [] : [{ kind: 'prepare', plan }];
  return { state: applied.state, effects: [...stored.effects, ...prepared, ...applied.effects] };
}

/** The successor exists from the moment its cut is sent: it holds the slot that it inherits. */
function addSuccessor(
  state: SessionState,
  plan: StartPlan | undefined,
  successor: StartTurn | undefined,
): SessionState {
  if (plan === undefined || successor === undefined) return state;
  return withTurn(state, { ...newTurn(state, plan, successor, false), phase: 'starting', awaited: true }).state;
}

function refused(control: Control, cut: Interrupt, code: ErrorCode): SessionEffect {
  return answer(control, cut, { outcome: 'refused', code });
}

function answer(
  control: Control,
  cut: Interrupt,
  given: { outcome: 'refused' | 'not-found'; code: ErrorCode },
): SessionEffect {
  const { asker, progress } = control;
  const { signalId, turnId } = cut;
  return sendAck(asker, controlAck({ asker, signalId, turnId, receipt: NO_RECEIPT, sent: progress.sent, ...given }));
}

/** An ack goes back where its control came from. */
function sendAck(asker: Asker, ack: ControlAck): SessionEffect {
  if (asker.kind === 'call') return { kind: 'answer-call', call: asker.call, ack: { ...ack, seq: 0 } };
  return { kind: 'tell', event: { ...ack, seq: asker.seq } };
}
