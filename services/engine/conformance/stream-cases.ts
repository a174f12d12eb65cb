import { expect, test } from '@jest/globals';
import { DriverBench, type DriverFactory } from './driver-bench.ts';

/** Rows, items and ends of streams that run by themselves. */
export function streamCases(factory: DriverFactory): void {
  test.each([{ tokens: 1 }, { tokens: 2 }, { tokens: 63 }, { tokens: 300 }])(
    'a turn of length max ends with reason length after exactly $tokens tokens',
    async ({ tokens }) => {
      const bench = new DriverBench(factory);
      const stream = bench.start({ maxOutputTokens: tokens });
      expect(await bench.closed(stream)).toEqual({ kind: 'ended', finishReason: 'length', generated: tokens });
      expect(bench.seen(stream).ids).toHaveLength(tokens);
      expect(bench.seen(stream).started).toEqual({ promptTokens: 40, cachedTokens: 0, startOffset: 0 });
    },
  );

  test('a step makes 1 to maxStepTokens tokens, and sometimes the most', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 400 });
    await bench.closed(stream);
    if (!bench.under.exactSteps) return;
    const { rows } = bench.seen(stream);
    expect(Math.max(...rows)).toBe(bench.driver.capabilities.maxStepTokens);
    expect(rows.slice(0, -1).every((count) => count >= 1)).toBe(true);
  });

  test('the first item opens at 0 and the last one closes at the end', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 90 });
    await bench.closed(stream);
    const { marks } = bench.seen(stream);
    expect(marks[0]).toMatchObject({ itemIndex: 0, atOffset: 0, closed: false });
    expect(marks.at(-1)).toMatchObject({ atOffset: 90, closed: true, itemIndex: marks.at(-1)?.itemIndex });
    const open = new Set<number>();
    for (const { itemIndex, closed } of marks) {
      expect(open.has(itemIndex)).toBe(closed);
      if (closed) open.delete(itemIndex);
      else open.add(itemIndex);
      expect(open.size).toBeLessThanOrEqual(1);
    }
    expect(open.size).toBe(0);
  });

  test('streams run side by side and each is whole', async () => {
    const bench = new DriverBench(factory);
    const wantLengths = [5, 40, 111, 64, 1];
    const streams = wantLengths.map((maxOutputTokens, choice) => bench.start({ maxOutputTokens, choice }));
    for (const stream of streams) await bench.closed(stream);
    expect(streams.map((stream) => bench.seen(stream).ids.length)).toEqual(wantLengths);
  });

  test('input of another modality fails the stream, once, and nothing else', async () => {
    const bench = new DriverBench(factory);
    const json = JSON.stringify({ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] });
    const stream = bench.start({ input: [{ kind: 'item', json }] });
    const terminal = await bench.closed(stream);
    expect(terminal).toMatchObject({ kind: 'failed', error: { code: 'unsupported_modality' } });
    expect(bench.seen(stream).started).toBeUndefined();
    const next = bench.start({ stream, maxOutputTokens: 3 });
    expect(await bench.closed(next)).toMatchObject({ kind: 'ended', generated: 3 });
  });
}
