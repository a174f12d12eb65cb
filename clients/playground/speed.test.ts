import { describe, expect, test } from '@jest/globals';
import { graphPath, graphTop } from './speed-graph.ts';
import { BIN_MS, BINS, counted, movedTo, noSpeed, rate } from './speed.ts';

const total = ({ bins }: { readonly bins: readonly number[] }): number => bins.reduce((sum, each) => sum + each, 0);

describe('Speed', () => {
  test('keeps ten seconds of counts', () => {
    let speed = counted(noSpeed, 5, 1_000);
    speed = counted(speed, 7, 1_050);
    speed = counted(speed, 3, 2_000);
    expect(speed.bins.slice(-11)).toEqual([12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    expect(total(movedTo(speed, 1_000 + BINS * BIN_MS))).toBe(3);
    expect(total(movedTo(speed, 1e9))).toBe(0);
    expect(speed.bins).toHaveLength(BINS);
  });

  test('time that runs backwards is the newest', () => {
    expect(counted(counted(noSpeed, 1, 5_000), 2, 4_000).bins.at(-1)).toBe(3);
  });

  test.each([
    { name: 'a full second', sinceMs: 0, atMs: 2_000, wantRate: 1_000 },
    { name: 'a stream that has just begun', sinceMs: 1_500, atMs: 2_000, wantRate: 1_000 },
    { name: 'nothing for a while', sinceMs: 0, atMs: 60_000, wantRate: 0 },
    { name: 'a stream that begins this moment', sinceMs: 2_000, atMs: 2_000, wantRate: 1_000 },
  ])('rate: $name', ({ sinceMs, atMs, wantRate }) => {
    let speed = noSpeed;
    for (let ms = 1_000; ms <= 2_000; ms += BIN_MS) speed = counted(speed, BIN_MS, ms);
    expect(rate(speed, atMs, sinceMs)).toBe(wantRate);
  });
});

describe('the graph', () => {
  test('fits its scale to what it shows', () => {
    const quick = counted(counted(counted(noSpeed, 210, 0), 210, 100), 210, 200);
    expect([graphTop(noSpeed.bins), graphTop(quick.bins)]).toEqual([500, 2_500]);
  });

  test('draws every bin, from left to right, and never above its box', () => {
    const path = graphPath(counted(noSpeed, 10_000, 0).bins, 500);
    const points = path.slice(1).split(' L');
    expect(points).toHaveLength(BINS);
    expect([points[0], points.at(-1)]).toEqual(['0.00 40.00', '100.00 0.00']);
  });
});
