import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics, percentile, tokenGapBoundsSeconds, type HistogramSnapshot } from './metrics.ts';

const recorded = (bounds: readonly number[], values: readonly number[]): HistogramSnapshot => {
  const metrics = createMetrics();
  const histogram = metrics.histogram('reticle.test.values', bounds);
  for (const value of values) histogram.record(value);
  return metrics.snapshot()[0] as HistogramSnapshot;
};

describe('createMetrics', () => {
  test('counts, sets and shows series in order of registration', () => {
    const metrics = createMetrics();
    const frames = metrics.counter('reticle.stream.frames', { surface: 'grpc' });
    const others = metrics.counter('reticle.stream.frames', { surface: 'sse' });
    const open = metrics.gauge('reticle.stream.open');
    frames.add(2);
    frames.add(3);
    others.add(1);
    open.set(7);
    open.set(4);
    expect(metrics.snapshot()).toEqual([
      { kind: 'counter', name: 'reticle.stream.frames', labels: { surface: 'grpc' }, value: 5 },
      { kind: 'counter', name: 'reticle.stream.frames', labels: { surface: 'sse' }, value: 1 },
      { kind: 'gauge', name: 'reticle.stream.open', labels: {}, value: 4 },
    ]);
  });

  test('a snapshot does not move with what is recorded later', () => {
    const metrics = createMetrics();
    const histogram = metrics.histogram('reticle.a.b', [1]);
    const before = metrics.snapshot();
    histogram.record(1);
    expect(before[0]).toMatchObject({ count: 0, counts: [0, 0] });
  });

  test.each([
    {
      name: 'the same series',
      again: (m: ReturnType<typeof createMetrics>) => m.counter('reticle.a.b', { y: '2', x: '1' }),
    },
    { name: 'another kind of the name', again: (m: ReturnType<typeof createMetrics>) => m.gauge('reticle.a.b') },
    { name: 'a name without a dot', again: (m: ReturnType<typeof createMetrics>) => m.counter('frames') },
    { name: 'a name in camel case', again: (m: ReturnType<typeof createMetrics>) => m.counter('reticle.aB.c') },
    { name: 'bounds that fall', again: (m: ReturnType<typeof createMetrics>) => m.histogram('reticle.h.h', [2, 1]) },
    { name: 'equal bounds', again: (m: ReturnType<typeof createMetrics>) => m.histogram('reticle.h.h', [1, 1]) },
    { name: 'no bounds', again: (m: ReturnType<typeof createMetrics>) => m.histogram('reticle.h.h', []) },
  ])('refuses $name', ({ again }) => {
    const metrics = createMetrics();
    metrics.counter('reticle.a.b', { x: '1', y: '2' });
    expect(() => again(metrics)).toThrow('invariant');
    expect(metrics.snapshot()).toHaveLength(1);
  });

  test('reads an observed value at each snapshot', () => {
    const metrics = createMetrics();
    let value = 1;
    metrics.observe('gauge', 'reticle.a.b', () => value, { x: '1' });
    value = 7;
    expect(metrics.snapshot()).toEqual([{ kind: 'gauge', name: 'reticle.a.b', labels: { x: '1' }, value: 7 }]);
    expect(() => metrics.observe('counter', 'reticle.a.b', () => 0)).toThrow('one kind');
    expect(() => metrics.observe('gauge', 'reticle.a.b', () => 0, { x: '1' })).toThrow('registered once');
  });

  test('refuses a label set without end, and a counter that falls', () => {
    const metrics = createMetrics();
    const first = metrics.counter('reticle.a.b', { id: 'x' });
    const flood = () => {
      for (let index = 0; index < 20_000; index++) metrics.counter('reticle.a.b', { id: `x${index}` });
    };
    expect(flood).toThrow('label sets are closed');
    expect(() => first.add(-1)).toThrow('only grows');
    expect(() => first.add(Number.NaN)).toThrow('only grows');
  });
});

describe('histogram', () => {
  test.each([
    { name: 'a value on a bound belongs below it', values: [1, 2, 3], wantCounts: [1, 1, 1, 0] },
    { name: 'past the last bound', values: [3.5, 1e9], wantCounts: [0, 0, 0, 2] },
    { name: 'below the first bound', values: [-1, 0, 0.5], wantCounts: [3, 0, 0, 0] },
  ])('$name', ({ values, wantCounts }) => {
    expect(recorded([1, 2, 3], values)).toMatchObject({
      counts: wantCounts,
      count: values.length,
      sum: values.reduce((sum, value) => sum + value, 0),
      min: Math.min(...values),
      max: Math.max(...values),
    });
  });

  test('values that are not finite are counted apart', () => {
    expect(recorded([1], [Number.NaN, Infinity, -Infinity, 0.5])).toMatchObject({ count: 1, sum: 0.5, invalid: 3 });
  });

  test('resolves gaps of 1,000 tokens per second', () => {
    expect(tokenGapBoundsSeconds.filter((bound) => bound < 0.001).length).toBeGreaterThanOrEqual(4);
  });
});

describe('percentile', () => {
  test.each([
    { name: 'no values', values: [], fraction: 0.5, want: undefined },
    { name: 'one value', values: [1.7], fraction: 0.99, want: 1.7 },
    { name: 'all equal', values: [1.5, 1.5, 1.5], fraction: 0.5, want: 1.5 },
    { name: 'half way through a bucket', values: [1.2, 1.4, 1.6, 2], fraction: 0.5, want: 1.6 },
    { name: 'the least', values: [0.5, 5], fraction: 0, want: 0.5 },
    { name: 'the greatest, past the last bound', values: [0.5, 50], fraction: 1, want: 50 },
  ])('of $name', ({ values, fraction, want }) => {
    const got = percentile(recorded([1, 2, 4], values), fraction);
    if (want === undefined) expect(got).toBeUndefined();
    else expect(got).toBeCloseTo(want, 10);
  });

  test('property: lies in the bucket of the exact one and never falls as the fraction grows', () => {
    const bounds = [1, 2, 5, 10, 20, 50];
    const value = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 100 }),
        (values, percent) => {
          const snapshot = recorded(bounds, values);
          const fraction = percent / 100;
          const sorted = values.toSorted((a, b) => a - b);
          const exact = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
          const bucket = bounds.findIndex((bound) => exact <= bound);
          const low = bucket === 0 ? 0 : (bounds[bucket - 1] ?? 50);
          const high = bucket < 0 ? 100 : (bounds[bucket] ?? 100);
          const got = percentile(snapshot, fraction) ?? Number.NaN;
          expect(got).toBeGreaterThanOrEqual(low);
          expect(got).toBeLessThanOrEqual(high);
          expect(percentile(snapshot, 1)).toBe(snapshot.max);
          expect(percentile(snapshot, fraction / 2) ?? Number.NaN).toBeLessThanOrEqual(got);
        },
      ),
    );
  });

  test('refuses a percentage for a fraction', () => {
    expect(() => percentile(recorded([1], [1]), 99)).toThrow('invariant');
  });
});
