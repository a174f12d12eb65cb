/** Attaching to a session and reading its turns again (PROTOCOL R7, §7). */
import { ReticleError, type Tier } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnCursor } from './commands.ts';
import { findTurn, type SessionEffect, type SessionState, type SessionStep } from './session-state.ts';
import { refusedTurn } from './receipt.ts';
import { stepStored } from './turn-effects.ts';
import type { Progress, TurnState } from './turn-state.ts';

export type AttachEvent = {
  /** Chosen by the caller, never 0, never reused. */
  readonly attachment: number;
  readonly holder: string;
  readonly cursors: readonly TurnCursor[];
  /** 0 means `limits.creditTokensDefault`. */
  readonly defaultCreditTokens: number;
  /** Turns whose tokens are still held. */
  readonly spans: ReadonlyMap<string, Progress>;
  /** Tiers that turns of this attachment may ask for. */
  readonly tiers: readonly Tier[];
  readonly nowMs: number;
};

/** Where a read of a turn may begin; throws what the client is told otherwise. */
export function checkCursor(turn: TurnState, span: Progress | undefined, nextOffset: number): void {
  const { oldest, received, sent } = span ?? expired(turn);
  const end = Math.max(received, sent, turn.receipt?.generatedOffset ?? 0);
  if (nextOffset < oldest) {
    throw new ReticleError('resume_window_exceeded', 'the offset is older than what is kept', {
      param: 'next_offset',
      details: { oldest_offset: String(oldest) },
    });
  }
  if (nextOffset > end) {
    throw new ReticleError('value_out_of_range', 'the offset lies past what was generated', {
      param: 'next_offset',
      details: { limit: String(end), requested: String(nextOffset) },
    });
  }
}

/** A turn whose tokens are gone can be read from its end alone. */
function expired(turn: TurnState): Pick<Progress, 'oldest' | 'received' | 'sent'> {
  const end = turn.ending?.endOffset ?? 0;
  return { oldest: end, received: end, sent: end };
}

/** The reads of an attach: every cursor that names a held turn, then what the client did not know of. */
export function planReads(state: SessionState, attach: AttachEvent): readonly TurnCursor[] {
  const fallback = attach.defaultCreditTokens === 0 ? limits.creditTokensDefault : attach.defaultCreditTokens;
  const reads = new Map<string, TurnCursor>();
  for (const { turnId, nextOffset, creditTokens } of attach.cursors) {
    const turn = findTurn(state, turnId);
    if (turn === undefined) continue;
    checkCursor(turn, attach.spans.get(turnId), nextOffset);
    reads.set(turnId, { turnId, nextOffset, creditTokens: creditTokens === 0 ? fallback : creditTokens });
  }
  for (const [turnId, span] of attach.spans) {
    const turn = findTurn(state, turnId);
    if (turn === undefined || reads.has(turnId) || !isOwed(turn, span)) continue;
    reads.set(turnId, { turnId, nextOffset: span.oldest, creditTokens: fallback });
  }
  return [...reads.values()];
}

/** A live turn, and a finished one whose terminal reached nobody (inv. 4); calls own their turns themselves. */
function isOwed(turn: TurnState, span: Progress): boolean {
  return !turn.quiet && (turn.phase !== 'ended' || !span.told);
}

/**
 * The new attachment takes the session: the older one ends `epoch_stale`. A new holder counts `seq` from 1
 * again. The epoch was raised by the engine before this.
 *
 * @throws ReticleError as {@link checkCursor}; nothing has changed then
 */
export function attach(state: SessionState, event: AttachEvent): SessionStep {
  const reads = planReads(state, event);
  const effects: SessionEffect[] = displaced(state);
  const fallback = event.defaultCreditTokens === 0 ? limits.creditTokensDefault : event.defaultCreditTokens;
  let next: SessionState = {
    ...state,
    attachment: event.attachment,
    halfClosed: false,
    holder: event.holder,
    config: { ...state.config, tiers: event.tiers },
    lastSeq: event.holder === state.holder ? state.lastSeq : 0,
    defaultCreditTokens: Math.min(fallback, limits.ringTokens),
    touchedMs: event.nowMs,
  };
  for (const read of reads) {
    const turn = findTurn(next, read.turnId);
    if (turn === undefined) continue;
    const { nextOffset, creditTokens } = read;
    const resumed = stepStored(next, turn, { kind: 'resumed', nextOffset, creditTokens });
    next = resumed.state;
    // At offset 0 a client may name a turn whose start it has not been told yet.
    const known = nextOffset > 0 && event.cursors.some((cursor) => cursor.turnId === read.turnId);
    // The budget first: the reader must not send by the window of the attachment before.
    effects.push(...resumed.effects, { kind: 'read', ...read, known });
  }
  effects.push(...tellGone(next, event));
  return { state: next, effects };
}

/**
 * A turn that the client has tokens of and that neither this gateway nor an engine knows any more gets its terminal
 * (inv. 4). One without tokens is left to its StartTurn, which the client keeps until the first of them.
 */
function tellGone(state: SessionState, { cursors }: AttachEvent): SessionEffect[] {
  const error = { code: 'engine_lost', message: 'neither a gateway nor an engine knows the turn', param: '' } as const;
  return cursors.flatMap(({ turnId, nextOffset }) => {
    if (nextOffset === 0 || findTurn(state, turnId) !== undefined) return [];
    const ended = { ...refusedTurn(turnId, state.epoch, error), endOffset: nextOffset, finishReason: 'error' };
    return [{ kind: 'tell', event: ended }];
  });
}

/** Ends the attachment that another one replaces. */
export function displaced(state: SessionState): SessionEffect[] {
  if (state.attachment === 0) return [];
  const error = new ReticleError('epoch_stale', 'another attachment took this session');
  return [{ kind: 'end-stream', attachment: state.attachment, error }];
}
