import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { promptIds } from '../conformance/driver-bench.ts';
import type { StartWork } from '../contract.ts';
import { narrow, simBench as bench } from './sim-bench.ts';

const textOf = (texts: readonly Uint8Array[]) => Buffer.concat([...texts]).toString();

describe('a turn from text', () => {
  const hello: Partial<StartWork> = { input: [{ kind: 'item', json: '{"role":"user","content":"hello"}' }] };

  test('natural length ends with reason stop, or with length where the limit comes first', () => {
    const { clock, recorder, start } = bench();
    start(1, { ...hello, maxOutputTokens: 5000 });
    clock.runUntilIdle(60_000);
    const whole = recorder.stream(1).terminal;
    expect(whole).toMatchObject({ kind: 'ended', finishReason: 'stop' });
    const generated = recorder.stream(1).ids.length;
    start(2, { ...hello, maxOutputTokens: generated });
    start(3, { ...hello, maxOutputTokens: generated - 1 });
    clock.runUntilIdle(60_000);
    expect(recorder.stream(2).terminal).toEqual({ kind: 'ended', finishReason: 'length', generated });
    expect(recorder.stream(3).terminal).toEqual({ kind: 'ended', finishReason: 'length', generated: generated - 1 });
    expect(textOf(recorder.stream(3).texts)).toBe(textOf(recorder.stream(1).texts.slice(0, -1)));
  });

  test('a code turn without a limit of its own runs 8,192 tokens and reads like TypeScript', () => {
    const { clock, recorder, start } = bench({ tokens: 'code' });
    start(1, { ...hello, maxOutputTokens: 100_000, outputLimited: false });
    clock.runUntilIdle(60_000);
    expect(recorder.stream(1).terminal).toMatchObject({ generated: 8192, finishReason: 'stop' });
    expect(textOf(recorder.stream(1).texts)).toContain("import { expect, test } from '@jest/globals';");
  });

  test('the canary of an earlier turn goes on in later ones', () => {
    const { clock, driver, recorder, start } = bench();
    start(1, { input: [{ kind: 'item', json: '{"role":"user","content":"cnry-abc234"}' }], length: 'max' });
    clock.runUntilIdle(60_000);
    driver.truncate(1, 30, 1);
    start(2, { ...hello, parent: 1, afterOutput: true, length: 'max' });
    clock.runUntilIdle(60_000);
    expect(textOf(recorder.stream(2).texts.slice(63, 64))).toBe('~abc234 ');
  });

  test('a stop string ends the turn at the token that completes it, in a continuation too', () => {
    const { clock, recorder, start } = bench();
    start(1, { length: 'max' });
    clock.runUntilIdle(60_000);
    const { ids, texts } = recorder.stream(1);
    const stop = [textOf(texts).slice(8 * 20 + 3, 8 * 22 + 2)];
    start(2, { length: 'max', params: { seed: 7, stop } });
    start(3, { length: 'max', params: { seed: 7, stop }, forced: ids.slice(0, 21) });
    clock.runUntilIdle(60_000);
    for (const stream of [2, 3]) {
      expect(recorder.stream(stream).terminal).toEqual({ kind: 'ended', finishReason: 'stop', generated: 23 });
    }
  });
});

describe('pace of the plan', () => {
  test('spark-ref alone starts after its prefill and runs at its planned rate', () => {
    const { clock, sim, recorder, start } = bench();
    start(1, { length: 'max', maxOutputTokens: 4000 });
    clock.advance(1000);
    // T_step = 36·10.620313 + 11·5 + 20 µs plus attention at about 1,000 tokens: 2,187 tok/s less 1 %.
    expect(Math.abs(recorder.stream(1).ids.length - 2187 + 10)).toBeLessThan(15);
    expect(sim.load().stepMicros).toBeGreaterThanOrEqual(457);
    expect(sim.counters.paceSlipSeconds).toBe(0);
  });

  test('no timer is armed at rest', () => {
    const { clock, driver, start } = bench();
    expect(clock.pending).toBe(0);
    start(1);
    clock.runUntilIdle(60_000);
    start(2, { maxOutputTokens: 4000, length: 'max' });
    clock.advance(30);
    driver.pause(2);
    clock.advance(30);
    expect(clock.pending).toBe(0);
    driver.resume(2);
    expect(clock.pending).toBe(1);
    driver.close();
    expect(clock.pending).toBe(0);
  });

  test('busy pace runs on the injected port alone while streams run', () => {
    const turns: (() => void)[] = [];
    const { clock, recorder, start } = bench({
      pace: 'busy',
      immediate: (turn) => turns.push(turn),
      flatStepMicros: 100,
    });
    start(1, { maxOutputTokens: 20 });
    for (let turn = 0; turn < 1000; turn += 1) {
      clock.advance(0.01);
      for (const call of turns.splice(0)) call();
    }
    expect(recorder.stream(1).terminal).toMatchObject({ kind: 'ended', generated: 20 });
    expect(recorder.stream(1).rows).toEqual(Array.from({ length: 20 }, () => 1));
    expect(turns).toEqual([]);
  });

  test('a flat profile bounds neither streams nor KV', () => {
    const { clock, sim, driver, recorder, start } = bench({ flatStepMicros: 1000 });
    for (let stream = 0; stream < 600; stream += 1) start(stream, { maxOutputTokens: 1000, choice: stream });
    clock.advance(100);
    expect(sim.load().slotsTotal - sim.load().slotsFree).toBe(600);
    expect(sim.load().stepMicros).toBe(1000);
    expect(driver.canStart({ parent: 0, inputTokensMax: 131_072 })).toBe(true);
    const rates = Array.from({ length: 600 }, (_, stream) => recorder.stream(stream).ids.length);
    expect(new Set(rates)).toEqual(new Set([99]));
  });
});

describe('content and cuts', () => {
  test('content is the same under any partition of time, load and start offset', () => {
    const { clock, recorder, start } = bench({ drafter: 'moe' });
    start(1, { length: 'max', maxOutputTokens: 300 });
    clock.runUntilIdle(60_000);
    const whole = recorder.stream(1);
    fc.assert(
      fc.property(
        fc.nat(299),
        fc.array(fc.double({ min: 0.1, max: 300, noNaN: true }), { minLength: 5, maxLength: 40 }),
        (from, gapsMs) => {
          let wake = 0;
          const lateMs = () => gapsMs[wake++ % gapsMs.length] ?? 0;
          const other = bench({ drafter: 'moe', lateMs });
          for (let neighbour = 2; neighbour < 6; neighbour += 1) other.start(neighbour, { choice: neighbour });
          other.start(1, { length: 'max', maxOutputTokens: 300, forced: whole.ids.slice(0, from) });
          expect(other.clock.runUntilIdle(600_000)).toBe(true);
          expect(other.recorder.stream(1).ids).toEqual(whole.ids.slice(from));
          expect(textOf(other.recorder.stream(1).texts)).toBe(textOf(whole.texts.slice(from)));
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each(['none', 'moe', 'dense'] as const)('a cut at every offset leaves just that context (%s)', (drafter) => {
    const model = bench({ drafter });
    const { clock, driver, sim, recorder, start } = model;
    const free = sim.load().kvTokensFree;
    start(1, { length: 'max', maxOutputTokens: 40 });
    clock.runUntilIdle(60_000);
    const whole = recorder.stream(1).ids;
    let context = 0;
    for (let offset = 0; offset <= 40; offset += 1) {
      start(1, { length: 'max', maxOutputTokens: 40 });
      clock.runUntilIdle(60_000);
      context += 1;
      const kvKeptTokens = 40 + offset;
      expect(driver.truncate(1, offset, context)).toEqual({ kvAction: 'cut-in-place', kvKeptTokens });
      start(2, { parent: context, input: [{ kind: 'tokens', ids: [3] }], maxOutputTokens: 5 });
      start(3, {
        input: [{ kind: 'tokens', ids: [...promptIds(40), ...whole.slice(0, offset), 3] }],
        maxOutputTokens: 5,
      });
      clock.runUntilIdle(60_000);
      expect(recorder.stream(2).ids).toEqual(recorder.stream(3).ids);
      expect(recorder.stream(2).started).toMatchObject({ cachedTokens: kvKeptTokens, promptTokens: kvKeptTokens + 1 });
      driver.release(context);
    }
    driver.truncate(2, 0, 100);
    driver.truncate(3, 0, 101);
    driver.release(100);
    driver.release(101);
    expect(sim.load().kvTokensFree).toBe(free);
  });

  test('items open every so many tokens, each with its first token, and close with their last', () => {
    const { clock, recorder, start } = bench({ itemEvery: 16, drafter: 'dense' });
    start(1, { length: 'max', maxOutputTokens: 40 });
    clock.runUntilIdle(60_000);
    const { marks, ids } = recorder.stream(1);
    const wantMarks = [
      [0, 0, false],
      [0, 16, true],
      [1, 16, false],
      [1, 32, true],
      [2, 32, false],
      [2, 40, true],
    ];
    expect(marks.map(({ itemIndex, atOffset, closed }) => [itemIndex, atOffset, closed])).toEqual(wantMarks);
    for (const forced of [1, 15, 16, 17, 32, 33, 40]) {
      start(2, { length: 'max', maxOutputTokens: 40, forced: ids.slice(0, forced) });
      clock.runUntilIdle(60_000);
      expect(recorder.stream(2).marks).toEqual(marks);
      start(3, { length: 'max', maxOutputTokens: forced });
      clock.runUntilIdle(60_000);
      expect(recorder.stream(3).marks.at(-1)).toMatchObject({ atOffset: forced, closed: true });
      expect(recorder.stream(3).marks).toHaveLength(2 * Math.ceil(forced / 16));
    }
  });
});

describe('room', () => {
  test('a stream stalls when no block is free, and goes on when one is', () => {
    const { clock, driver, sim, recorder, start } = bench({ ...narrow(2600), contextTokens: 2048 });
    const { kvTokensTotal } = sim.load();
    expect(kvTokensTotal).toBeGreaterThan(2200);
    start(1, { length: 'max', maxOutputTokens: 1900 });
    start(2, { length: 'max', maxOutputTokens: 1900, choice: 1 });
    clock.advance(5000);
    expect(sim.counters.kvStalls).toBe(2);
    expect(sim.load()).toMatchObject({ kvTokensFree: 0, stepMicros: 0 });
    expect(clock.pending).toBe(0);
    driver.halt(1);
    clock.advance(5);
    driver.truncate(1, 0, 1);
    clock.advance(5000);
    expect(recorder.stream(2).terminal).toMatchObject({ kind: 'ended', generated: 1900 });
  });

  test('a context that is full is refused with both numbers', () => {
    const { clock, sim, recorder, start } = bench({ contextTokens: 2048 });
    const free = sim.load();
    start(1, { input: [{ kind: 'tokens', ids: promptIds(2048) }] });
    clock.runUntilIdle(1000);
    const details = { limit: '2048', requested: '2049' };
    const wantError = { code: 'context_length_exceeded', details };
    expect(recorder.stream(1).terminal).toMatchObject({ kind: 'failed', error: wantError });
    expect(sim.load()).toEqual(free);
  });

  test('output ends where the context is full', () => {
    const { clock, recorder, start } = bench({ contextTokens: 2048 });
    start(1, { input: [{ kind: 'tokens', ids: promptIds(2000) }], maxOutputTokens: 500, length: 'max' });
    clock.runUntilIdle(1000);
    expect(recorder.stream(1).terminal).toEqual({ kind: 'ended', finishReason: 'length', generated: 48 });
  });

  test('work without free KV is refused and leaves nothing behind', () => {
    const { clock, sim, driver, recorder, start } = bench({ ...narrow(2600), contextTokens: 2048 });
    start(1, { input: [{ kind: 'tokens', ids: promptIds(1500) }] });
    const load = sim.load();
    start(2, { input: [{ kind: 'tokens', ids: promptIds(700) }] });
    driver.prefill({
      op: 9,
      parent: 0,
      context: 5,
      input: [{ kind: 'tokens', ids: promptIds(700) }],
      afterOutput: false,
    });
    expect(sim.load()).toEqual(load);
    clock.advance(100);
    expect(recorder.stream(2).terminal).toMatchObject({ kind: 'failed', error: { code: 'no_capacity' } });
    expect(recorder.op(9)).toMatchObject({ kind: 'failed', error: { code: 'no_capacity' } });
    expect(recorder.stream(1).started).toBeDefined();
  });

  test('a closed turn keeps the KV of what it generated, and no reserve', () => {
    const { clock, sim, driver, start } = bench();
    const { kvTokensTotal } = sim.load();
    start(1, { length: 'max', maxOutputTokens: 200 });
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal - 9 * 128);
    clock.runUntilIdle(1000);
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal - 2 * 128);
    driver.truncate(1, 88, 1);
    expect(sim.load().kvTokensFree).toBe(kvTokensTotal - 128);
  });

  test('a turn on what a halted one left waits for the prefix of both', () => {
    const { clock, driver, recorder, start } = bench();
    const parentInput = [{ kind: 'tokens', ids: promptIds(20_000) }] as const;
    start(1, { input: parentInput, maxOutputTokens: 1 });
    driver.prefill({ op: 1, parent: 0, context: 1, input: parentInput, afterOutput: false });
    start(2, { parent: 1 });
    driver.halt(2);
    clock.advance(0);
    expect(driver.truncate(2, 0, 2)).toEqual({ kvAction: 'reprefill', kvKeptTokens: 20_000 });
    start(3, { parent: 2, successor: true });
    while (recorder.stream(3).started === undefined) clock.step();
    expect(recorder.op(1)).toEqual({
      kind: 'prefilled',
      contextTokens: 20_000,
      cachedTokens: 0,
      prefilledTokens: 20_000,
    });
    expect(recorder.stream(3).started).toMatchObject({ cachedTokens: 20_000, promptTokens: 20_080 });
  });

  test('a parent that is gone fails the turn', () => {
    const { clock, recorder, start } = bench();
    start(1, { parent: 99 });
    clock.runUntilIdle(1000);
    expect(recorder.stream(1).terminal).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
  });
});
