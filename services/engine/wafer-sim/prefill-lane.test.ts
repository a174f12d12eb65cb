import { describe, expect, test } from '@jest/globals';
import { modelById, planChain, prefillMicros, waferProfiles } from '@reticle/core/domain/wafer';
import fc from 'fast-check';
import { PrefillClass, prefillJob, PrefillLane, type PrefillJob } from './prefill-lane.ts';

const { successor, turn, warm } = PrefillClass;

/** 100 µs a chunk of 10 tokens, 4 layers. */
function bench(running = 0) {
  const lane = new PrefillLane({
    layers: 4,
    chunkTokens: 10,
    prefillMicros: (newTokens) => {
      const chunks = Math.ceil(newTokens / 10);
      return { occupancyUs: chunks * 100, latencyUs: (chunks + 3) * 100 };
    },
    streamsRunning: () => running,
  });
  const done: [string, number][] = [];
  const add = (name: string, ask: Partial<PrefillJob>, atUs: number) => {
    const job = prefillJob({
      class: turn,
      newTokens: 50,
      cachedTokens: 0,
      after: undefined,
      done: (doneUs) => done.push([name, doneUs]),
      ...ask,
    });
    lane.add(job, atUs);
    return job;
  };
  return { lane, done, add };
}

describe('PrefillLane', () => {
  test('jobs follow each other by occupancy, and are done by latency', () => {
    const { lane, done, add } = bench();
    add('a', {}, 0);
    add('b', {}, 10);
    expect(lane.backlogTokens).toBe(100);
    expect(lane.nextUs).toBe(500);
    lane.advance(799);
    expect(done).toEqual([]);
    lane.advance(5000);
    expect(done).toEqual([
      ['a', 800],
      ['b', 1300],
    ]);
    expect(lane.backlogTokens).toBe(0);
    expect(lane.nextUs).toBe(Infinity);
  });

  test.each([
    { running: 0, wantUs: 800 },
    { running: 2, wantUs: 1600 },
    { running: 3, wantUs: 3200 },
    { running: 400, wantUs: 3200 },
  ])('beside $running of 4 layers busy it takes idle time only, a quarter at least', ({ running, wantUs }) => {
    const { lane, done, add } = bench(running);
    add('a', {}, 0);
    lane.advance(10_000);
    expect(done).toEqual([['a', wantUs]]);
  });

  test('successors go before turns, turns before warm-ups, each in order of arrival', () => {
    const { lane, done, add } = bench();
    add('running', {}, 0);
    add('warm', { class: warm }, 1);
    add('turn 1', {}, 2);
    add('turn 2', {}, 3);
    add('successor', { class: successor }, 4);
    lane.advance(10_000);
    expect(done.map(([name]) => name)).toEqual(['running', 'successor', 'turn 1', 'turn 2', 'warm']);
  });

  test('a turn takes the lane from a warm-up at the chunk border, which goes on behind it', () => {
    const { lane, done, add } = bench();
    add('warm', { class: warm, newTokens: 100 }, 0);
    add('turn', {}, 130);
    lane.advance(10_000);
    // Two chunks of ten are done at 200; the turn holds the lane to 700; eight chunks follow.
    expect(done).toEqual([
      ['turn', 1000],
      ['warm', 1800],
    ]);
  });

  test('a child never overtakes the prefill of its parent, not even as a successor', () => {
    const { lane, done, add } = bench();
    add('busy', { newTokens: 10 }, 0);
    const parent = add('parent', { class: warm, newTokens: 500 }, 1);
    add('other', {}, 2);
    add('child', { class: successor, newTokens: 10, after: parent }, 3);
    lane.advance(50_000);
    expect(done.map(([name]) => name)).toEqual(['busy', 'parent', 'child', 'other']);
    const [, parentUs = 0] = done[1] ?? [];
    expect(done[2]?.[1]).toBeGreaterThanOrEqual(parentUs);
  });

  test('a job whose context is being restored leaves the lane to others until it is back', () => {
    const { lane, done, add } = bench();
    const restoring = add('restoring', { class: successor, readyUs: 300 }, 0);
    add('follows it', { class: successor, newTokens: 10, after: restoring }, 10);
    add('other', { class: warm, newTokens: 100 }, 20);
    expect([restoring.state, lane.nextUs, lane.backlogTokens]).toEqual(['restoring', 300, 160]);
    lane.advance(10_000);
    // Three chunks of `other` are done at 320, when the restored job takes the lane.
    expect(done).toEqual([
      ['restoring', 1120],
      ['follows it', 1220],
      ['other', 1920],
    ]);
    expect([lane.nextUs, lane.backlogTokens]).toEqual([Infinity, 0]);
  });

  test('a job cancelled while its context is restored leaves no trace', () => {
    const { lane, done, add } = bench();
    const restoring = add('restoring', { readyUs: 300 }, 0);
    lane.cancel(restoring, 100);
    lane.advance(10_000);
    expect([done, lane.nextUs, lane.backlogTokens]).toEqual([[], Infinity, 0]);
  });

  test.each([
    {
      name: 'that waits leaves no trace',
      atUs: 50,
      victim: 'b',
      want: [
        ['a', 800],
        ['c', 1300],
      ],
    },
    {
      name: 'on the lane frees it at the chunk border',
      atUs: 150,
      victim: 'a',
      want: [
        ['b', 1000],
        ['c', 1500],
      ],
    },
    {
      name: 'on its way through the layers tells nothing',
      atUs: 600,
      victim: 'a',
      want: [
        ['b', 1300],
        ['c', 1800],
      ],
    },
  ])('a cancelled job $name', ({ atUs, victim, want }) => {
    const { lane, done, add } = bench();
    const jobs = new Map(['a', 'b', 'c'].map((name) => [name, add(name, {}, 0)]));
    lane.advance(atUs);
    lane.cancel(jobs.get(victim) as PrefillJob, atUs);
    lane.cancel(jobs.get(victim) as PrefillJob, atUs);
    expect(lane.backlogTokens).toBe(100);
    lane.advance(10_000);
    expect(done).toEqual(want);
    expect(lane.backlogTokens).toBe(0);
  });

  test('when jobs are done does not depend on when somebody looks', () => {
    const arrival = fc.record({
      gapUs: fc.nat(400),
      class: fc.constantFrom(successor, turn, warm),
      newTokens: fc.integer({ min: 1, max: 90 }),
    });
    fc.assert(
      fc.property(
        fc.array(arrival, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (arrivals, looks) => {
          const run = (look: boolean) => {
            const { lane, done, add } = bench();
            let nowUs = 0;
            for (const [index, { gapUs, ...ask }] of arrivals.entries()) {
              nowUs += gapUs;
              if (look) lane.advance(nowUs);
              add(`${index}`, ask, nowUs);
            }
            for (const gap of look ? looks : []) lane.advance((nowUs += gap));
            lane.advance(1e9);
            return new Map(done);
          };
          expect(run(true)).toEqual(run(false));
        },
      ),
    );
  });

  test.each([
    { name: 'cold', newTokens: 96_300, cachedTokens: 0, wantMs: 82.97 },
    { name: 'on a cached context', newTokens: 2000, cachedTokens: 94_300, wantMs: 3.6 },
  ])('spark-ref on 12 wafers, $name, takes what WAFER §5.5 says', ({ newTokens, cachedTokens, wantMs }) => {
    const plan = planChain({ geometry: modelById('spark-ref'), profile: waferProfiles['wse3-2026'], wafers: 12 });
    if (plan === undefined) throw new Error('spark-ref fits on 12 wafers');
    const lane = new PrefillLane({
      layers: plan.geometry.layers,
      chunkTokens: plan.profile.chunkTokens,
      prefillMicros: (added, cached) => prefillMicros(plan, { newTokens: added, cachedTokens: cached }),
      streamsRunning: () => 0,
    });
    let doneMs = 0;
    const done = (doneUs: number) => {
      doneMs = doneUs / 1000;
    };
    lane.add(prefillJob({ class: turn, newTokens, cachedTokens, after: undefined, done }), 0);
    lane.advance(1e9);
    expect(doneMs).toBeCloseTo(wantMs, 1);
  });
});
