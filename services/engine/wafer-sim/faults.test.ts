import { describe, expect, test } from '@jest/globals';
import type { StartWork } from '../contract.ts';
import { EventLog } from './event-log.ts';
import type { Fault, FaultScript, ScriptedFault } from './faults/fault.ts';
import { simBench, type SimBenchOptions } from './sim-bench.ts';

const LONG: Partial<StartWork> = { length: 'max', maxOutputTokens: 60_000 };

function bench(faults: readonly ScriptedFault[] = [], options: SimBenchOptions = {}) {
  const log = new EventLog();
  const script: FaultScript = { seed: 3, faults };
  return { ...simBench({ events: log, faults: script, ...options }), log };
}

/** Tokens of one stream over a second that begins 100 ms after its start, with a fault from the beginning on. */
function tokensPerSecond(fault: Fault | undefined, options: SimBenchOptions = {}): number {
  const { clock, sim, log, start } = bench([], options);
  if (fault !== undefined) sim.inject(fault);
  start(0, LONG);
  clock.advance(100);
  const before = log.stream(0).ids.length;
  clock.advance(1000);
  return log.stream(0).ids.length - before;
}

describe('a crashed stage', () => {
  test('stops emission at once; the chain breaks after three missed pings, once, and nothing ends', () => {
    const { clock, sim, log, start } = bench([{ kind: 'stageCrash', stage: 4, at: { afterMs: 40 } }]);
    start(1, LONG);
    start(2, { ...LONG, choice: 1 });
    clock.advance(41);
    const { count } = log;
    expect(log.stream(1).ids.length).toBeGreaterThan(10);
    clock.advance(140);
    sim.halt(2);
    start(3, LONG);
    clock.advance(8);
    expect([log.count, log.broke]).toEqual([count, []]);
    expect(sim.health()).toMatchObject({ serving: true, planNeeded: true });
    clock.advance(5);
    expect(log.broke).toEqual(['stage 4 does not answer']);
    sim.breakChain('again');
    sim.pause(1);
    clock.advance(10_000);
    expect(log.count).toBe(count + 1);
    expect([log.stream(1).closed, log.stream(2).closed]).toEqual([undefined, undefined]);
    expect(sim.canStart({ parent: 0, inputTokensMax: 1 })).toBe(false);
    expect(sim.health()).toMatchObject({ serving: false, broken: 'stage 4 does not answer' });
    expect(sim.health().stages.map(({ wafer }) => wafer)).toEqual(Array(12).fill('ok').with(4, 'crashed'));
    expect([sim.load().slotsTotal > 0, clock.pending]).toEqual([true, 0]);
  });

  test('found by a ring watch breaks the chain at once', () => {
    const { clock, sim, log, start } = bench();
    start(1, LONG);
    clock.advance(20);
    sim.breakChain('stage 2 does not answer');
    expect(log.broke).toEqual([]);
    clock.advance(0);
    expect(log.broke).toEqual(['stage 2 does not answer']);
  });
});

describe('a hang', () => {
  test('shows in nothing but silence, and its tokens come when it ends', () => {
    const { clock, sim, log, start } = bench([{ kind: 'hang', forMs: 200, at: { atTokenOffset: 50 } }]);
    const whole = bench();
    start(1, LONG);
    whole.start(1, LONG);
    while (sim.faultLog.length === 0) clock.step();
    const { count } = log;
    const tokens = log.stream(1).ids.length;
    expect(tokens).toBeGreaterThan(50);
    expect(tokens).toBeLessThan(56);
    sim.pause(1);
    sim.resume(1);
    start(2, { ...LONG, choice: 1 });
    sim.prefill({ op: 1, parent: 0, context: 1, input: [{ kind: 'tokens', ids: [1, 2] }], afterOutput: false });
    clock.advance(190);
    expect(log.count).toBe(count);
    expect(sim.load()).toMatchObject({ slotsFree: sim.load().slotsTotal - 2 });
    expect(sim.health()).toMatchObject({ serving: true, planNeeded: false });
    clock.advance(60);
    expect(log.prefilledOps).toHaveLength(1);
    expect(log.stream(2).ids.length).toBeGreaterThan(10);
    whole.clock.advance(clock.nowMs());
    expect(log.stream(1).ids.slice(0, 300)).toEqual(whole.log.stream(1).ids.slice(0, 300));
    expect(sim.faultLog.map(({ phase }) => phase)).toEqual(['begins', 'ends']);
  });

  test('without an end stays silent and arms no timer', () => {
    const { clock, sim, log, start } = bench([{ kind: 'hang', at: { afterSteps: 20 } }]);
    start(1, LONG);
    clock.runUntilIdle(60_000);
    const { count } = log;
    sim.halt(1);
    clock.runUntilIdle(60_000);
    expect([log.count, clock.pending, log.stream(1).closed]).toEqual([count, 0, undefined]);
    expect(sim.faultLog).toMatchObject([{ phase: 'begins', fault: { kind: 'hang' } }]);
    expect(sim.faultLog[0]?.steps).toBeGreaterThanOrEqual(20);
  });
});

describe('a garbled batch', () => {
  test.each([{ what: 'offset' }, { what: 'token-id' }] as const)('has one row with a wrong $what', ({ what }) => {
    const { clock, sim, log, start } = bench([{ kind: 'garble', what, at: { afterMs: 30 } }]);
    const whole = bench();
    for (const world of [{ clock, start }, whole]) {
      for (const stream of [1, 2]) world.start(stream, { length: 'max', maxOutputTokens: 200, choice: stream });
      world.clock.runUntilIdle(60_000);
    }
    const differing = (pick: 'offsets' | 'ids') =>
      [1, 2].flatMap((stream) => {
        const wanted = whole.log.stream(stream)[pick];
        return log.stream(stream)[pick].filter((value, index) => value !== wanted[index]);
      });
    expect([differing('offsets').length, differing('ids').length]).toEqual(what === 'offset' ? [1, 0] : [0, 1]);
    expect(sim.faultLog).toHaveLength(1);
    expect(log.stream(1).closed).toMatchObject({ kind: 'ended', generated: 200 });
  });
});

describe('gray failures', () => {
  // T = 36·10.620 + 11·5 + 20 + attention of about 1,000 tokens: 459 µs; one of 12 stages has 3 layers: 31.9 µs.
  test.each([
    { name: 'no fault', fault: undefined, wantMicros: 459 },
    { name: 'a stage five times slower', fault: { kind: 'stageSlow', stage: 3, factor: 5 }, wantMicros: 459 + 4 * 32 },
    { name: 'a slow hop', fault: { kind: 'hopSlow', edge: 0, addMicros: 500 }, wantMicros: 959 },
    { name: 'dead tiles', fault: { kind: 'defect', stage: 3, tiles: 90 }, wantMicros: 461 },
  ] as const)('$name: the rate follows T_step', ({ fault, wantMicros }) => {
    const tokens = tokensPerSecond(fault);
    expect(Math.abs(1e6 / tokens - wantMicros)).toBeLessThan(4);
  });

  test('a slow stage throttles a full chain by its factor', () => {
    const { clock, sim, start } = bench([{ kind: 'stageSlow', stage: 3, factor: 3, at: { afterMs: 60 } }]);
    for (let stream = 0; stream < 36; stream += 1) start(stream, { ...LONG, choice: stream });
    clock.advance(59);
    const planned = sim.load().stepMicros;
    clock.advance(2);
    expect(sim.load().slotsTotal - sim.load().slotsFree).toBe(36);
    expect(sim.load().stepMicros / planned).toBeGreaterThan(2.5);
    expect(sim.load().stepMicros / planned).toBeLessThan(3);
  });

  test('a whole-chain pace is as slow as its slowest stage', () => {
    const flat = { flatStepMicros: 1000 };
    expect(tokensPerSecond({ kind: 'stageSlow', stage: 1, factor: 4 }, flat)).toBe(250);
  });

  test('health names the stage, and is as planned when the fault has ended', () => {
    const { clock, sim, start } = bench([
      { kind: 'stageSlow', stage: 3, factor: 2, forMs: 20, at: { afterMs: 10 } },
      { kind: 'stageSlow', stage: 3, factor: 1.5, at: { afterMs: 12 } },
      { kind: 'ioSlow', factor: 8, at: { afterMs: 12 } },
    ]);
    start(1, LONG);
    const ratios = () => sim.health().stages.map(({ stepRatio }) => Math.round(stepRatio * 1000) / 1000);
    clock.advance(15);
    expect(ratios()).toEqual(Array(12).fill(1).with(3, 3));
    clock.advance(20);
    expect(ratios()).toEqual(Array(12).fill(1).with(3, 1.5));
    expect(sim.health()).toMatchObject({ ioRatio: 8, kvRatio: 1, tokensPerStep: 1, planNeeded: false });
    expect(sim.health().stepMicros).toBe(sim.load().stepMicros);
  });

  test('without the drafter each step makes one token, and content stays the same', () => {
    const fault: Fault = { kind: 'alphaDrop', forMs: 100 };
    const plain = bench([], { drafter: 'dense' });
    const dropped = bench([{ ...fault, at: { afterMs: 20 } }], { drafter: 'dense' });
    for (const { clock, start } of [plain, dropped]) {
      start(1, LONG);
      clock.advance(100);
    }
    expect(dropped.sim.health().tokensPerStep).toBe(1);
    expect(plain.sim.health().tokensPerStep).toBe(2.5);
    const { ids } = dropped.log.stream(1);
    expect(ids.length).toBeLessThan(0.6 * plain.log.stream(1).ids.length);
    expect(ids).toEqual(plain.log.stream(1).ids.slice(0, ids.length));
    dropped.clock.advance(40);
    expect(dropped.sim.health().tokensPerStep).toBe(2.5);
  });
});

describe('less KV', () => {
  test('pressure takes free blocks at once and used ones as they are freed, and gives them back', () => {
    const { clock, sim, log, start } = bench();
    const { kvTokensTotal } = sim.load();
    start(1, { ...LONG, maxOutputTokens: 30 });
    clock.runUntilIdle(1000);
    sim.inject({ kind: 'kvPressure', factor: 0, forMs: 500 });
    clock.advance(1);
    expect(sim.load()).toMatchObject({ kvTokensTotal: 128, kvTokensFree: 0 });
    expect(sim.health().kvRatio).toBe(0);
    expect(sim.canStart({ parent: 0, inputTokensMax: 1 })).toBe(false);
    start(2);
    clock.advance(1);
    expect(log.stream(2).closed).toMatchObject({ kind: 'failed', error: { code: 'no_capacity' } });
    sim.truncate(1, 30, 1);
    sim.release(1);
    expect(sim.load()).toMatchObject({ kvTokensTotal: 0, kvTokensFree: 0 });
    clock.advance(600);
    expect(sim.load()).toMatchObject({ kvTokensTotal, kvTokensFree: kvTokensTotal });
    expect(log.broke).toEqual([]);
  });

  test.each([
    { tiles: 18, wantWafer: 'ok', wantPlanNeeded: false },
    { tiles: 19, wantWafer: 'degraded', wantPlanNeeded: true },
    { tiles: 46, wantWafer: 'failed', wantPlanNeeded: true },
  ])('a wafer with $tiles dead tiles is $wantWafer and holds less', ({ tiles, wantWafer, wantPlanNeeded }) => {
    const { clock, sim, log } = bench([{ kind: 'defect', stage: 0, tiles, at: { afterMs: 1 } }]);
    clock.advance(2);
    const { stages, kvRatio, planNeeded } = sim.health();
    expect([stages[0]?.wafer, planNeeded, log.broke]).toEqual([wantWafer, wantPlanNeeded, []]);
    expect(kvRatio).toBeLessThan(1 - tiles / 900);
    expect(kvRatio).toBeGreaterThan(0.9);
  });

  test('weights that do not fit any more break the chain', () => {
    const { clock, log } = bench([{ kind: 'defect', stage: 5, tiles: 880, at: { afterMs: 1 } }]);
    clock.advance(500);
    expect(log.broke).toEqual(['stage 5 does not answer']);
  });
});

describe('a fault script', () => {
  test('runs the same twice, to the event', () => {
    const faults: ScriptedFault[] = [
      { kind: 'garble', what: 'offset', at: { atTokenOffset: 33 } },
      { kind: 'stageSlow', stage: 1, factor: 3, forMs: 30, at: { afterSteps: 130 } },
      { kind: 'hang', forMs: 20, at: { afterMs: 50 } },
      { kind: 'stageCrash', stage: 0, at: { afterMs: 120 } },
    ];
    const runs = [1, 2].map(() => {
      const { clock, sim, log, start } = bench(faults, { drafter: 'moe' });
      for (const stream of [1, 2, 3]) start(stream, { ...LONG, choice: stream });
      clock.runUntilIdle(5000);
      return { log: sim.faultLog, told: [1, 2, 3].map((stream) => log.stream(stream)), broke: log.broke };
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0]?.log.filter(({ phase }) => phase === 'begins').map(({ fault }) => fault.kind)).toEqual([
      'garble',
      'stageSlow',
      'hang',
      'stageCrash',
    ]);
  });

  test('that the chain cannot have is refused, also one by one', () => {
    expect(() => bench([{ kind: 'stageCrash', stage: 12, at: { afterMs: 0 } }])).toThrow(
      expect.objectContaining({ code: 'value_out_of_range', param: 'faults[0].stage' }),
    );
    expect(() => bench().sim.inject({ kind: 'stageCrash', stage: 12 })).toThrow(
      expect.objectContaining({ code: 'value_out_of_range', param: 'fault.stage' }),
    );
  });

  test('a close disarms what is to come', () => {
    const { clock, sim } = bench([{ kind: 'hang', at: { afterMs: 5000 } }]);
    expect(clock.pending).toBe(1);
    sim.close();
    expect(clock.pending).toBe(0);
  });
});
