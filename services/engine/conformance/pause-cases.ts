import { expect, test } from '@jest/globals';
import { DriverBench, type DriverFactory } from './driver-bench.ts';

/** Streams that leave the batch for a while. */
export function pauseCases(factory: DriverFactory): void {
  test('a paused stream stays silent and goes on without a gap', async () => {
    const bench = new DriverBench(factory);
    const { seededReplay } = bench.driver.capabilities;
    const whole = await bench.output({ maxOutputTokens: 80 });
    const stream = bench.start({ maxOutputTokens: 80 });
    await bench.tokens(stream, 10);
    bench.driver.pause(stream);
    await bench.under.steps(2);
    const paused = bench.seen(stream).ids.length;
    expect(paused).toBeLessThan(80);
    await bench.under.steps(20);
    expect(bench.seen(stream).ids).toHaveLength(paused);
    bench.driver.resume(stream);
    await bench.closed(stream);
    expect(bench.seen(stream).ids).toHaveLength(80);
    if (seededReplay) expect(bench.seen(stream).ids).toEqual(whole);
  });

  test('a stream that is paused before it starts is silent until it is resumed', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 20 });
    bench.driver.pause(stream);
    await bench.under.settle(() => bench.seen(stream).started !== undefined);
    await bench.under.steps(10);
    expect(bench.seen(stream).ids.length).toBeLessThanOrEqual(bench.driver.capabilities.maxStepTokens);
    bench.driver.resume(stream);
    expect(await bench.closed(stream)).toMatchObject({ kind: 'ended', generated: 20 });
  });

  test('a pause that is taken back at once costs nothing', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 50 });
    await bench.tokens(stream, 5);
    bench.driver.pause(stream);
    bench.driver.resume(stream);
    bench.driver.resume(stream);
    expect(await bench.closed(stream)).toMatchObject({ kind: 'ended', generated: 50 });
  });
}
