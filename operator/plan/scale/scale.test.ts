import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { PresenceFact } from '../facts.ts';
import { isOpen, scale, scaleState, wantOf, type ScaleSample, type ScaleState } from './scale.ts';

const NOW = Date.UTC(2026, 6, 6, 9); // a Monday
const planned = { tokensPerSecond: 20_000, streams: 30, kvTokens: 3_000_000 };

const head = (overrides: Partial<PresenceFact> = {}): PresenceFact => ({
  replicaUid: 'u',
  epoch: 1,
  atMs: NOW,
  serving: true,
  servingSinceMs: 0,
  draining: false,
  liveTurns: 0,
  residentSessions: 0,
  streams: 0,
  kvTokens: 0,
  tokensPerSecond: 0,
  ...overrides,
});

function sample(
  overrides: Partial<ScaleSample> = {},
  load: { offeredStreams?: number; queuedTurns?: number; atMs?: number } = {},
): ScaleSample {
  const nowMs = overrides.nowMs ?? NOW;
  return {
    nowMs,
    scaling: {
      min: 0,
      max: 10,
      tokenPercent: 70,
      slotPercent: 75,
      kvPercent: 80,
      upStabilizationSeconds: 15,
      downStabilizationSeconds: 300,
      schedules: [],
    },
    planned,
    presence: [head({ atMs: nowMs })],
    ready: 1,
    load: { deploymentUid: 'd', region: 'us-east', atMs: nowMs, offeredStreams: 0, queuedTurns: 0, ...load },
    ...overrides,
  };
}

describe('want', () => {
  test.each<{ name: string; given: ScaleSample; want: number | undefined }>([
    { name: 'tokens', given: sample({ presence: [head({ tokensPerSecond: 14_001 })] }), want: 2 },
    { name: 'slots', given: sample({ presence: [head({ streams: 23 })] }), want: 2 },
    { name: 'KV', given: sample({ presence: [head({ kvTokens: 2_400_000 })] }), want: 1 },
    { name: 'erlangs with their deviation', given: sample({}, { offeredStreams: 25 }), want: 1 },
    { name: 'erlangs beyond one chain', given: sample({}, { offeredStreams: 26 }), want: 2 },
    { name: 'idle', given: sample(), want: 0 },
    { name: 'queued turns and no chain', given: sample({ ready: 0, presence: [] }, { queuedTurns: 3 }), want: 1 },
    { name: 'stale load', given: sample({}, { atMs: NOW - 5_001 }), want: undefined },
    { name: 'no load', given: sample({ load: undefined }), want: undefined },
    { name: 'a silent chain', given: sample({ ready: 2 }), want: undefined },
    { name: 'a stale chain', given: sample({ presence: [head({ atMs: NOW - 5_001 })] }), want: undefined },
  ])('$name', ({ given, want }) => {
    expect(wantOf(given)).toBe(want);
  });
});

describe('scale', () => {
  const run = (state: ScaleState, seconds: number, given: (nowMs: number) => ScaleSample): ScaleState => {
    let next = state;
    for (let at = 0; at <= seconds; at += 5) next = scale(next, given(NOW + at * 1_000)).state;
    return next;
  };
  const loaded = (offeredStreams: number) => (nowMs: number) => sample({ nowMs }, { offeredStreams });

  test('up by two chains every half minute', () => {
    expect(run(scaleState(1), 0, loaded(200)).desired).toBe(3);
    expect(run(scaleState(1), 25, loaded(200)).desired).toBe(3);
    expect(run(scaleState(1), 30, loaded(200)).desired).toBe(5);
    expect(run(scaleState(1), 600, loaded(2_000)).desired).toBe(10);
  });

  test('down by one chain a minute, after a whole window', () => {
    expect(run(scaleState(5), 295, loaded(0)).desired).toBe(5);
    expect(run(scaleState(5), 300, loaded(0)).desired).toBe(4);
    expect(run(scaleState(5), 355, loaded(0)).desired).toBe(4);
    expect(run(scaleState(5), 360, loaded(0)).desired).toBe(3);
  });

  test('one look without evidence begins the window anew', () => {
    const gap = (nowMs: number): ScaleSample =>
      nowMs === NOW + 200_000 ? sample({ nowMs, load: undefined }) : loaded(0)(nowMs);
    expect(run(scaleState(5), 500, gap).desired).toBe(5);
    expect(run(scaleState(5), 505, gap).desired).toBe(4);
  });

  test('the bounds hold at once: minimum, schedule, maximum, what phases allot', () => {
    const { scaling } = sample();
    const one = (given: Partial<ScaleSample>): number => scale(scaleState(5), sample(given)).state.desired;
    expect(one({ scaling: { ...scaling, min: 6 } })).toBe(6);
    expect(one({ scaling: { ...scaling, max: 3 } })).toBe(3);
    expect(one({ scaling: { ...scaling, schedules: [{ days: ['Mon'], from: '08:00', to: '10:00', min: 8 }] } })).toBe(
      8,
    );
    expect(one({ allotted: 2, scaling: { ...scaling, min: 4 } })).toBe(2);
  });

  test('stale input never scales down', () => {
    const looks = fc.array(fc.record({ offered: fc.integer({ min: 0, max: 300 }), known: fc.boolean() }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), looks, (first, all) => {
        let state = scaleState(first);
        all.forEach(({ offered, known }, index) => {
          const nowMs = NOW + index * 5_000;
          const before = state.desired;
          const result = scale(state, known ? loaded(offered)(nowMs) : sample({ nowMs, load: undefined }));
          state = result.state;
          if (!known) expect([result.reason, state.desired]).toEqual(['TelemetryStale', before]);
          expect(state.desired - before).toBeGreaterThanOrEqual(-1);
          expect(state.desired - before).toBeLessThanOrEqual(2);
        });
      }),
    );
  });

  test.each([
    { day: 6, hour: 9, want: true },
    { day: 6, hour: 10, want: false },
    { day: 7, hour: 9, want: false },
  ])('a window of Monday morning on day $day at $hour: $want', ({ day, hour, want }) => {
    expect(isOpen({ days: ['Mon'], from: '08:00', to: '10:00', min: 1 }, Date.UTC(2026, 6, day, hour))).toBe(want);
  });

  test.each([
    { day: 6, hour: 23, want: true },
    { day: 7, hour: 1, want: true },
    { day: 6, hour: 1, want: false },
    { day: 7, hour: 23, want: false },
  ])('a window over Monday night on day $day at $hour: $want', ({ day, hour, want }) => {
    expect(isOpen({ days: ['Mon'], from: '22:00', to: '02:00', min: 1 }, Date.UTC(2026, 6, day, hour))).toBe(want);
  });
});
