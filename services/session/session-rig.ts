/** A session in memory for tests: events in, effects kept, progress stated by the test. */
import type { ControlAck, Interrupt, Redirect, StartTurn, TurnEnded } from './commands.ts';
import { createSession, type SessionEffect, type SessionState } from './session-state.ts';
import { stepSession, type SessionEvent } from './session.ts';
import type { TurnEvent } from './turn.ts';
import { NO_PROGRESS, type Progress } from './turn-state.ts';

export function start(turnId: string, over: Partial<StartTurn> = {}): StartTurn {
  return {
    turnId,
    parentTurnId: '',
    input: [{ kind: 'tokens', ids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }],
    params: { stop: [] },
    prefillOnly: false,
    bodyDigest: `start ${turnId}`,
    ...over,
  };
}

export function interrupt(turnId: string, over: Partial<Interrupt> = {}): Interrupt {
  return { turnId, mode: 'keep-through-offset', reason: '', signalId: 's1', bodyDigest: 'cut', ...over };
}

export class SessionRig {
  state: SessionState;
  effects: SessionEffect[] = [];
  nowMs = 0;
  seq = 0;
  attachment = 1;
  readonly progress = new Map<string, Progress>();

  constructor(config: Partial<SessionState['config']> = {}) {
    const defaults = { contextLimit: 1_000, maxOutputTokens: 500, tiers: ['default'] as const, idleTtlMs: 60_000 };
    this.state = createSession({ config: { ...defaults, ...config }, holder: 'h1', nowMs: 0 });
    this.step({ kind: 'opened', epoch: 1 });
    this.attach();
  }

  step(event: SessionEvent): SessionEffect[] {
    const { state, effects } = stepSession(this.state, event);
    this.state = state;
    this.effects.push(...effects);
    return [...effects];
  }

  attach(over: Partial<Extract<SessionEvent, { kind: 'attached' }>> = {}): SessionEffect[] {
    const { attachment, progress, nowMs } = this;
    const { tiers } = this.state.config;
    const plain = { holder: 'h1', cursors: [], defaultCreditTokens: 0, spans: progress, tiers, nowMs };
    return this.step({ kind: 'attached', attachment, ...plain, ...over });
  }

  start(turn: StartTurn): SessionEffect[] {
    return this.command({ kind: 'start-turn', start: turn }, turn.turnId);
  }

  interrupt(cut: Interrupt): SessionEffect[] {
    return this.command({ kind: 'interrupt', interrupt: cut }, cut.turnId);
  }

  redirect(redirect: Redirect): SessionEffect[] {
    return this.command({ kind: 'redirect', redirect }, redirect.cut.turnId);
  }

  flow(turnId: string, receivedThroughOffset: number, creditTokens = 100): SessionEffect[] {
    return this.command({ kind: 'flow', flow: { turnId, receivedThroughOffset, creditTokens } }, turnId);
  }

  command(command: Record<string, unknown>, turnId = '', seq = this.seq + 1): SessionEffect[] {
    this.seq = Math.max(this.seq, seq);
    const { attachment, nowMs } = this;
    const event = { kind: 'command', attachment, command: { seq, ...command }, progress: this.at(turnId), nowMs };
    return this.step(event as SessionEvent);
  }

  at(turnId: string): Progress {
    return this.progress.get(turnId) ?? NO_PROGRESS;
  }

  /** `tokens` tokens have arrived and were sent. */
  sent(turnId: string, tokens: number, over: Partial<Progress> = {}): void {
    this.progress.set(turnId, { ...NO_PROGRESS, received: tokens, sent: tokens, cursor: tokens, ...over });
  }

  turn(turnId: string, event: TurnEvent): SessionEffect[] {
    return this.step({ kind: 'turn', turnId, event });
  }

  running(turnId: string, tokens = 0, over: Partial<StartTurn> = {}): void {
    this.start(start(turnId, over));
    this.turn(turnId, { kind: 'dispatched' });
    this.turn(turnId, { kind: 'started', promptTokens: 10, cachedTokens: 0, startOffset: 0 });
    this.sent(turnId, tokens);
  }

  cutDone(turnId: string, over: Partial<Extract<TurnEvent, { kind: 'cut-done' }>['answer']> = {}): SessionEffect[] {
    const plain = { signalId: 's1', outcome: 'applied', kvAction: 'cut-in-place', kvKeptTokens: 0 } as const;
    const offsets = { effectiveOffset: 5, generatedOffset: 8 };
    const progress = this.at(turnId);
    return this.turn(turnId, { kind: 'cut-done', answer: { ...plain, ...offsets, ...over }, progress });
  }

  ended(turnId: string, endOffset: number, status: TurnEnded['status'] = 'completed'): SessionEffect[] {
    const usage = {
      inputTokens: 0,
      cachedTokens: 0,
      outputTokens: 0,
      reasoningTokens: 0,
      discardedTokens: 0,
      draftTokens: 0,
    };
    const timing = { queueMs: 0, prefillMs: 0, firstTokenMs: 0, decodeMs: 0, controlMs: 0 };
    const ending = { status, endOffset, finishReason: 'stop', usage, timing };
    return this.turn(turnId, { kind: 'engine-ended', ending, progress: this.at(turnId) });
  }
}

export function acksOf(effects: readonly SessionEffect[]): ControlAck[] {
  return effects.flatMap((effect) => {
    if (effect.kind === 'answer-call') return [effect.ack];
    return effect.kind === 'tell' && effect.event.kind === 'control-ack' ? [effect.event] : [];
  });
}

/** Terminals of turns that never began. */
export function refusalsOf(effects: readonly SessionEffect[]): TurnEnded[] {
  return effects.flatMap((effect) =>
    effect.kind === 'tell' && effect.event.kind === 'turn-ended' ? [effect.event] : [],
  );
}

/** Effects as short words: kind and the turn they name. */
export function words(effects: readonly SessionEffect[]): string[] {
  return effects.map((effect) => {
    if (effect.kind === 'tell') {
      const { event } = effect;
      return event.kind === 'control-ack' ? `ack ${event.outcome} ${event.effectiveOffset}` : event.kind;
    }
    if (effect.kind === 'end-stream') return `end-stream ${effect.error?.code ?? 'ok'}`;
    if (effect.kind === 'bar') return `bar ${effect.turnId} ${effect.offset}`;
    if (effect.kind === 'release') return `release ${effect.mode}`;
    if (effect.kind === 'start') return `start ${effect.plan.turnId}`;
    return 'turnId' in effect ? `${effect.kind} ${effect.turnId}` : effect.kind;
  });
}
