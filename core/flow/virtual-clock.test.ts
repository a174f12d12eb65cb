import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  test('runs timers in order of due time, then of insertion, at their due time', () => {
    const clock = new VirtualClock();
    const log: [string, number][] = [];
    const note = (name: string) => () => log.push([name, clock.nowMs()]);
    clock.after(5, note('late'));
    clock.after(1, note('first at 1'));
    clock.after(1, note('second at 1'));
    clock.after(0.25, note('fraction'));
    clock.advance(5);
    expect(log).toEqual([
      ['fraction', 0.25],
      ['first at 1', 1],
      ['second at 1', 1],
      ['late', 5],
    ]);
  });

  test('does not run a timer before its time, nor inside `after`', () => {
    const clock = new VirtualClock();
    let runs = 0;
    clock.after(0, () => runs++);
    clock.after(-3, () => runs++);
    clock.after(10, () => runs++);
    expect(runs).toBe(0);
    clock.advance(0);
    expect(runs).toBe(2);
    clock.advance(9.999);
    expect(runs).toBe(2);
    clock.advance(0.001);
    expect(runs).toBe(3);
  });

  test('runs timers that callbacks add when they are due in the same advance', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const tick = () => {
      seen.push(clock.nowMs());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.nowMs()).toBe(35);
    expect(clock.nextMs).toBe(40);
  });

  test('a cancelled timer never runs, and cancelling again or after the run does nothing', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const cancelA = clock.after(1, () => seen.push('a'));
    const cancelB = clock.after(1, () => seen.push('b'));
    clock.after(1, () => seen.push('c'));
    cancelA();
    cancelA();
    clock.advance(1);
    cancelB();
    clock.after(1, () => seen.push('d'));
    cancelB();
    clock.advance(1);
    expect(seen).toEqual(['b', 'c', 'd']);
  });

  test('a callback can cancel a timer of the same instant', () => {
    const clock = new VirtualClock();
    let ran = false;
    let cancel = () => {};
    clock.after(1, () => cancel());
    cancel = clock.after(1, () => (ran = true));
    clock.advance(2);
    expect(ran).toBe(false);
  });

  test.each([
    { name: 'nothing armed', delays: [], limitMs: 10, wantIdle: true, wantNow: 0, wantPending: 0 },
    { name: 'all within the limit', delays: [3, 7], limitMs: 10, wantIdle: true, wantNow: 7, wantPending: 0 },
    { name: 'one exactly at the limit', delays: [10], limitMs: 10, wantIdle: true, wantNow: 10, wantPending: 0 },
    { name: 'one past the limit', delays: [3, 11], limitMs: 10, wantIdle: false, wantNow: 10, wantPending: 1 },
  ])('runUntilIdle with $name', ({ delays, limitMs, wantIdle, wantNow, wantPending }) => {
    const clock = new VirtualClock();
    for (const delay of delays) clock.after(delay, () => {});
    expect(clock.runUntilIdle(limitMs)).toBe(wantIdle);
    expect(clock.nowMs()).toBe(wantNow);
    expect(clock.pending).toBe(wantPending);
  });

  test('step runs one timer and says when there is none', () => {
    const clock = new VirtualClock({ nowMs: 100 });
    clock.after(5, () => {});
    clock.after(6, () => {});
    expect([clock.step(), clock.nowMs(), clock.step(), clock.nowMs(), clock.step()]).toEqual([
      true,
      105,
      true,
      106,
      false,
    ]);
  });

  test('a jump of wall time moves no timer', () => {
    const clock = new VirtualClock({ wallMs: 1_000_000 });
    let ran = false;
    clock.after(10, () => (ran = true));
    clock.jumpWall(300_000);
    expect([clock.wallMs(), clock.nowMs(), ran]).toEqual([1_300_000, 0, false]);
    clock.advance(10);
    expect([clock.wallMs(), ran]).toEqual([1_300_010, true]);
  });

  test('a callback that throws leaves the clock usable', () => {
    const clock = new VirtualClock();
    let ran = false;
    clock.after(1, () => {
      throw new Error('boom');
    });
    clock.after(2, () => (ran = true));
    expect(() => clock.advance(5)).toThrow('boom');
    clock.advance(5);
    expect(ran).toBe(true);
  });

  test('refuses what would break determinism', () => {
    const clock = new VirtualClock();
    expect(() => clock.advance(-1)).toThrow('invariant');
    expect(() => clock.after(Number.NaN, () => {})).toThrow('invariant');
    clock.after(1, () => clock.advance(1));
    expect(() => clock.advance(1)).toThrow('does not move the clock');
    const rearm = () => {
      clock.after(0, rearm);
    };
    clock.after(0, rearm);
    expect(() => clock.advance(1)).toThrow('without time passing');
  });

  test('property: any set of timers with any cancels runs as a stable sort says, whatever the advances', () => {
    const timer = fc.record({ delay: fc.integer({ min: 0, max: 20 }), cancelled: fc.boolean() });
    fc.assert(
      fc.property(fc.array(timer), fc.array(fc.integer({ min: 0, max: 7 })), (timers, advances) => {
        const clock = new VirtualClock();
        const seen: number[] = [];
        const cancels = timers.map(({ delay }, index) => clock.after(delay, () => seen.push(index)));
        timers.forEach(({ cancelled }, index) => cancelled && cancels[index]?.());
        for (const ms of advances) clock.advance(ms);
        const endMs = advances.reduce((sum, ms) => sum + ms, 0);
        const due = timers
          .map((each, index) => ({ ...each, index }))
          .filter(({ delay, cancelled }) => !cancelled && (delay < endMs || (delay === endMs && advances.length > 0)))
          .sort((a, b) => a.delay - b.delay)
          .map(({ index }) => index);
        expect(seen).toEqual(due);
      }),
    );
  });
});
