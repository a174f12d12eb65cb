import { expect, test } from '@jest/globals';
import { DriverBench, promptIds, type DriverFactory } from './driver-bench.ts';

/** Room: what load says, what canStart promises, what release gives back. */
export function capacityCases(factory: DriverFactory): void {
  test('everything is free again when every context is released', async () => {
    const bench = new DriverBench(factory);
    const atRest = bench.driver.load();
    const trunk = await bench.prefill(0, promptIds(300));
    const streams = [1, 2, 3].map((id) => bench.start({ parent: trunk, ids: [id], maxOutputTokens: 200 }));
    await bench.tokens(streams[0] ?? 0, 100);
    expect(bench.driver.load().slotsFree).toBe(atRest.slotsFree - 3);
    expect(bench.driver.load().kvTokensFree).toBeLessThan(atRest.kvTokensFree);
    expect(bench.driver.load().stepMicros).toBeGreaterThan(0);
    bench.driver.release(trunk);
    for (const stream of streams) await bench.closed(stream);
    const contexts = streams.map((stream) => bench.truncate(stream, 77).context);
    expect(bench.driver.load().slotsFree).toBe(atRest.slotsFree);
    for (const context of contexts) bench.driver.release(context);
    expect(bench.driver.load()).toEqual(atRest);
    expect(atRest).toMatchObject({ prefillBacklogTokens: 0, stepMicros: 0 });
  });

  test('a context stays whole when what it grew out of is released', async () => {
    const bench = new DriverBench(factory);
    const atRest = bench.driver.load().kvTokensFree;
    const trunk = await bench.prefill(0, promptIds(500));
    const branch = await bench.prefill(trunk, promptIds(20));
    bench.driver.release(trunk);
    const next = bench.start({ parent: branch, ids: [1], maxOutputTokens: 4 });
    await bench.closed(next);
    expect(bench.seen(next).started).toMatchObject({ promptTokens: 521, cachedTokens: 520 });
    bench.driver.release(branch);
    bench.driver.release(bench.truncate(next, 4).context);
    expect(bench.driver.load().kvTokensFree).toBe(atRest);
  });

  test('work that can start starts, and work that cannot is refused', async () => {
    const bench = new DriverBench(factory);
    const streams: number[] = [];
    const ids = promptIds(200);
    while (bench.driver.canStart({ parent: 0, inputTokensMax: ids.length })) {
      streams.push(bench.start({ ids, maxOutputTokens: 10_000 }));
    }
    expect(streams.length).toBeGreaterThan(0);
    const over = bench.start({ ids });
    expect(await bench.closed(over)).toMatchObject({ kind: 'failed', error: { code: 'no_capacity' } });
    expect(streams.map((stream) => bench.seen(stream).terminal?.kind)).not.toContain('failed');
    const [first = 0] = streams;
    await bench.halt(first);
    bench.driver.release(bench.truncate(first, 0).context);
    expect(bench.driver.canStart({ parent: 0, inputTokensMax: ids.length })).toBe(true);
    const again = bench.start({ ids, maxOutputTokens: 1 });
    expect(await bench.closed(again)).toMatchObject({ kind: 'ended' });
  });

  test('input that can never fit is not promised', () => {
    const bench = new DriverBench(factory);
    const { kvTokensTotal } = bench.driver.load();
    expect(bench.driver.canStart({ parent: 0, inputTokensMax: kvTokensTotal + 1 })).toBe(false);
  });
}
