import { expect, test } from '@jest/globals';
import { DriverBench, promptIds, type DriverFactory } from './driver-bench.ts';

const PROMPT = promptIds(40);

/** Turns that go on behind delivered tokens or behind a turn that never started. */
export function continuationCases(factory: DriverFactory): void {
  test.each([{ forced: 1 }, { forced: 30 }, { forced: 31 }, { forced: 99 }, { forced: 100 }])(
    'a continuation behind $forced delivered tokens equals the undisturbed turn',
    async ({ forced }) => {
      const bench = new DriverBench(factory);
      if (!bench.driver.capabilities.seededReplay) return;
      const whole = await bench.output({ maxOutputTokens: 100 });
      const stream = bench.start({ maxOutputTokens: 100, forced: whole.slice(0, forced) });
      expect(await bench.closed(stream)).toMatchObject({ kind: 'ended', generated: 100, finishReason: 'length' });
      expect(bench.seen(stream).started).toMatchObject({ promptTokens: 40, startOffset: forced });
      expect(bench.seen(stream).ids).toEqual(whole.slice(forced));
    },
  );

  test('delivered tokens of another turn are refused', async () => {
    const bench = new DriverBench(factory);
    if (!bench.driver.capabilities.seededReplay) return;
    const whole = await bench.output({ maxOutputTokens: 50 });
    const forced = whole.with(33, (whole[33] ?? 0) + 1);
    const stream = bench.start({ maxOutputTokens: 50, forced });
    expect(await bench.closed(stream)).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
    const tooLong = bench.start({ maxOutputTokens: 49, forced: whole });
    expect(await bench.closed(tooLong)).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
  });

  test('a turn halted before it started leaves a context that later turns can use', async () => {
    const bench = new DriverBench(factory);
    const want = await bench.output({ ids: [...PROMPT, 6] });
    const stream = bench.start({ ids: PROMPT });
    expect(await bench.halt(stream)).toBe(0);
    const { context, kvKeptTokens } = bench.truncate(stream, 0);
    expect(kvKeptTokens).toBeLessThanOrEqual(PROMPT.length);
    const next = bench.start({ parent: context, ids: [6] });
    await bench.closed(next);
    expect(bench.seen(next).started).toMatchObject({ promptTokens: 41, cachedTokens: kvKeptTokens });
    if (bench.driver.capabilities.seededReplay) expect(bench.seen(next).ids).toEqual(want);
  });
}
