import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { FlushGroups, type FlushGroup } from './flush-groups.ts';
import { FLUSH_CONTROL_MS } from './flush-window.ts';

/** Groups on a virtual clock, in a process that is as busy as it is told. */
function rig() {
  const clock = new VirtualClock();
  const told: { group: string; atMs: number }[] = [];
  const state = { load: 1 };
  const groups = new FlushGroups({ clock, utilisation: () => state.load });
  const member = (group: string) => ({ flush: () => void told.push({ group, atMs: clock.nowMs() }) });
  /** Busy for so many intervals of the controller. */
  const busy = (intervals: number): void => {
    for (let count = 0; count < intervals; count++) clock.advance(FLUSH_CONTROL_MS);
  };
  return { clock, groups, told, state, member, busy };
}

describe('FlushGroups', () => {
  test('without load there is no window; load opens it and calm closes it', () => {
    const { groups, state, busy } = rig();
    const group = groups.group();
    expect(group.windowMs).toBe(0);
    busy(3);
    expect([groups.windowMs, group.windowMs]).toEqual([16, 16]);
    state.load = 0.1;
    busy(3);
    expect(group.windowMs).toBe(0);
  });

  test('streams of one peer share a group until its connection is gone', () => {
    const { groups } = rig();
    const group = groups.of('127.0.0.1:5');
    expect(groups.of('127.0.0.1:5')).toBe(group);
    expect(groups.of('127.0.0.1:6')).not.toBe(group);
    groups.forget('127.0.0.1:5');
    expect(groups.of('127.0.0.1:5')).not.toBe(group);
  });

  test('H7: who asks in one turn of the loop is called at its end, in order; who asks then, a turn later', async () => {
    const { groups } = rig();
    const said: string[] = [];
    const group = groups.group();
    group.soon(() => {
      said.push('a');
      group.soon(() => said.push('c'));
    });
    groups.group().soon(() => said.push('b'));
    expect(said).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(said).toEqual(['a', 'b']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(said).toEqual(['a', 'b', 'c']);
  });

  test('members are told once, within the window, and those of one group at one moment', () => {
    const { clock, groups, told, member, busy } = rig();
    busy(3);
    const group = groups.group();
    const startMs = clock.nowMs();
    for (let count = 0; count < 3; count++) group.join(member('a'));
    clock.advance(16 + 2);
    expect(told).toHaveLength(3);
    expect(new Set(told.map(({ atMs }) => atMs)).size).toBe(1);
    expect(told[0]?.atMs).toBeLessThanOrEqual(startMs + 16 + 2);
    clock.advance(100);
    expect(told).toHaveLength(3);
  });

  test('R6: groups of one window flush at different moments', () => {
    const { clock, groups, told, member, busy } = rig();
    busy(3);
    for (let count = 0; count < 8; count++) groups.group().join(member(String(count)));
    for (let ms = 0; ms < 20; ms++) clock.advance(1);
    expect(told).toHaveLength(8);
    expect(new Set(told.map(({ atMs }) => atMs)).size).toBeGreaterThanOrEqual(5);
  });

  test('who joins while its group is flushed waits for the next window', () => {
    const { clock, groups, busy } = rig();
    busy(3);
    const group: FlushGroup = groups.group();
    const atMs: number[] = [];
    const again = {
      flush: (): void => {
        atMs.push(clock.nowMs());
        if (atMs.length < 4) group.join(again);
      },
    };
    group.join(again);
    for (let ms = 0; ms < 80; ms++) clock.advance(1);
    expect(atMs).toHaveLength(4);
    const gaps = atMs.slice(1).map((each, index) => each - (atMs[index] as number));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(14);
  });

  test('a window that closes still tells who waits', () => {
    const { clock, groups, told, state, member, busy } = rig();
    busy(1);
    state.load = 0;
    clock.advance(FLUSH_CONTROL_MS - 1);
    groups.group().join(member('a'));
    clock.advance(1);
    expect(groups.windowMs).toBe(0);
    clock.advance(6);
    expect(told).toHaveLength(1);
  });

  test('the timer rests while nobody waits, and after the end nobody is told', () => {
    const { clock, groups, told, member, busy } = rig();
    busy(3);
    const group = groups.group();
    group.join(member('a'));
    clock.advance(40);
    let timers = 0;
    const after = clock.after.bind(clock);
    clock.after = (delayMs, callback) => {
      timers += 1;
      return after(delayMs, callback);
    };
    clock.advance(40);
    expect(timers).toBe(0);
    group.join(member('a'));
    groups.stop();
    clock.advance(1_000);
    expect(told).toHaveLength(1);
  });
});
