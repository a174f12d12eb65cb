import { expect, test } from '@jest/globals';
import { DriverBench, promptIds, type DriverFactory } from './driver-bench.ts';

const PROMPT = promptIds(40);

/** C4: contexts, cuts and forks. */
export function contextCases(factory: DriverFactory): void {
  test('a turn on a cut re-evaluates one token of it at most', async () => {
    const bench = new DriverBench(factory);
    if (bench.driver.capabilities.cut !== 'token') return;
    const stream = bench.start({ ids: PROMPT, maxOutputTokens: 500 });
    await bench.tokens(stream, 150);
    const generated = await bench.halt(stream);
    const { context, kvKeptTokens, kvAction } = bench.truncate(stream, generated - 7);
    expect({ kvAction, kvKeptTokens }).toEqual({ kvAction: 'cut-in-place', kvKeptTokens: 40 + generated - 7 });
    const next = bench.start({ parent: context, ids: [9, 8, 7] });
    await bench.closed(next);
    const started = bench.seen(next).started;
    expect(started?.promptTokens).toBe(40 + generated - 7 + 3);
    expect(40 + generated - 7 - (started?.cachedTokens ?? 0)).toBeLessThanOrEqual(1);
  });

  test.each([{ keep: 0 }, { keep: 1 }, { keep: 87 }, { keep: 88 }, { keep: 89 }, { keep: 128 }])(
    'a turn on a cut at $keep says what a turn on the same tokens says, however they came',
    async ({ keep }) => {
      const bench = new DriverBench(factory);
      if (!bench.driver.capabilities.seededReplay) return;
      const stream = bench.start({ ids: PROMPT, maxOutputTokens: 128 });
      await bench.closed(stream);
      const kept = bench.seen(stream).ids.slice(0, keep);
      const { context } = bench.truncate(stream, keep);
      const onCut = await bench.output({ parent: context, ids: [9, 8] });
      const resent = await bench.output({ ids: [...PROMPT, ...kept, 9, 8] });
      const other = await bench.output({ ids: [...PROMPT, ...kept, 9, 9] });
      expect(onCut).toEqual(resent);
      expect(onCut).not.toEqual(other);
    },
  );

  test('forks of one context share its KV, and each is on its own', async () => {
    const bench = new DriverBench(factory);
    if (!bench.driver.capabilities.fork) return;
    const trunk = await bench.prefill(0, promptIds(1280));
    const before = bench.driver.load().kvTokensFree;
    const forks = [1, 2, 3].map((id) => bench.start({ parent: trunk, ids: [id], maxOutputTokens: 30 }));
    const perFork = (before - bench.driver.load().kvTokensFree) / forks.length;
    for (const fork of forks) await bench.closed(fork);
    expect(perFork).toBeLessThan(1280);
    expect(forks.map((fork) => bench.seen(fork).started)).toEqual(
      forks.map(() => ({ promptTokens: 1281, cachedTokens: 1280, startOffset: 0 })),
    );
    bench.driver.release(trunk);
    const { context } = bench.truncate(forks[0] ?? 0, 12);
    const later = bench.start({ parent: context, ids: [4], maxOutputTokens: 5 });
    expect(await bench.closed(later)).toMatchObject({ kind: 'ended', generated: 5 });
  });
}
