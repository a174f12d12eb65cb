import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import fc from 'fast-check';
import { CATCH_UP_US, Schedule, STEPS_PER_SCAN, type Leave, type ScheduleSink, type StepPace } from './schedule.ts';

function pace(stepUs: StepPace['stepUs'], widths = { stepTokensMax: 1, meanTokens: 1 }): StepPace {
  return { ...widths, stepUs };
}

class Sink implements ScheduleSink {
  readonly rows: { stream: number; from: number; count: number; dueUs: number }[] = [];
  readonly leaves: [number, Leave][] = [];
  total = 0;
  roomMax = Infinity;
  endAt = Infinity;

  emit(stream: number, from: number, count: number, dueUs: number): number {
    this.total += count;
    this.rows.push({ stream, from, count, dueUs });
    return this.endAt;
  }

  extend(_stream: number, offset: number): number {
    return Math.min(offset, this.roomMax);
  }

  left(stream: number, why: Leave): void {
    this.leaves.push([stream, why]);
  }
}

const plan = { promptTokens: 100, generated: 0, end: 1e9, room: 1e9, widthKey: 12345 };

function started(model: StepPace, more: Partial<typeof plan> = {}) {
  const schedule = new Schedule(model);
  const sink = new Sink();
  schedule.load(0, { ...plan, ...more });
  schedule.run(0, 0);
  return { schedule, sink, count: () => sink.total };
}

describe('pace', () => {
  test('however late it is looked at, a stream has made every step that was due', () => {
    const stepUs = fc.integer({ min: 300, max: 100_000 });
    const seed = fc.integer({ min: 0, max: 1e6 });
    fc.assert(
      fc.property(stepUs, seed, fc.double({ min: 0, max: 1, noNaN: true }), (step, from, lateShare) => {
        const { schedule, sink, count } = started(pace(() => step));
        const random = seededRandom(from);
        const lateMaxUs = (Math.min(CATCH_UP_US, (STEPS_PER_SCAN - 1) * step) - 1000) * lateShare;
        for (let nowUs = 0; nowUs < 2e6; nowUs += 1000 + random.unit() * lateMaxUs) {
          schedule.scan(nowUs, sink);
          if (count() !== Math.floor(nowUs / step)) throw new Error(`${count()} steps at ${nowUs}`);
        }
        expect(schedule.slipUs).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { tokensPerSecond: 1, streams: 3 },
    { tokensPerSecond: 17, streams: 300 },
    { tokensPerSecond: 1000, streams: 100 },
    { tokensPerSecond: 3000, streams: 20 },
  ])('$streams streams at $tokensPerSecond/s keep the rate within 0.5 % over 10 s of late wakes', (given) => {
    const stepUs = 1e6 / given.tokensPerSecond;
    const schedule = new Schedule(pace(() => stepUs));
    const totals = new Float64Array(given.streams);
    const counting: ScheduleSink = {
      extend: (_stream, offset) => offset,
      left: () => undefined,
      emit: (stream, _from, count) => {
        totals[stream] = (totals[stream] ?? 0) + count;
        return Infinity;
      },
    };
    for (let stream = 0; stream < given.streams; stream += 1) {
      schedule.load(stream, plan);
      schedule.run(stream, -stepUs);
    }
    const random = seededRandom(9);
    let nowUs = 0;
    // A stall of 80 ms in a hundred wakes, else 1 to 3 ms.
    for (; nowUs < 10e6; nowUs += random.unit() < 0.01 ? 80_000 : 1000 + 2000 * random.unit()) {
      schedule.scan(nowUs, counting);
    }
    for (let round = 0; round < 12; round += 1) schedule.scan(10e6, counting);
    const want = 10 * given.tokensPerSecond;
    const errorMax = totals.reduce((most, total) => Math.max(most, Math.abs(total - want)), 0);
    expect(errorMax).toBeLessThanOrEqual(Math.max(1, 0.005 * want));
    expect(schedule.slipUs).toBe(0);
  });

  test('a gap past the limit is given up, counted, and never replayed in a burst', () => {
    const { schedule, sink, count } = started(pace(() => 1000));
    schedule.scan(60e6, sink);
    expect(count()).toBe(1);
    expect(schedule.slipUs).toBe(60e6 - 1000);
    schedule.scan(60e6 + 999, sink);
    expect(count()).toBe(1);
    schedule.scan(60e6 + 1000, sink);
    expect(count()).toBe(2);
  });

  test('a gap at the limit is made good, 64 steps in a scan', () => {
    const { schedule, sink, count } = started(pace(() => 1000));
    schedule.scan(CATCH_UP_US + 1000, sink);
    expect(count()).toBe(64);
    for (let scan = 0; scan < 3; scan += 1) schedule.scan(CATCH_UP_US + 1000, sink);
    expect(count()).toBe(251);
    expect(schedule.slipUs).toBe(0);
    expect(schedule.nextUs).toBe(CATCH_UP_US + 2000);
  });

  test('step time follows N and the mean context', () => {
    const asked: [number, number][] = [];
    const schedule = new Schedule(
      pace((streams, context) => {
        asked.push([streams, context]);
        return 1000 * streams;
      }),
    );
    const sink = new Sink();
    schedule.load(0, plan);
    schedule.run(0, 0);
    schedule.load(1, { ...plan, promptTokens: 300 });
    schedule.run(1, 0);
    expect(schedule.nextUs).toBe(1000);
    schedule.scan(1000, sink);
    schedule.scan(2000, sink);
    // Stream 0 made its first step at 1000 (alone when it was planned), its next one 2000 later, as two share the chain.
    expect(sink.rows.map(({ stream, dueUs }) => [stream, dueUs])).toEqual([
      [0, 1000],
      [1, 2000],
    ]);
    schedule.scan(2000 + 64 * 2000, sink);
    expect(asked).toEqual([
      [1, 100],
      [2, 200],
      [2, 201],
    ]);
    expect(schedule.stepUs(200_000)).toBe(2000);
  });
});

describe('steps', () => {
  test('widths are a function of key and offset: any partition of time makes the same borders', () => {
    const moe = { stepTokensMax: 4, meanTokens: 1.7 };
    const borders = (gapUs: number) => {
      const { schedule, sink } = started(
        pace(() => 1000, moe),
        { end: 500 },
      );
      for (let nowUs = 0; nowUs < 600_000; nowUs += gapUs) schedule.scan(nowUs, sink);
      return sink;
    };
    const single = borders(1000);
    const steps = single.rows.map((row) => row.from + row.count);
    expect(Math.max(...single.rows.map((row) => row.count))).toBe(4);
    expect(steps.at(-1)).toBe(500);
    for (const gapUs of [2500, 7000, 31_000]) {
      const merged = borders(gapUs);
      for (const row of merged.rows) expect(steps).toContain(row.from + row.count);
      expect(merged.leaves).toEqual([[0, 'end']]);
    }
  });

  test.each([
    { name: 'before the first step', askUs: 0, lookUs: 900_000, wantTokens: 1 },
    { name: 'in the middle of a step', askUs: 5500, lookUs: 6000, wantTokens: 6 },
    { name: 'at the instant of a border', askUs: 5000, lookUs: 6000, wantTokens: 6 },
    { name: 'and looked at long after', askUs: 5500, lookUs: 200_000, wantTokens: 6 },
  ])('a stop $name ends with the step that ran then', ({ askUs, lookUs, wantTokens }) => {
    for (const why of ['halt', 'pause'] as const) {
      const { schedule, sink, count } = started(pace(() => 1000));
      schedule.stop(0, askUs, why);
      schedule.scan(lookUs, sink);
      expect(count()).toBe(wantTokens);
      expect(sink.leaves).toEqual([[0, why]]);
      expect(schedule.running).toBe(0);
      expect(schedule.nextUs).toBe(Infinity);
    }
  });

  test('a halt wins over a pause, and cannot be taken back as one', () => {
    const { schedule, sink } = started(pace(() => 1000));
    schedule.stop(0, 0, 'pause');
    schedule.stop(0, 500, 'halt');
    schedule.unpause(0);
    schedule.scan(50_000, sink);
    expect(sink.leaves).toEqual([[0, 'halt']]);
    expect(schedule.generated(0)).toBe(1);
  });

  test('a step without room is not taken, and is the first one later', () => {
    const { schedule, sink, count } = started(
      pace(() => 1000),
      { room: 3 },
    );
    sink.roomMax = 5;
    schedule.scan(20_000, sink);
    expect(count()).toBe(5);
    expect(sink.leaves).toEqual([[0, 'stall']]);
    sink.roomMax = Infinity;
    schedule.run(0, 50_000);
    schedule.scan(51_000, sink);
    expect(sink.rows.at(-1)).toEqual({ stream: 0, from: 5, count: 1, dueUs: 51_000 });
  });

  test('the sink may end a stream inside a row', () => {
    const { schedule, sink } = started(pace(() => 1000));
    sink.endAt = 7;
    schedule.scan(20_000, sink);
    expect(sink.leaves).toEqual([[0, 'end']]);
    expect(schedule.generated(0)).toBe(7);
  });

  test('streams that leave in one scan do not hide others', () => {
    const schedule = new Schedule(pace(() => 1000));
    const sink = new Sink();
    for (let stream = 0; stream < 9; stream += 1) {
      schedule.load(stream, { ...plan, end: stream % 3 === 0 ? 100 : 2 });
      schedule.run(stream, 0);
    }
    schedule.scan(2000, sink);
    schedule.scan(3000, sink);
    const wantLeft = [1, 2, 4, 5, 7, 8];
    expect(sink.leaves.map(([stream]) => stream).toSorted((one, other) => one - other)).toEqual(wantLeft);
    expect([0, 3, 6].map((stream) => schedule.generated(stream))).toEqual([3, 3, 3]);
    expect(schedule.running).toBe(3);
  });
});
