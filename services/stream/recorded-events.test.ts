import { describe, expect, test } from '@jest/globals';
import { ROOT_CONTEXT, trace, type Attributes, type Span, type SpanContext, type Tracer } from '@opentelemetry/api';
import { ReticleError, type TraceContext } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { createMetrics, Instruments, memoryLogger, type MetricSnapshot } from '@reticle/core/process';
import type { ControlAck } from '@reticle/services/session';
import type { TurnFacts, TurnOutcome } from './events.ts';
import { recordedEvents } from './recorded-events.ts';
import { SessionsRig, caller, interrupt, start } from './sessions-rig.ts';

const PARENT: TraceContext = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 };

type Noted = { name: string; parent: SpanContext | undefined; attributes: Attributes; events: string[]; ended: number };

/** Keeps the spans that it is asked for, with how often each was ended. */
function keptSpans(): { spans: Noted[]; tracer: Tracer } {
  const spans: Noted[] = [];
  const startSpan: Tracer['startSpan'] = (name, { attributes = {} } = {}, context = ROOT_CONTEXT) => {
    const noted: Noted = { name, parent: trace.getSpanContext(context), attributes, events: [], ended: 0 };
    spans.push(noted);
    const ids = { traceId: noted.parent?.traceId ?? 'ef'.repeat(16), spanId: '12'.repeat(8), traceFlags: 1 };
    const span: Span = Object.assign(trace.wrapSpanContext(ids), {
      isRecording: () => true,
      addEvent: (event: string) => (noted.events.push(event), span),
      setAttribute: (key: string, value: string) => ((noted.attributes = { ...noted.attributes, [key]: value }), span),
      setAttributes: (more: Attributes) => ((noted.attributes = { ...noted.attributes, ...more }), span),
      end: () => void (noted.ended += 1),
    });
    return span;
  };
  return { spans, tracer: { startSpan } as Tracer };
}

function rig() {
  const metrics = createMetrics();
  const clock = new VirtualClock();
  const logger = memoryLogger();
  const { spans, tracer } = keptSpans();
  const events = recordedEvents({ instruments: new Instruments(metrics), tracer, clock, logger });
  const facts: TurnFacts = {
    sessionId: 's',
    turnId: 't1',
    tier: 'fast',
    model: 'spark-ref',
    parent: undefined,
    resumed: false,
  };
  const turn = (over: Partial<TurnFacts> = {}) => events.turn({ ...facts, ...over });
  return { metrics, clock, logger, spans, events, turn };
}

const outcome = (over: Partial<TurnOutcome> = {}): TurnOutcome => ({
  status: 'completed',
  code: undefined,
  finishReason: 'stop',
  inputTokens: 7,
  cachedTokens: 0,
  wastedTokens: 0,
  ...over,
});

/** Series as `name{values}` with the value, or count and sum. */
function shown(snapshots: readonly MetricSnapshot[]): Record<string, number | readonly [number, number]> {
  const model = new Set(['chat', 'reticle', 'spark-ref']);
  return Object.fromEntries(
    snapshots.map((each) => {
      const labels = Object.values(each.labels).filter((value) => !model.has(value));
      const sum = each.kind === 'histogram' ? Math.round(each.sum * 1e6) / 1e6 : 0;
      return [`${each.name}{${labels.join()}}`, each.kind === 'histogram' ? [each.count, sum] : each.value];
    }),
  );
}

describe('a turn', () => {
  test('is timed from its request, to its first token, per later token, and to its last word', () => {
    const { metrics, clock, turn } = rig();
    const meter = turn();
    clock.advance(10);
    meter.sentTo('e1');
    clock.advance(30);
    meter.delivered(1);
    clock.advance(100);
    meter.delivered(50);
    meter.ended(outcome());
    clock.advance(5);
    meter.told();
    expect(shown(metrics.snapshot())).toEqual({
      'reticle.sessions.open{}': 0,
      'reticle.turns.live{}': 0,
      'reticle.tokens.delivered{fast}': 51,
      'reticle.turns.ended{fast,completed}': 1,
      'gen_ai.client.token.usage{input}': [1, 7],
      'gen_ai.client.token.usage{output}': [1, 51],
      'gen_ai.server.request.duration{}': [1, 0.145],
      'gen_ai.server.time_to_first_token{}': [1, 0.04],
      'gen_ai.server.time_per_output_token{}': [1, 0.002],
    });
  });

  test('that fails is counted with its code, has no time to a first token, and is logged', () => {
    const { metrics, logger, turn } = rig();
    const meter = turn({ parent: PARENT });
    meter.delivered(3);
    meter.ended(outcome({ status: 'failed', code: 'engine_lost', inputTokens: 0 }));
    meter.told();
    const series = shown(metrics.snapshot());
    expect(series).toMatchObject({
      'reticle.turns.ended{fast,failed}': 1,
      'gen_ai.server.request.duration{engine_lost}': [1, 0],
      'gen_ai.client.token.usage{output}': [1, 3],
    });
    expect(Object.keys(series)).not.toContain('gen_ai.server.time_to_first_token{}');
    expect(Object.keys(series)).not.toContain('gen_ai.client.token.usage{input}');
    const fields = { session: 's', turn: 't1', status: 'failed', code: 'engine_lost', traceId: PARENT.traceId };
    expect(logger.records).toMatchObject([{ level: 'warn', message: 'turn failed', fields }]);
    expect(logger.dropped()).toBe(0);
  });

  test('whose client is gone ends when it is forgotten, at the time of its end', () => {
    const { metrics, clock, spans, turn } = rig();
    const meter = turn();
    clock.advance(20);
    meter.ended(outcome());
    expect(shown(metrics.snapshot())).toMatchObject({ 'reticle.turns.live{}': 0 });
    clock.advance(60_000);
    meter.closed();
    expect(shown(metrics.snapshot())).toMatchObject({ 'gen_ai.server.request.duration{}': [1, 0.02] });
    expect(spans.map(({ ended }) => ended)).toEqual([1]);
  });

  test('that goes on at another gateway is no end, and has no duration', () => {
    const { metrics, spans, turn } = rig();
    const meter = turn();
    meter.closed();
    meter.ended(outcome());
    meter.told();
    expect(shown(metrics.snapshot())).toEqual({
      'reticle.sessions.open{}': 0,
      'reticle.turns.live{}': 0,
      'reticle.tokens.delivered{fast}': 0,
    });
    expect(spans).toMatchObject([{ ended: 1, attributes: { 'reticle.turn.left': true } }]);
  });

  test('that came from another gateway is counted and not timed', () => {
    const { metrics, turn } = rig();
    const meter = turn({ resumed: true });
    meter.delivered(4);
    meter.ended(outcome());
    meter.told();
    const series = shown(metrics.snapshot());
    expect(series).toMatchObject({ 'reticle.turns.ended{fast,completed}': 1, 'reticle.tokens.delivered{fast}': 4 });
    expect(Object.keys(series).filter((name) => name.startsWith('gen_ai.server'))).toEqual([]);
  });

  test('ends once, however often it is told', () => {
    const { metrics, spans, logger, turn } = rig();
    const meter = turn();
    for (let times = 0; times < 2; times++) {
      meter.ended(outcome({ wastedTokens: 5 }));
      meter.told();
      meter.closed();
    }
    expect(shown(metrics.snapshot())).toMatchObject({
      'reticle.turns.ended{fast,completed}': 1,
      'reticle.turns.live{}': 0,
      'reticle.tokens.wasted{fast}': 5,
      'gen_ai.server.request.duration{}': [1, 0],
    });
    expect([spans.map(({ ended }) => ended), logger.records.length]).toEqual([[1], 1]);
  });

  test('hands its caller’s trace to the engine', () => {
    const { spans, turn } = rig();
    expect(turn({ parent: PARENT }).traceparent).toBe(`00-${PARENT.traceId}-${'12'.repeat(8)}-01`);
    expect(spans[0]?.parent).toMatchObject({ ...PARENT, isRemote: true });
  });
});

describe('a session', () => {
  test.each([
    ['opened', undefined, ''],
    ['refused', new ReticleError('no_capacity', 'x'), 'no_capacity'],
    ['failed by a defect', new Error('x'), 'internal'],
  ])('%s', (_, error, want) => {
    const { metrics, clock, spans, events } = rig();
    const opened = events.sessionOpening({ model: 'spark-ref', tier: 'fast', parent: PARENT });
    clock.advance(3);
    opened(error);
    expect(shown(metrics.snapshot())).toMatchObject({ [`reticle.sessions.open_seconds{${want}}`]: [1, 0.003] });
    expect(spans).toMatchObject([{ name: 'reticle.session.open', parent: PARENT, ended: 1 }]);
  });
});

describe('the session layer', () => {
  function layer() {
    const { events, ...rest } = rig();
    return { ...rest, at: new SessionsRig({ events }) };
  }

  test('counts a token once that two clients read, and a control at each answer', async () => {
    const { metrics, at } = layer();
    await at.running('t1', 30);
    await at.attach({ cursors: [{ turnId: 't1', nextOffset: 10, creditTokens: 100 }] });
    await at.settle();
    at.engine.tokens('t1', 30, 35);
    at.send({ kind: 'interrupt', interrupt: interrupt('unknown') });
    at.send({ kind: 'interrupt', interrupt: interrupt('unknown') });
    const billed = at.ledger.billedTokens(at.sessionId, 't1');
    expect(shown(metrics.snapshot())).toMatchObject({
      'reticle.tokens.delivered{ultrafast}': billed,
      'reticle.controls.answered{not-found}': 2,
      'reticle.turns.live{}': 1,
      'reticle.sessions.open{}': 1,
    });
    expect(billed).toBe(35);
  });

  test('counts the answer to a control of a session that is open elsewhere', async () => {
    const { metrics, events } = rig();
    const first = new SessionsRig();
    await first.create();
    const ack = { kind: 'control-ack', seq: 0, signalId: 's1', turnId: 't1', outcome: 'applied' } as ControlAck;
    const remote = { signal: () => Promise.resolve(ack), locate: () => Promise.resolve(undefined) };
    const second = new SessionsRig({ events, remote });
    await second.sessions.signalTurn(caller, { resumeToken: first.token, signal: interrupt('t1') });
    expect(shown(metrics.snapshot())).toMatchObject({ 'reticle.controls.answered{applied}': 1 });
  });

  test('counts a turn that was refused as such, not as one that ended', async () => {
    const { metrics, at } = layer();
    await at.create();
    await at.attach();
    at.send({ kind: 'start-turn', start: start('t1', { parentTurnId: 'nobody' }) });
    const series = shown(metrics.snapshot());
    expect(series).toMatchObject({ 'reticle.refusals{turn,turn_not_found}': 1, 'reticle.turns.live{}': 0 });
    expect(Object.keys(series).some((name) => name.startsWith('reticle.turns.ended'))).toBe(false);
  });

  test('lets no turn live past its session', async () => {
    const { metrics, at } = layer();
    await at.running('t1', 5);
    await at.sessions.closeSession(caller, at.sessionId);
    await at.settle();
    expect(shown(metrics.snapshot())).toMatchObject({ 'reticle.turns.live{}': 0, 'reticle.sessions.open{}': 0 });
  });
});
