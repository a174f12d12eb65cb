/**
 * A session as a pure reducer: `(state, event) → (state, effects)`. Time, token counts and identities come
 * with the events; the shell (services/stream) performs the effects in their order.
 *
 * Invariants
 *  S1 At most one attachment; another one displaces it with `epoch_stale`. Events of an attachment that is
 *     not current change nothing.
 *  S2 `lastSeq` grows by 1 per applied message of a holder. A repeat changes nothing, a gap ends the stream,
 *     and neither touches a turn.
 *  S3 At most `limits.liveTurnsMax` turns are live; a successor takes the slot of the turn it cuts.
 *  S4 A turn id or signal id has one body for as long as it is remembered; another body is refused (R3).
 *  S5 A refusal either ends nothing (ControlAck REFUSED, TurnEnded FAILED of a turn that never began) or
 *     ends the stream alone; no refusal ends a session.
 *  S6 The epoch only grows.
 *
 * Transitions
 *  state        attached          disconnected   half-closed      idle (ttl)   close
 *  detached     attached          –              –                closed       closed
 *  attached     attached (other)  detached       half-closed      –            closed
 *  half-closed  attached (other)  detached       –                –            closed
 *  closed       –                 –              –                –            –
 *  A half-closed stream ends OK when no turn runs and nothing is owed; the shell says so by `settled`.
 */
import { assertNever, ReticleError } from '@reticle/core/domain';
import { attach, displaced, type AttachEvent } from './attach.ts';
import type { ClientCommand, ControlAck, Interrupt, Redirect, StartTurn } from './commands.ts';
import { controlTurn } from './control-turn.ts';
import { editDraft } from './drafts.ts';
import { UNKNOWN_DIGEST } from './receipt.ts';
import { restore, type Restored } from './restore.ts';
import {
  findTurn,
  inheritTools,
  withTurn,
  type SessionEffect,
  type SessionState,
  type SessionStep,
} from './session-state.ts';
import { startTurn } from './start-turn.ts';
import { fatal, stepStored, withAnswer } from './turn-effects.ts';
import type { TurnEvent } from './turn.ts';
import { NO_PROGRESS, type Progress, type TurnState } from './turn-state.ts';

export type SessionEvent =
  | { readonly kind: 'opened'; readonly epoch: number }
  | { readonly kind: 'root'; readonly tokens: number }
  /** The engine told what another gateway left: its turns, oldest first (PROTOCOL §7). */
  | { readonly kind: 'restored'; readonly restored: Restored }
  /** The engine has answered a control that this gateway sent past the session, which it had let go (PROTOCOL §3). */
  | { readonly kind: 'noted'; readonly ack: ControlAck; readonly progress: Progress }
  /** A turn that was started by signal at the engine. */
  | { readonly kind: 'arrived'; readonly turn: TurnState }
  /** Another gateway has taken the session: its turns are told there, nothing of them ends here. */
  | { readonly kind: 'evicted'; readonly error: ReticleError }
  | ({ readonly kind: 'attached' } & AttachEvent)
  /** The engine is about to be asked for a new epoch: the older attachment ends before its handles do. */
  | { readonly kind: 'displaced' }
  | {
      readonly kind: 'command';
      readonly attachment: number;
      readonly command: ClientCommand;
      /** Of the turn that the command names. */
      readonly progress: Progress;
      readonly nowMs: number;
    }
  | {
      readonly kind: 'signal';
      readonly call: number;
      readonly signal: Interrupt | Redirect;
      readonly progress: Progress;
      readonly nowMs: number;
    }
  | { readonly kind: 'warm'; readonly call: number; readonly start: StartTurn; readonly nowMs: number }
  | { readonly kind: 'turn'; readonly turnId: string; readonly event: TurnEvent }
  | { readonly kind: 'half-closed'; readonly attachment: number }
  | { readonly kind: 'settled' }
  | { readonly kind: 'disconnected'; readonly attachment: number; readonly nowMs: number }
  /** Ends the attachment, not the session: a fatal refusal, or without an error its age. */
  | { readonly kind: 'refused'; readonly attachment: number; readonly error: ReticleError | undefined }
  | { readonly kind: 'idle'; readonly nowMs: number }
  | { readonly kind: 'close'; readonly spans: ReadonlyMap<string, Progress> };

export function stepSession(state: SessionState, event: SessionEvent): SessionStep {
  if (state.closed) return { state, effects: [] };
  switch (event.kind) {
    case 'attached':
      return attach(state, event);
    case 'displaced':
      return { state: { ...state, attachment: 0, halfClosed: false }, effects: displaced(state) };
    case 'command':
      return command(state, event);
    case 'signal':
    case 'warm':
      return callEvent(state, event);
    case 'turn':
      return turnEvent(state, event.turnId, event.event);
    default:
      return engineEvent(state, event);
  }
}

/** A control or a warm-up from outside the stream. */
function callEvent(state: SessionState, event: Extract<SessionEvent, { kind: 'signal' | 'warm' }>): SessionStep {
  const touched = { ...state, touchedMs: event.nowMs };
  const asker = { kind: 'call', call: event.call } as const;
  return event.kind === 'signal' ? controlTurn(touched, { ...event, asker }) : startTurn(touched, { ...event, asker });
}

type EngineEvent = Extract<SessionEvent, { kind: 'opened' | 'root' | 'restored' | 'noted' | 'arrived' }>;

/** What the engine says of the session itself; and its life. */
function engineEvent(state: SessionState, event: EngineEvent | LifeEvent): SessionStep {
  switch (event.kind) {
    case 'opened':
      return { state: { ...state, epoch: Math.max(state.epoch, event.epoch) }, effects: [] };
    case 'root':
      return { state: { ...state, rootTokens: event.tokens, contextTokens: event.tokens }, effects: [] };
    case 'restored':
      return restore(state, event.restored);
    case 'noted':
      return noted(state, event.ack, event.progress);
    case 'arrived':
      return arrived(state, event.turn);
    default:
      return lifeEvent(state, event);
  }
}

type LifeEvent = Extract<
  SessionEvent,
  { kind: 'half-closed' | 'settled' | 'disconnected' | 'refused' | 'idle' | 'close' | 'evicted' }
>;

function lifeEvent(state: SessionState, event: LifeEvent): SessionStep {
  switch (event.kind) {
    case 'half-closed':
      return { state: event.attachment === state.attachment ? { ...state, halfClosed: true } : state, effects: [] };
    case 'settled':
      return settled(state);
    case 'disconnected':
      return disconnected(state, event);
    case 'refused':
      return event.attachment === state.attachment ? fatal(state, event.error) : { state, effects: [] };
    case 'idle':
      return idle(state, event.nowMs);
    case 'close':
      return close(state, event.spans);
    case 'evicted':
      return evicted(state, event.error);
    default:
      return assertNever(event);
  }
}

type CommandEvent = Extract<SessionEvent, { kind: 'command' }>;

function command(state: SessionState, event: CommandEvent): SessionStep {
  if (event.attachment !== state.attachment) return { state, effects: [] };
  const { seq } = event.command;
  if (seq <= state.lastSeq) return { state, effects: [] };
  if (seq !== state.lastSeq + 1) {
    const details = { limit: String(state.lastSeq + 1), requested: String(seq) };
    return fatal(
      state,
      new ReticleError('invalid_request', 'a message is missing before this seq', { param: 'seq', details }),
    );
  }
  return applyCommand({ ...state, lastSeq: seq, touchedMs: event.nowMs }, event);
}

function applyCommand(state: SessionState, event: CommandEvent): SessionStep {
  const asked = event.command;
  const asker = { kind: 'stream', seq: asked.seq } as const;
  const { progress, nowMs } = event;
  switch (asked.kind) {
    case 'start-turn':
      return startTurn(state, { start: asked.start, asker, nowMs });
    case 'interrupt':
      return controlTurn(state, { signal: asked.interrupt, asker, progress, nowMs });
    case 'redirect':
      return controlTurn(state, { signal: asked.redirect, asker, progress, nowMs });
    case 'flow': {
      const { turnId, receivedThroughOffset: receivedThrough, creditTokens } = asked.flow;
      return turnEvent(state, turnId, { kind: 'flow', receivedThrough, creditTokens, progress });
    }
    case 'draft': {
      const edited = editDraft(state.drafts, asked.draft, nowMs);
      const effects: SessionEffect[] = edited.state === undefined ? [] : [{ kind: 'tell', event: edited.state }];
      return { state: { ...state, drafts: edited.drafts }, effects };
    }
    default:
      return assertNever(asked);
  }
}

/** An event of a turn nobody remembers is late and changes nothing; so is a credit for one. */
function turnEvent(state: SessionState, turnId: string, event: TurnEvent): SessionStep {
  const turn = findTurn(state, turnId);
  return turn === undefined ? { state, effects: [] } : stepStored(state, turn, event);
}

/** E binds from here on, also when the engine is lost before the session is opened again (R2); copies get the answer. */
function noted(state: SessionState, ack: ControlAck, progress: Progress): SessionStep {
  if (ack.outcome !== 'applied' && ack.outcome !== 'already-ended') return { state, effects: [] };
  const step = turnEvent(state, ack.turnId, { kind: 'cut-done', answer: ack, progress });
  return { state: withAnswer(step.state, ack, UNKNOWN_DIGEST), effects: step.effects };
}

function settled(state: SessionState): SessionStep {
  if (!state.halfClosed || state.live.size > 0) return { state, effects: [] };
  return {
    state: { ...state, attachment: 0, halfClosed: false },
    effects: [
      { kind: 'end-stream', attachment: state.attachment, error: undefined },
      { kind: 'release', mode: 'detach' },
    ],
  };
}

/** R6: a lost transport is no cancel; the engine's grace runs. */
function disconnected(state: SessionState, event: Extract<SessionEvent, { kind: 'disconnected' }>): SessionStep {
  if (event.attachment !== state.attachment) return { state, effects: [] };
  return {
    state: { ...state, attachment: 0, halfClosed: false, touchedMs: event.nowMs },
    effects: [{ kind: 'release', mode: 'detach' }],
  };
}

function idle(state: SessionState, nowMs: number): SessionStep {
  if (state.attachment !== 0 || nowMs - state.touchedMs < state.config.idleTtlMs) return { state, effects: [] };
  return close(state, new Map());
}

function close(state: SessionState, spans: ReadonlyMap<string, Progress>): SessionStep {
  let next = state;
  const effects: SessionEffect[] = [];
  for (const turn of state.live.values()) {
    const progress = spans.get(turn.turnId) ?? NO_PROGRESS;
    const step = stepStored(next, turn, { kind: 'abandoned', progress });
    next = step.state;
    effects.push(...step.effects);
  }
  if (next.attachment !== 0) effects.push({ kind: 'end-stream', attachment: next.attachment, error: undefined });
  effects.push({ kind: 'release', mode: 'drop' });
  return { state: { ...next, attachment: 0, closed: true, drafts: new Map() }, effects };
}

/** Whoever is attached reads the turn from its beginning. */
function arrived(state: SessionState, turn: TurnState): SessionStep {
  if (findTurn(state, turn.turnId) !== undefined) return { state, effects: [] };
  const { turnId, window } = turn;
  const stored = withTurn(state, inheritTools(state, turn));
  const effects: SessionEffect[] = [...stored.effects, { kind: 'credit', turnId, window }];
  if (state.attachment !== 0) {
    effects.push({ kind: 'read', turnId, nextOffset: 0, creditTokens: window.creditTokens, known: false });
  }
  return { state: stored.state, effects };
}

/** The session goes on elsewhere: whoever reads it here is sent there, and nothing is said of its turns. */
function evicted(state: SessionState, error: ReticleError): SessionStep {
  const effects: SessionEffect[] =
    state.attachment === 0 ? [] : [{ kind: 'end-stream', attachment: state.attachment, error }];
  return { state: { ...state, attachment: 0, closed: true, drafts: new Map() }, effects };
}
