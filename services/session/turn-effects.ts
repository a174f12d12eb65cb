/** Effects of a turn as effects of its session: answers are remembered, a fatal one ends the stream. */
import { assertNever, ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import {
  findTurn,
  withTurn,
  type SessionEffect,
  type SessionState,
  type SessionStep,
  type StartPlan,
} from './session-state.ts';
import type { ControlAck } from './commands.ts';
import { stepTurn, type TurnEffect } from './turn.ts';
import { contextAfter, NO_PROGRESS, type OpenControl, type TurnState } from './turn-state.ts';

export type TurnContext = {
  /** Plan of the successor that rides on a `send-cut`. */
  readonly successor?: StartPlan | undefined;
};

export function applyTurnEffects(
  state: SessionState,
  effects: readonly TurnEffect[],
  context: TurnContext = {},
): SessionStep {
  let next = state;
  const out: SessionEffect[] = [];
  for (const effect of effects) {
    const step = applyOne(next, effect, context);
    next = step.state;
    out.push(...step.effects);
  }
  return { state: next, effects: out };
}

function applyOne(state: SessionState, effect: TurnEffect, { successor }: TurnContext): SessionStep {
  switch (effect.kind) {
    case 'send-cut': {
      const { turnId, control } = effect;
      return { state, effects: [{ kind: 'cut', turnId, control, seq: seqOf(control), successor }] };
    }
    case 'answer':
      return answered(state, effect);
    case 'fatal':
      return fatal(state, new ReticleError(effect.code, effect.message, { param: 'received_through_offset' }));
    case 'successor-failed':
      return successorFailed(state, effect);
    case 'finish':
      return finished(state, effect);
    case 'bar':
    case 'restart':
    case 'announce':
    case 'credit':
      return { state, effects: [effect] };
    default:
      return assertNever(effect);
  }
}

function seqOf(control: OpenControl): number {
  const asker = control.askers[0];
  return asker?.kind === 'stream' ? asker.seq : 0;
}

function finished(state: SessionState, effect: Extract<TurnEffect, { kind: 'finish' }>): SessionStep {
  const turn = findTurn(state, effect.turnId);
  // A turn that never started left no context behind.
  const contextTokens = turn?.started === true ? contextAfter(turn) : state.contextTokens;
  return { state: { ...state, contextTokens }, effects: [effect] };
}

function successorFailed(state: SessionState, effect: Extract<TurnEffect, { kind: 'successor-failed' }>): SessionStep {
  const turn = findTurn(state, effect.turnId);
  if (turn === undefined) return { state, effects: [] };
  const error = { code: effect.code, message: 'the turn to redirect could not be cut', param: '' };
  return stepStored(state, turn, { kind: 'failed', error, progress: NO_PROGRESS });
}

function answered(state: SessionState, { asker, ack, digest }: Extract<TurnEffect, { kind: 'answer' }>): SessionStep {
  const next = ack.outcome === 'pending' ? state : withAnswer(state, ack, digest);
  if (asker === undefined) return { state: next, effects: [] };
  const effect: SessionEffect =
    asker.kind === 'stream' ? { kind: 'tell', event: ack } : { kind: 'answer-call', call: asker.call, ack };
  return { state: next, effects: [effect] };
}

/** The final answer of a control, for its copies. */
export function withAnswer(state: SessionState, ack: ControlAck, digest: string): SessionState {
  if (ack.signalId === '') return state;
  const answers = new Map(state.answers).set(ack.signalId, { digest, ack });
  for (const oldest of answers.keys()) {
    if (answers.size <= limits.signalAcksKept) break;
    answers.delete(oldest);
  }
  return { ...state, answers };
}

/** Runs one event of a stored turn and stores the result. */
export function stepStored(state: SessionState, turn: TurnState, event: Parameters<typeof stepTurn>[1]): SessionStep {
  const step = stepTurn(turn, event);
  if (step.state === turn && step.effects.length === 0) return { state, effects: [] };
  const stored = withTurn(state, step.state);
  const applied = applyTurnEffects(stored.state, step.effects);
  return { state: applied.state, effects: [...applied.effects, ...stored.effects] };
}

/** A refusal that ends the stream and leaves the session: the client attaches again. */
export function fatal(state: SessionState, error: ReticleError | undefined): SessionStep {
  if (state.attachment === 0) return { state, effects: [] };
  return {
    state: { ...state, attachment: 0, halfClosed: false },
    effects: [
      { kind: 'end-stream', attachment: state.attachment, error },
      { kind: 'release', mode: 'detach' },
    ],
  };
}
