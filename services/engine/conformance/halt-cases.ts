import { expect, test } from '@jest/globals';
import { DriverBench, type DriverFactory } from './driver-bench.ts';

/** C3: what a halt stops, at every moment of a stream. */
export function haltCases(factory: DriverFactory): void {
  test('a stream that has not started has generated 0', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start();
    expect(await bench.halt(stream)).toBe(0);
    expect(bench.seen(stream).started).toBeUndefined();
    await bench.under.steps(20);
    expect(bench.seen(stream).ids).toEqual([]);
  });

  test.each([{ phase: 0 }, { phase: 0.1 }, { phase: 0.5 }, { phase: 0.9 }, { phase: 1 }, { phase: 1.3 }])(
    'a halt $phase steps after a token ends with the running step',
    async ({ phase }) => {
      const bench = new DriverBench(factory);
      const stream = bench.start({ maxOutputTokens: 500 });
      await bench.tokens(stream, 20);
      await bench.under.steps(phase);
      const asked = bench.seen(stream).ids.length;
      const generated = await bench.halt(stream);
      expect(generated).toBe(bench.seen(stream).ids.length);
      expect(generated - asked).toBeLessThanOrEqual(2 * bench.driver.capabilities.maxStepTokens);
      if (bench.under.exactSteps) {
        expect(bench.seen(stream).rows.at(-1)).toBe(generated - asked);
      }
      await bench.under.steps(20);
      expect(bench.seen(stream).ids).toHaveLength(generated);
    },
  );

  test('a paused stream halts where it is', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 500 });
    await bench.tokens(stream, 5);
    bench.driver.pause(stream);
    await bench.under.steps(3);
    const asked = bench.seen(stream).ids.length;
    expect(await bench.halt(stream)).toBe(asked);
  });

  test('a repeated halt, and one after the end, change nothing', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 500 });
    await bench.tokens(stream, 5);
    bench.driver.halt(stream);
    bench.driver.halt(stream);
    bench.driver.pause(stream);
    bench.driver.resume(stream);
    expect(await bench.closed(stream)).toMatchObject({ kind: 'halted' });
    bench.driver.halt(stream);
    await bench.under.steps(5);
    const ended = bench.start({ maxOutputTokens: 3 });
    await bench.closed(ended);
    bench.driver.halt(ended);
    await bench.under.steps(5);
    expect(bench.seen(ended).terminal).toMatchObject({ kind: 'ended', generated: 3 });
  });

  reentrantCase(factory);
}

function reentrantCase(factory: DriverFactory): void {
  test('a host that halts, cuts and goes on from inside events is obeyed', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 500 });
    let successor = 0;
    bench.recorder.react = (event, id) => {
      if (id !== stream) return;
      if (event === 'step' && bench.seen(id).ids.length >= 12) bench.driver.halt(id);
      if (event !== 'closed') return;
      const { context } = bench.truncate(id, 10);
      successor = bench.start({ parent: context, ids: [5], maxOutputTokens: 8, successor: true });
    };
    await bench.closed(stream);
    expect(await bench.closed(successor)).toMatchObject({ kind: 'ended', generated: 8 });
    expect(bench.seen(successor).started).toMatchObject({ promptTokens: 51 });
  });
}
