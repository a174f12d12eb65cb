/**
 * A turn's way through the driver: start, rows, pauses, end. Cuts decide the end offset (cut-control.ts);
 * everything that changes `phase` is here.
 *
 * Invariants
 *  1. A turn ends exactly once; its stream id is free from then on.
 *  2. A stream is paused while one of its reasons holds, and only between `started` and its halt.
 *  3. Rows of a stream whose turn is done are a driver's defect.
 */
import { assert, type ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import type { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { StartWork, StepBatch, Truncation } from '../contract.ts';
import type { HostState } from './host-state.ts';
import { turnError } from './messages.ts';
import type { EndedTurn } from './ports.ts';
import { PauseReason, type HaltCause, type Turn, type TurnFinal } from './turn.ts';

export type TurnWork = Omit<StartWork, 'stream' | 'parent'>;

/** Hands a turn to the driver; `parent` exists. A halt asked while it waited takes effect at once. */
export function launch(host: HostState, turn: Turn, work: TurnWork & { readonly parent: number }): void {
  turn.phase = 'prefilling';
  turn.stream = host.openStream(turn);
  host.driver.start({ ...work, stream: turn.stream });
  if (turn.haltCause !== undefined) halt(host, turn, turn.haltCause);
  host.changed();
}

export function streamStarted(
  host: HostState,
  turn: Turn,
  result: { promptTokens: number; cachedTokens: number; startOffset: number },
): void {
  host.progress++;
  assert(result.startOffset === turn.ledger.generated, 'a stream starts behind its forced tokens');
  if (result.startOffset > 0) turn.ledger.fill(host.driver.forcedTokens(turn.stream, turn.ledger.base));
  turn.started = { ...result, continuation: turn.continuation };
  turn.times.startedMs = host.clock.nowMs();
  if (turn.phase !== 'prefilling') return;
  turn.phase = 'decoding';
  if (turn.pauseReasons !== 0) host.driver.pause(turn.stream);
  if (turn.session.parked) host.driver.park({ stream: turn.stream });
  turn.channel?.touch(turn);
}

/** Copies a batch into the rings; the links are flushed by the caller, once. */
export function appendBatch(host: HostState, batch: StepBatch): void {
  host.progress++;
  host.tokens += batch.tokens;
  let tokenAt = 0;
  let textAt = 0;
  for (let row = 0; row < batch.rows; row++) {
    const turn = host.turnOf(batch.stream[row] as number);
    const count = batch.count[row] as number;
    assert(turn !== undefined, 'a driver emits rows of open streams only');
    assert(batch.firstOffset[row] === turn.ledger.generated, 'a stream has no gap and no repeat');
    textAt = turn.ledger.append(batch, tokenAt, count, textAt);
    turn.ids.append(batch.tokenId, tokenAt, count);
    tokenAt += count;
    turn.newestMicros = batch.dueMicros[row] as number;
    turn.times.firstTokenMs ??= host.clock.nowMs();
    if (turn.ledger.full(host.driver.capabilities.maxStepTokens)) pause(host, turn, PauseReason.ring);
    turn.channel?.touch(turn);
  }
}

export function pause(host: HostState, turn: Turn, reason: number): void {
  if ((turn.pauseReasons & reason) !== 0) return;
  const running = turn.pauseReasons === 0;
  turn.pauseReasons |= reason;
  if (reason === PauseReason.ring) host.observer.count('stream_paused_ring');
  if (running && drives(host, turn)) host.driver.pause(turn.stream);
}

export function unpause(host: HostState, turn: Turn, reason: number): void {
  if ((turn.pauseReasons & reason) === 0) return;
  turn.pauseReasons &= ~reason;
  if (turn.pauseReasons === 0 && drives(host, turn)) host.driver.resume(turn.stream);
}

/** A broken driver hears no more of its streams. */
function drives(host: HostState, turn: Turn): boolean {
  return turn.phase === 'decoding' && host.condition !== 'failed';
}

/** The receiver has moved: the stream runs while its ring has room. */
export function relieve(host: HostState, turn: Turn): void {
  if (turn.ledger.full(host.driver.capabilities.maxStepTokens)) pause(host, turn, PauseReason.ring);
  else unpause(host, turn, PauseReason.ring);
  turn.channel?.touch(turn);
}

/** A cut replaces the host's own reasons, and a drop replaces everything. */
const haltRank: Readonly<Record<HaltCause, number>> = { max_duration: 1, drain: 1, cut: 2, drop: 3 };

/**
 * Asks the stream to stop; the answer is `halted`, `ended` or `failed`. A turn that waits for its parent's
 * context stops once it has its own, so that what it was given is not lost to its children.
 */
export function halt(host: HostState, turn: Turn, cause: HaltCause): void {
  const rank = turn.haltCause === undefined ? 0 : haltRank[turn.haltCause];
  if (haltRank[cause] < rank) return;
  turn.haltCause = cause;
  if (turn.phase !== 'prefilling' && turn.phase !== 'decoding') return;
  if (host.condition === 'failed') return;
  turn.phase = 'halting';
  host.driver.halt(turn.stream);
}

export type TurnEnding = {
  readonly status: TurnStatus;
  readonly endOffset: number;
  readonly finishReason: string;
  readonly error?: ReticleError;
  /** The driver failed the stream and keeps nothing of it. */
  readonly lost?: boolean;
};

/** A turn that is made again up to its end comes to the same end, however the driver got there. */
function asSettled({ settled, ledger }: Turn, ending: TurnEnding): Omit<TurnFinal, 'error' | 'context'> {
  const { status, finishReason } = settled?.ended ?? ending;
  const { endOffset, error } = ending;
  if (settled?.endOffset === endOffset && error === undefined) {
    return { status, endOffset, finishReason, generated: Math.max(settled.generated, ledger.generated) };
  }
  return { status: ending.status, endOffset, finishReason: ending.finishReason, generated: ledger.generated };
}

/** Fixes the turn's end and makes its context, unless the driver lost the stream. */
export function finish(host: HostState, turn: Turn, ending: TurnEnding): Truncation | undefined {
  assert(turn.final === undefined, 'a turn ends once');
  const { error, lost = false } = ending;
  const { status, endOffset, generated, finishReason } = asSettled(turn, ending);
  host.progress++;
  turn.cancelDuration?.();
  let truncation: Truncation | undefined;
  let context: number | undefined;
  if (turn.stream >= 0) {
    if (!lost) {
      context = host.nextContext();
      truncation = host.driver.truncate(turn.stream, endOffset, context);
    }
    host.closeStream(turn);
    if (context !== undefined && turn.session.parked) host.driver.park({ context });
  }
  host.failpoint('engine.before-ended');
  turn.phase = 'done';
  const final: TurnFinal = {
    status,
    endOffset,
    generated,
    finishReason,
    error: error === undefined ? undefined : turnError(error),
    context,
  };
  turn.final = final;
  turn.ledger.close(endOffset);
  turn.ids.close(endOffset);
  turn.marks.close(endOffset);
  turn.times.endedMs = host.clock.nowMs();
  turn.keepUntilMs = turn.times.endedMs + limits.ringKeepMs;
  turn.channel?.touch(turn);
  host.changed();
  host.observer.turnEnded(endedTurn(turn, final, turn.times.endedMs));
  return truncation;
}

function endedTurn(turn: Turn, { status, error, generated }: TurnFinal, endedMs: number): EndedTurn {
  const { turnId, started, times } = turn;
  return {
    turnId,
    traceparent: turn.start.traceparent,
    status,
    code: error?.code,
    submittedMs: times.submittedMs,
    startedMs: times.startedMs,
    firstTokenMs: times.firstTokenMs,
    endedMs,
    promptTokens: started?.promptTokens ?? 0,
    cachedTokens: started?.cachedTokens ?? 0,
    startOffset: started?.startOffset ?? 0,
    generatedOffset: generated,
  };
}
