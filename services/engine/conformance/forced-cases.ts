import { expect, test } from '@jest/globals';
import { DriverBench, promptIds, type DriverFactory } from './driver-bench.ts';

const PROMPT = promptIds(40);
const TOKENS = 60;

/** Streams that begin behind tokens of another engine: what the host can ask of them, and how they can end (E6). */
export function forcedCases(factory: DriverFactory): void {
  test.each([{ first: 0 }, { first: 1 }, { first: 17 }, { first: 39 }, { first: 40 }])(
    'the forced tokens from $first on can be told again, with their text',
    async ({ first }) => {
      const bench = new DriverBench(factory);
      if (!bench.driver.capabilities.seededReplay) return;
      const whole = bench.start({ maxOutputTokens: TOKENS });
      await bench.closed(whole);
      const { ids, texts } = bench.seen(whole);
      const stream = bench.start({ maxOutputTokens: TOKENS, forced: ids.slice(0, 40) });
      await bench.under.settle(() => bench.seen(stream).started !== undefined);
      const columns = bench.driver.forcedTokens(stream, first);
      expect([...columns.tokenId]).toEqual(ids.slice(first, 40));
      expect([...columns.textLength]).toEqual(texts.slice(first, 40).map((text) => text.length));
      expect(Buffer.from(columns.text).equals(Buffer.concat(texts.slice(first, 40)))).toBe(true);
      expect(await bench.closed(stream)).toMatchObject({ kind: 'ended', generated: TOKENS });
      expect(bench.seen(stream).ids).toEqual(ids.slice(40));
    },
  );

  test.each([{ keep: 0 }, { keep: 1 }, { keep: 16 }, { keep: 39 }, { keep: 40 }])(
    'a stream halted before it starts has what was forced, and keeps $keep of it',
    async ({ keep }) => {
      const bench = new DriverBench(factory);
      if (!bench.driver.capabilities.seededReplay) return;
      const whole = await bench.output({ maxOutputTokens: TOKENS });
      const want = await bench.output({ ids: [...PROMPT, ...whole.slice(0, keep), 9] });
      const stream = bench.start({ maxOutputTokens: TOKENS, forced: whole.slice(0, 40) });
      expect(await bench.halt(stream)).toBe(40);
      expect(bench.seen(stream)).toMatchObject({ started: undefined, ids: [] });
      const { context, kvKeptTokens } = bench.truncate(stream, keep);
      expect(kvKeptTokens).toBeLessThanOrEqual(PROMPT.length + keep);
      const next = bench.start({ parent: context, ids: [9] });
      await bench.closed(next);
      expect(bench.seen(next).started).toMatchObject({ promptTokens: PROMPT.length + keep + 1 });
      expect(bench.seen(next).ids).toEqual(want);
    },
  );

  itemCases(factory);
  parkCase(factory);
}

function itemCases(factory: DriverFactory): void {
  test('a stream whose forced tokens reach its end starts, tells its items and ends, without a row', async () => {
    const bench = new DriverBench(factory);
    if (!bench.driver.capabilities.seededReplay) return;
    const whole = bench.start({ maxOutputTokens: TOKENS });
    await bench.closed(whole);
    const { ids, marks } = bench.seen(whole);
    const stream = bench.start({ maxOutputTokens: TOKENS, forced: ids });
    expect(await bench.closed(stream)).toEqual({ kind: 'ended', finishReason: 'length', generated: TOKENS });
    expect(bench.seen(stream)).toMatchObject({ started: { startOffset: TOKENS }, ids: [], marks });
    const { context } = bench.truncate(stream, TOKENS);
    const onEnd = await bench.output({ parent: context, ids: [9] });
    expect(onEnd).toEqual(await bench.output({ ids: [...PROMPT, ...ids, 9] }));
  });

  test('the marks of items among the forced tokens are told again, before the first row', async () => {
    const bench = new DriverBench(factory);
    if (!bench.driver.capabilities.seededReplay) return;
    const whole = bench.start({ maxOutputTokens: TOKENS });
    await bench.closed(whole);
    const { ids, marks } = bench.seen(whole);
    const stream = bench.start({ maxOutputTokens: TOKENS, forced: ids.slice(0, 40) });
    let early: readonly { atOffset: number }[] | undefined;
    bench.recorder.react = (event, id) => {
      if (event === 'step' && id === stream) early ??= bench.seen(stream).marks.filter(({ atOffset }) => atOffset < 40);
    };
    await bench.closed(stream);
    expect(early).toEqual(marks.filter(({ atOffset }) => atOffset < 40));
    expect(bench.seen(stream).marks).toEqual(marks);
  });
}

function parkCase(factory: DriverFactory): void {
  test('a parked stream and a parked context come back as they were', async () => {
    const bench = new DriverBench(factory);
    const stream = bench.start({ maxOutputTokens: 80 });
    await bench.tokens(stream, 10);
    bench.driver.pause(stream);
    await bench.under.steps(2);
    bench.driver.park({ stream });
    await bench.under.steps(20);
    const parked = bench.seen(stream).ids.length;
    bench.driver.resume(stream);
    expect(await bench.closed(stream)).toMatchObject({ kind: 'ended', generated: 80 });
    expect(parked).toBeLessThan(80);
    const { context } = bench.truncate(stream, 80);
    bench.driver.park({ context });
    await bench.under.steps(20);
    const onParked = await bench.output({ parent: context, ids: [9] });
    if (!bench.driver.capabilities.seededReplay) return;
    expect(bench.seen(stream).ids).toEqual(await bench.output({ maxOutputTokens: 80 }));
    expect(onParked).toEqual(await bench.output({ ids: [...PROMPT, ...bench.seen(stream).ids, 9] }));
  });
}

/** A replica that breaks; only for drivers that have a way to. */
export function brokenCase(factory: DriverFactory): void {
  test('a broken replica says so once and nothing after it', async () => {
    const bench = new DriverBench(factory);
    const { breakNow } = bench.under;
    if (breakNow === undefined) return;
    const stream = bench.start({ maxOutputTokens: 500 });
    await bench.tokens(stream, 10);
    breakNow();
    await bench.under.steps(0);
    await bench.under.settle(() => bench.recorder.brokenFor !== undefined);
    // The recorder refuses every event from here on.
    bench.driver.halt(stream);
    bench.start({ maxOutputTokens: 5 });
    await bench.under.steps(50);
    expect(bench.seen(stream).terminal).toBeUndefined();
    bench.driver.close();
  });
}
