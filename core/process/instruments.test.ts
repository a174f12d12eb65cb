import { describe, expect, test } from '@jest/globals';
import { Instruments } from './instruments.ts';
import { metricTable, type MetricRow } from './metric-table.ts';
import { createMetrics } from './metrics.ts';

const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'reticle' };

describe('instruments of the table', () => {
  test('give one series for one set of labels, in any order', () => {
    const metrics = createMetrics();
    const instruments = new Instruments(metrics);
    instruments.counter('reticle.refusals', { at: 'turn', code: 'draining' }).add(1);
    instruments.counter('reticle.refusals', { code: 'draining', at: 'turn' }).add(2);
    const labels = { at: 'turn', code: 'draining' };
    expect(metrics.snapshot()).toEqual([{ kind: 'counter', name: 'reticle.refusals', labels, value: 3 }]);
  });

  test('leave out a label without a value', () => {
    const metrics = createMetrics();
    new Instruments(metrics).histogram('reticle.sessions.open_seconds', { 'error.type': undefined }).record(1);
    expect(metrics.snapshot().map(({ labels }) => labels)).toEqual([{}]);
  });

  test('refuse a label that the table does not have', () => {
    const instruments = new Instruments(createMetrics());
    const labels = { tier: 'default', tenant: 'acme' } as { tier: string };
    expect(() => instruments.counter('reticle.tokens.delivered', labels)).toThrow('these labels alone');
  });

  test('fold models past 1,000 to one, and keep the first ones', () => {
    const metrics = createMetrics();
    const instruments = new Instruments(metrics);
    const record = (model: string): void =>
      instruments.histogram('gen_ai.server.time_to_first_token', { ...chat, 'gen_ai.request.model': model }).record(1);
    for (let index = 0; index < 1_100; index++) record(`model-${index}`);
    record('model-0');
    const counts = new Map(
      metrics
        .snapshot()
        .map((each) => [each.labels['gen_ai.request.model'], each.kind === 'histogram' ? each.count : 0]),
    );
    expect([counts.size, counts.get('other'), counts.get('model-0')]).toEqual([1_001, 100, 2]);
  });

  test('fold pairs of model and error past 1,000', () => {
    const metrics = createMetrics();
    const instruments = new Instruments(metrics);
    for (let index = 0; index < 1_100; index++) {
      const labels = { ...chat, 'gen_ai.request.model': `m${index % 100}`, 'error.type': `e${index % 11}` };
      instruments.histogram('gen_ai.server.request.duration', labels).record(1);
    }
    const folded = metrics.snapshot().filter(({ labels }) => labels['gen_ai.request.model'] === 'other');
    expect([metrics.snapshot().length - folded.length, folded.length]).toEqual([1_000, 11]);
  });
});

describe('the table', () => {
  const rows: [string, MetricRow][] = Object.entries(metricTable);

  test.each(rows)('%s names nobody, and a histogram has bounds', (_, row) => {
    expect(Object.keys(row.labels).filter((label) => /tenant|session|turn|key|user|engine|id$/.test(label))).toEqual(
      [],
    );
    expect(row.bounds !== undefined).toBe(row.kind === 'histogram');
  });
});
