/**
 * One turn as metrics, a span and a log record.
 *
 * Times are noted when things happen; what they mean is made once, at the end: the span's children (queue, prefill,
 * decode), the histograms, the record. Invariants:
 *  1. A turn counts as ended once, and as live from its making until then or until it is let go.
 *  2. The span ends once: when the client was told the end, else when the turn is forgotten, at the time of its end.
 */
import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { formatTraceparent, type TraceContext } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { hrTime, type Counter, type Instruments, type Logger } from '@reticle/core/process';
import type { ControlOutcome } from '@reticle/services/session';
import type { TurnFacts, TurnMeter, TurnOutcome } from './events.ts';
import type { MoveReason } from './session-facts.ts';

export type RecordedTurnParts = {
  readonly instruments: Instruments;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly liveBy: (change: 1 | -1) => void;
};

/** A time that has not come. */
const NEVER = -1;

export class RecordedTurn implements TurnMeter {
  readonly #facts: TurnFacts;
  readonly #parts: RecordedTurnParts;
  readonly #span: Span;
  readonly #delivered: Counter;
  readonly #createdMs: number;
  readonly #createdWallMs: number;
  readonly traceparent: string;
  #sentMs = NEVER;
  #firstMs = NEVER;
  #lastMs = NEVER;
  #endedMs = NEVER;
  #firstTokens = 0;
  #tokens = 0;
  #outcome: TurnOutcome | undefined;
  #over = false;

  constructor(facts: TurnFacts, parts: RecordedTurnParts) {
    const { tracer, clock, instruments } = parts;
    this.#facts = facts;
    this.#parts = parts;
    this.#createdMs = clock.nowMs();
    this.#createdWallMs = clock.wallMs();
    const options = { kind: SpanKind.SERVER, startTime: this.#at(this.#createdMs), attributes: attributesOf(facts) };
    this.#span = tracer.startSpan(`chat ${facts.model}`, options, contextOf(facts.parent));
    const context = this.#span.spanContext();
    this.traceparent = isSpanContextValid(context) ? formatTraceparent(context) : '';
    this.#delivered = instruments.counter('reticle.tokens.delivered', { tier: facts.tier });
    parts.liveBy(1);
  }

  sentTo(engineId: string): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#sentMs === NEVER) this.#sentMs = nowMs;
    this.#span.addEvent('reticle.turn.sent', { 'reticle.engine': engineId }, this.#at(nowMs));
  }

  delivered(tokens: number): void {
    const nowMs = this.#parts.clock.nowMs();
    if (this.#firstMs === NEVER) {
      this.#firstMs = nowMs;
      this.#firstTokens = tokens;
    }
    this.#lastMs = nowMs;
    this.#tokens += tokens;
    this.#delivered.add(tokens);
  }

  moved(reason: MoveReason): void {
    const { instruments, logger, clock } = this.#parts;
    instruments.counter('reticle.turns.moved', { reason }).add(1);
    this.#span.addEvent('reticle.turn.moved', { 'reticle.reason': reason }, this.#at(clock.nowMs()));
    logger.info('turn begun again', { ...this.#ids(), reason });
  }

  control(outcome: ControlOutcome): void {
    const at = this.#at(this.#parts.clock.nowMs());
    this.#span.addEvent('reticle.turn.control', { 'reticle.outcome': outcome }, at);
  }

  ended(outcome: TurnOutcome): void {
    if (this.#outcome !== undefined || this.#over) return;
    const { instruments, clock, liveBy } = this.#parts;
    const { tier } = this.#facts;
    this.#outcome = outcome;
    this.#endedMs = clock.nowMs();
    liveBy(-1);
    instruments.counter('reticle.turns.ended', { tier, status: outcome.status }).add(1);
    if (outcome.wastedTokens > 0) instruments.counter('reticle.tokens.wasted', { tier }).add(outcome.wastedTokens);
  }

  told(): void {
    if (this.#outcome !== undefined) this.#finish(this.#outcome, this.#parts.clock.nowMs());
  }

  closed(): void {
    if (this.#over) return;
    if (this.#outcome !== undefined) {
      this.#finish(this.#outcome, this.#endedMs);
      return;
    }
    // The turn goes on at another gateway, which tells its end.
    this.#over = true;
    this.#parts.liveBy(-1);
    this.#span.setAttribute('reticle.turn.left', true).end(this.#at(this.#parts.clock.nowMs()));
  }

  #finish(outcome: TurnOutcome, endMs: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#record(outcome, endMs);
    if (this.#span.isRecording()) this.#trace(outcome);
    this.#span.end(this.#at(endMs));
    this.#log(outcome, endMs);
  }

  #record({ status, code, inputTokens }: TurnOutcome, endMs: number): void {
    const { instruments } = this.#parts;
    const labels = labelsOf(this.#facts.model);
    const usage = (type: 'input' | 'output'): { record(tokens: number): void } =>
      instruments.histogram('gen_ai.client.token.usage', { ...labels, 'gen_ai.token.type': type });
    if (inputTokens > 0) usage('input').record(inputTokens);
    usage('output').record(this.#tokens);
    if (this.#facts.resumed) return;
    instruments
      .histogram('gen_ai.server.request.duration', { ...labels, 'error.type': code })
      .record((endMs - this.#createdMs) / 1_000);
    if (status === 'failed' || this.#firstMs === NEVER) return;
    instruments
      .histogram('gen_ai.server.time_to_first_token', labels)
      .record((this.#firstMs - this.#createdMs) / 1_000);
    const later = this.#tokens - this.#firstTokens;
    if (later === 0) return;
    // The first frame's tokens came at one time: what is timed is the others.
    instruments
      .histogram('gen_ai.server.time_per_output_token', labels)
      .record((this.#lastMs - this.#firstMs) / 1_000 / later);
  }

  #trace({ status, code, finishReason, inputTokens, cachedTokens, wastedTokens }: TurnOutcome): void {
    this.#span.setAttributes({
      'gen_ai.usage.input_tokens': inputTokens,
      'gen_ai.usage.cache_read.input_tokens': cachedTokens,
      'gen_ai.usage.output_tokens': this.#tokens,
      'gen_ai.response.finish_reasons': [finishReason],
      'reticle.turn.status': status,
      'reticle.tokens.wasted': wastedTokens,
    });
    if (code !== undefined) this.#span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR });
    this.#child('reticle.turn.queue', this.#createdMs, this.#sentMs);
    this.#child('reticle.turn.prefill', this.#sentMs, this.#firstMs);
    this.#child('reticle.turn.decode', this.#firstMs, this.#lastMs);
  }

  #child(name: string, fromMs: number, toMs: number): void {
    if (fromMs === NEVER || toMs === NEVER) return;
    const context = trace.setSpan(ROOT_CONTEXT, this.#span);
    this.#parts.tracer.startSpan(name, { startTime: this.#at(fromMs) }, context).end(this.#at(toMs));
  }

  #log({ status, code }: TurnOutcome, endMs: number): void {
    const ms = Math.round(endMs - this.#createdMs);
    const fields = { ...this.#ids(), status, code, tokens: this.#tokens, ms };
    const { logger } = this.#parts;
    if (status === 'failed') logger.warn('turn failed', fields);
    else logger.debug('turn ended', fields);
  }

  #ids(): { session: string; turn: string; model: string; tier: string; traceId: string | undefined } {
    const { sessionId, turnId, model, tier } = this.#facts;
    const traceId = this.traceparent === '' ? undefined : this.#span.spanContext().traceId;
    return { session: sessionId, turn: turnId, model, tier, traceId };
  }

  /** Wall time of a moment of the monotonic clock: a span does not bend when the wall clock is set. */
  #at(nowMs: number): HrTime {
    return hrTime(this.#createdWallMs + nowMs - this.#createdMs);
  }
}

/** Where a span of ours hangs: under its caller's, or at the root of a trace of its own. */
export function contextOf(parent: TraceContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

function labelsOf(
  model: string,
): Record<'gen_ai.operation.name' | 'gen_ai.provider.name' | 'gen_ai.request.model', string> {
  return { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'reticle', 'gen_ai.request.model': model };
}

function attributesOf({ sessionId, turnId, tier, model }: TurnFacts): Record<string, string> {
  return {
    ...labelsOf(model),
    'gen_ai.conversation.id': sessionId,
    'reticle.turn.id': turnId,
    'reticle.tier': tier,
  };
}
