import { describe, expect, test } from '@jest/globals';
import { ROOT_CONTEXT, trace, type HrTime, type Span, type Tracer } from '@opentelemetry/api';
import { VirtualClock } from '@reticle/core/flow';
import { createMetrics, Instruments } from '@reticle/core/process';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import type { EndedTurn } from './host/ports.ts';
import { rig } from './host/host-rig.ts';
import { observeLoad, recordedHost } from './recorded-host.ts';

const TRACE_ID = 'ab'.repeat(16);
const PARENT = 'cd'.repeat(8);

type Noted = { name: string; parent: string | undefined; from: HrTime; to: HrTime | undefined };

function recorded() {
  const metrics = createMetrics();
  const spans: Noted[] = [];
  const startSpan: Tracer['startSpan'] = (name, options, context = ROOT_CONTEXT) => {
    const parent = trace.getSpanContext(context)?.spanId;
    const noted: Noted = { name, parent, from: options?.startTime as HrTime, to: undefined };
    spans.push(noted);
    const spanId = String(spans.length).padStart(16, '0');
    const span: Span = Object.assign(trace.wrapSpanContext({ traceId: TRACE_ID, spanId, traceFlags: 1 }), {
      end: (to: HrTime) => void (noted.to = to),
    });
    return span;
  };
  const clock = new VirtualClock();
  const instruments = new Instruments(metrics);
  const observer = recordedHost({ instruments, tracer: { startSpan } as Tracer, clock, engineId: 'e', model: 'm' });
  const values = () =>
    Object.fromEntries(
      metrics
        .snapshot()
        .map((each) => [
          [each.name, ...Object.values(each.labels)].join(' '),
          each.kind === 'histogram' ? [each.count, each.sum] : each.value,
        ]),
    );
  return { observer, spans, clock, instruments, values };
}

const ended = (over: Partial<EndedTurn> = {}): EndedTurn => ({
  turnId: 't1',
  traceparent: '',
  status: TurnStatus.TURN_STATUS_COMPLETED,
  code: undefined,
  submittedMs: 0,
  startedMs: 250,
  firstTokenMs: 300,
  endedMs: 1_500,
  promptTokens: 3,
  cachedTokens: 0,
  startOffset: 0,
  generatedOffset: 40,
  ...over,
});

describe('a recorded host', () => {
  test('counts turns by their end, and times those that were evaluated', () => {
    const { observer, values, spans } = recorded();
    observer.turnEnded(ended());
    const failed = { status: TurnStatus.TURN_STATUS_FAILED, code: 'no_capacity', startedMs: undefined };
    observer.turnEnded(ended({ ...failed, firstTokenMs: undefined }));
    observer.count('epoch_stale');
    expect(values()).toEqual({
      'reticle.engine.turns.ended completed': 1,
      'reticle.engine.turns.ended failed': 1,
      'reticle.engine.prefill_seconds': [1, 0.25],
      'reticle.engine.events epoch_stale': 1,
    });
    expect(spans).toEqual([]);
  });

  test('has a span under the gateway’s, with its parts', () => {
    const { observer, spans } = recorded();
    observer.turnEnded(ended({ traceparent: `00-${TRACE_ID}-${PARENT}-01` }));
    const first = '0000000000000001';
    expect(spans.map(({ name, parent }) => [name, parent])).toEqual([
      ['reticle.engine.turn', PARENT],
      ['reticle.engine.prefill', first],
      ['reticle.engine.decode', first],
    ]);
    const [turn, prefill, decode] = spans;
    expect([prefill?.from, prefill?.to, decode?.to]).toEqual([turn?.from, decode?.from, turn?.to]);
  });

  test('has no decode where no token came', () => {
    const { observer, spans } = recorded();
    observer.turnEnded(ended({ traceparent: `00-${TRACE_ID}-${PARENT}-01`, firstTokenMs: undefined }));
    expect(spans.map(({ name }) => name)).toEqual(['reticle.engine.turn', 'reticle.engine.prefill']);
  });

  test('reads its load at each export', () => {
    const { instruments, values } = recorded();
    const { host } = rig();
    observeLoad(instruments, host);
    const { slotsTotal, slotsFree } = host.load();
    expect(values()).toMatchObject({
      'reticle.engine.sessions live': 1,
      'reticle.engine.slots free': slotsFree,
      'reticle.engine.slots used': slotsTotal - slotsFree,
      'reticle.engine.tokens.generated': 0,
    });
  });
});
