/** The session layer's events as metrics, spans and log records. */
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { isReticleError } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { hrTime, type Instruments, type Logger } from '@reticle/core/process';
import type { StreamEvents, TurnFacts } from './events.ts';
import { contextOf, RecordedTurn } from './recorded-turn.ts';

export type RecordedEventsOptions = {
  readonly instruments: Instruments;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** One per gateway: its gauges are the gateway's. */
export function recordedEvents(options: RecordedEventsOptions): StreamEvents {
  const { instruments } = options;
  const sessions = instruments.gauge('reticle.sessions.open', {});
  const live = instruments.gauge('reticle.turns.live', {});
  let liveTurns = 0;
  live.set(0);
  sessions.set(0);
  const liveBy = (change: 1 | -1): void => live.set((liveTurns += change));
  return {
    turn: (facts) => new RecordedTurn(facts, { ...options, liveBy }),
    sessionOpening: (facts) => openingSession(options, facts),
    sessions: (count) => sessions.set(count),
    controlAnswered: (outcome) => instruments.counter('reticle.controls.answered', { outcome }).add(1),
    refused: (at, code) => instruments.counter('reticle.refusals', { at, code }).add(1),
    linkLost: (cause) => instruments.counter('reticle.links.lost', { cause }).add(1),
  };
}

function openingSession(
  { instruments, tracer, clock }: RecordedEventsOptions,
  { model, tier, parent }: Pick<TurnFacts, 'model' | 'tier' | 'parent'>,
): (error?: unknown) => void {
  const startMs = clock.nowMs();
  const startTime = hrTime(clock.wallMs());
  const attributes = { 'gen_ai.provider.name': 'reticle', 'gen_ai.request.model': model, 'reticle.tier': tier };
  const options = { kind: SpanKind.INTERNAL, startTime, attributes };
  const span = tracer.startSpan('reticle.session.open', options, contextOf(parent));
  return (error) => {
    const code = error === undefined ? undefined : isReticleError(error) ? error.code : 'internal';
    instruments
      .histogram('reticle.sessions.open_seconds', { 'error.type': code })
      .record((clock.nowMs() - startMs) / 1_000);
    if (code !== undefined) span.setAttribute('error.type', code).setStatus({ code: SpanStatusCode.ERROR });
    span.end(hrTime(clock.wallMs()));
  };
}
