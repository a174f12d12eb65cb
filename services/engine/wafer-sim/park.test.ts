import { describe, expect, test } from '@jest/globals';
import { restoreMicros, planChain } from '@reticle/core/domain/wafer';
import { promptIds } from '../conformance/driver-bench.ts';
import type { StartWork } from '../contract.ts';
import { EventLog } from './event-log.ts';
import { narrow, simBench, sparkOn12, type SimBenchOptions } from './sim-bench.ts';

const LONG: Partial<StartWork> = { length: 'max', maxOutputTokens: 2000 };
const tokens = (count: number, from = 1) => [{ kind: 'tokens', ids: promptIds(count, from) }] as const;

function bench(options: SimBenchOptions = {}) {
  const log = new EventLog();
  const world = simBench({ events: log, ...options });
  let op = 0;
  /** Prefills a context and waits until it, and its copy, are there. */
  const warm = (context: number, count: number, parent = 0): void => {
    op += 1;
    world.sim.prefill({ op, parent, context, input: tokens(count, context), afterOutput: false });
    world.clock.runUntilIdle(60_000);
    world.clock.advance(10);
  };
  return { ...world, log, warm };
}

describe('a parked context', () => {
  test('leaves for nothing what was copied, and comes back at T_restore, its KV not made again', () => {
    const { clock, sim, log, start, warm } = bench();
    const { kvTokensTotal } = sim.load();
    warm(1, 40_000);
    const plan = planChain(sparkOn12);
    const restoreMs = plan === undefined ? Number.NaN : restoreMicros(plan, 40_000) / 1000;
    const startedAt = (stream: number): number => {
      const askedMs = clock.nowMs();
      start(stream, { parent: 1, maxOutputTokens: 5 });
      while (log.stream(stream).started === undefined) clock.step();
      return clock.nowMs() - askedMs;
    };
    const residentMs = startedAt(2);
    clock.runUntilIdle(1000);
    sim.truncate(2, 0, 2);
    sim.release(2);
    sim.park({ context: 1 });
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal);
    expect(sim.health().park).toMatchObject({ parked: 1, copiedTokens: 40_000, restores: 0 });
    const parkedMs = startedAt(3);
    expect(log.stream(3).started).toEqual({ promptTokens: 40_040, cachedTokens: 40_000, startOffset: 0 });
    expect(Math.abs(parkedMs - residentMs - restoreMs)).toBeLessThan(1.1);
    expect(sim.health().park).toMatchObject({ parked: 0, restores: 1 });
  });

  test('that is still being copied leaves when the copy is done, unless it is used before', () => {
    const { clock, sim, start, warm } = bench();
    sim.inject({ kind: 'ioSlow', factor: 1000 });
    warm(1, 2000);
    sim.park({ context: 1 });
    expect(sim.health().park.parked).toBe(0);
    expect(sim.health().park.copyLagMicros).toBeGreaterThan(1000);
    start(2, { parent: 1, maxOutputTokens: 5 });
    clock.runUntilIdle(60_000);
    clock.advance(1000);
    expect(sim.health().park).toMatchObject({ parked: 0, copyLagMicros: 0, restores: 0 });
    warm(3, 500);
    sim.park({ context: 3 });
    clock.advance(1);
    expect(sim.health().park.parked).toBe(0);
    clock.runUntilIdle(60_000);
    expect(sim.health().park.parked).toBe(1);
  });

  test('shares what others keep on the wafer: that is neither freed nor loaded', () => {
    const { clock, sim, log, start, warm } = bench();
    const { kvTokensTotal } = sim.load();
    const used = () => kvTokensTotal - sim.load().kvTokensFree;
    warm(1, 12_800);
    warm(2, 1280, 1);
    warm(3, 1280, 1);
    expect(used()).toBe(12_800 + 2 * 1280);
    sim.park({ context: 1 });
    sim.park({ context: 2 });
    expect(used()).toBe(12_800 + 1280);
    sim.park({ context: 3 });
    expect(used()).toBe(0);
    start(4, { parent: 2, maxOutputTokens: 5 });
    start(5, { parent: 3, maxOutputTokens: 5, choice: 1 });
    clock.runUntilIdle(1000);
    expect(log.stream(5).started).toMatchObject({ cachedTokens: 14_080 });
    for (const stream of [4, 5]) sim.truncate(stream, 0, stream);
    for (const context of [2, 3, 4, 5]) sim.release(context);
    expect(used()).toBe(0);
    start(6, { parent: 1, maxOutputTokens: 5 });
    clock.runUntilIdle(1000);
    expect(log.stream(6).started).toMatchObject({ cachedTokens: 12_800 });
  });

  test('whose copy was given up is prefilled again, and says the same', () => {
    const { clock, sim, log, start, warm } = bench({ parkTokens: 3000 });
    warm(1, 2000);
    sim.park({ context: 1 });
    warm(2, 2000);
    sim.park({ context: 2 });
    // The full blocks of the first one made room, its partial block did not have to.
    expect(sim.health().park).toMatchObject({ parked: 2, copiesEvicted: 1, copiedTokens: 2080 });
    start(1, { parent: 1, maxOutputTokens: 20 });
    clock.runUntilIdle(1000);
    expect(log.stream(1).started).toMatchObject({ promptTokens: 2040, cachedTokens: 0 });
    const whole = bench();
    whole.warm(1, 2000);
    whole.start(1, { parent: 1, maxOutputTokens: 20 });
    whole.clock.runUntilIdle(1000);
    expect(log.stream(1).ids).toEqual(whole.log.stream(1).ids);
    expect(log.stream(1).ids.length).toBeGreaterThan(0);
  });

  test('leaves by itself where room is short, the one that was used longest ago first', () => {
    const { clock, sim, log, start, warm } = bench(narrow(5120));
    for (const context of [1, 2, 3]) warm(context, 1000);
    start(1, { parent: 1, maxOutputTokens: 5 });
    clock.runUntilIdle(1000);
    sim.truncate(1, 0, 4);
    sim.release(4);
    expect(sim.load().kvTokensFree).toBe(2048);
    expect(sim.canStart({ parent: 0, inputTokensMax: 5120 })).toBe(true);
    expect(sim.canStart({ parent: 0, inputTokensMax: 5121 })).toBe(false);
    expect(sim.health().park.parked).toBe(0);
    start(2, { input: tokens(1500), maxOutputTokens: 5 });
    clock.runUntilIdle(1000);
    expect(log.stream(2).closed).toMatchObject({ kind: 'ended' });
    expect(sim.health().park.parked).toBe(1);
    start(3, { parent: 1, maxOutputTokens: 5 });
    clock.runUntilIdle(1000);
    expect([log.stream(3).closed?.kind, sim.health().park.restores]).toEqual(['ended', 0]);
    start(4, { parent: 2, maxOutputTokens: 5 });
    clock.runUntilIdle(1000);
    expect(log.stream(4).started).toMatchObject({ cachedTokens: 1000 });
    expect(sim.health().park.restores).toBe(1);
  });
});

describe('a parked stream', () => {
  test.each([
    { name: 'paused before', act: 'pause-first' },
    { name: 'asked in the middle of a step', act: 'at-once' },
  ] as const)('$name frees its KV and goes on where it was', ({ act }) => {
    const { clock, sim, log, start } = bench();
    const { kvTokensTotal } = sim.load();
    const whole = bench();
    whole.start(1, LONG);
    whole.clock.runUntilIdle(60_000);
    start(1, LONG);
    while (log.stream(1).ids.length < 300) clock.step();
    sim.pause(1);
    if (act === 'pause-first') clock.advance(20);
    sim.park({ stream: 1 });
    clock.advance(20);
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal);
    expect(sim.load().slotsFree).toBe(sim.load().slotsTotal - 1);
    sim.resume(1);
    expect(sim.load().kvTokensFree).toBeLessThan(kvTokensTotal);
    clock.runUntilIdle(60_000);
    expect(log.stream(1).ids).toEqual(whole.log.stream(1).ids);
    expect(sim.health().park).toMatchObject({ parked: 0, restores: 1 });
    sim.truncate(1, 2000, 1);
    sim.release(1);
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal);
    expect(sim.health().park.copiedTokens).toBe(0);
  });

  test('that is cut leaves a parked context, of which the next turn prefills only its input', () => {
    const { clock, sim, log, start } = bench();
    const { kvTokensTotal } = sim.load();
    const whole = bench();
    for (const world of [{ clock, sim, log, start }, whole]) {
      world.start(1, LONG);
      while (world.log.stream(1).ids.length < 500) world.clock.step();
      world.sim.pause(1);
      world.clock.advance(20);
      if (world.sim === sim) sim.park({ stream: 1 });
      world.clock.advance(20);
      world.sim.halt(1);
      world.clock.advance(1);
      expect(world.sim.truncate(1, 400, 1)).toEqual({ kvAction: 'cut-in-place', kvKeptTokens: 440 });
      world.start(2, { parent: 1, maxOutputTokens: 30 });
    }
    expect(sim.health().park.restores).toBe(1);
    clock.runUntilIdle(1000);
    whole.clock.runUntilIdle(1000);
    expect(log.stream(2)).toEqual(whole.log.stream(2));
    expect(log.stream(2).started).toMatchObject({ promptTokens: 480, cachedTokens: 440 });
    sim.truncate(2, 30, 2);
    for (const context of [1, 2]) sim.release(context);
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal);
  });

  test('halted while it comes back, or resumed and paused again, stays exact', () => {
    const { clock, sim, log, start } = bench();
    sim.inject({ kind: 'ioSlow', factor: 2000 });
    start(1, LONG);
    while (log.stream(1).ids.length < 200) clock.step();
    sim.pause(1);
    sim.park({ stream: 1 });
    clock.runUntilIdle(60_000);
    const kept = log.stream(1).ids.length;
    sim.resume(1);
    sim.pause(1);
    clock.runUntilIdle(60_000);
    expect(log.stream(1).ids).toHaveLength(kept);
    sim.park({ stream: 1 });
    clock.runUntilIdle(60_000);
    expect(sim.health().park.parked).toBe(1);
    sim.resume(1);
    clock.advance(1);
    sim.halt(1);
    clock.runUntilIdle(60_000);
    expect(log.stream(1).closed).toEqual({ kind: 'halted', generated: kept });
    expect(sim.truncate(1, kept, 1)).toMatchObject({ kvAction: 'cut-in-place' });
    expect(clock.pending).toBe(0);
  });

  test('whose copy was given up is prefilled again as far as it is gone, and says the same', () => {
    const whole = bench();
    const { clock, sim, log, start, warm } = bench({ parkTokens: 3000 });
    for (const world of [whole, { clock, log, start, sim }]) {
      world.start(1, LONG);
      while (world.log.stream(1).ids.length < 300) world.clock.step();
      world.sim.pause(1);
      world.clock.advance(20);
    }
    sim.park({ stream: 1 });
    clock.advance(20);
    warm(1, 2900);
    sim.resume(1);
    expect(sim.load().prefillBacklogTokens).toBe(40 + log.stream(1).ids.length);
    whole.sim.resume(1);
    for (const world of [whole, { clock }]) world.clock.runUntilIdle(60_000);
    expect(log.stream(1).ids).toEqual(whole.log.stream(1).ids);
    expect(log.stream(1).closed).toEqual({ kind: 'ended', finishReason: 'length', generated: 2000 });
  });

  test('waits for room to come back, and goes on when there is some', () => {
    const { clock, sim, log, start } = bench(narrow(4096));
    start(1, { ...LONG, input: tokens(1000) });
    while (log.stream(1).ids.length < 500) clock.step();
    sim.pause(1);
    sim.park({ stream: 1 });
    clock.advance(20);
    start(2, { ...LONG, input: tokens(3000), choice: 1 });
    clock.advance(50);
    sim.resume(1);
    clock.advance(50);
    const before = log.stream(1).ids.length;
    expect(sim.counters.kvStalls).toBe(1);
    sim.halt(2);
    clock.advance(5);
    sim.truncate(2, 0, 2);
    sim.release(2);
    clock.advance(100);
    expect(log.stream(1).ids.length).toBeGreaterThan(before);
    expect(before).toBeLessThan(510);
  });

  test.each([
    { subject: { stream: 1 } },
    { subject: { stream: 9 } },
    { subject: { context: 9 } },
    { subject: { context: 0 } },
  ])('a hint about $subject that is not idle or not there does nothing', ({ subject }) => {
    const { clock, sim, log, start } = bench();
    start(1, { ...LONG, maxOutputTokens: 50 });
    sim.park(subject);
    clock.runUntilIdle(1000);
    expect(log.stream(1).closed).toMatchObject({ kind: 'ended', generated: 50 });
    expect(sim.health().park).toMatchObject({ parked: 0, restores: 0 });
  });
});
