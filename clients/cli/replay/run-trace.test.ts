import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { ReticleError, type Frame, type ReticleClient, type TurnOptions } from '@reticle/sdk';
import { progressText } from './progress.ts';
import { runTrace } from './run-trace.ts';
import { brokenTokens, Tally, tallyTable } from './tally.ts';
import type { TraceRow } from './trace.ts';

const frame = (firstOffset: number, tokenCount: number): Frame => ({
  firstOffset,
  tokenCount,
  text: '',
  bytes: new Uint8Array(),
  textLengths: [],
  engineMicros: 0,
});

type Played = { readonly frames: readonly Frame[]; readonly endOffset: number };

/** A client whose turns play a script; it records what it was asked and how many sessions were open at once. */
function fakeClient(play: (options: TurnOptions) => Played) {
  const asked: { readonly tokens: number; readonly options: TurnOptions }[] = [];
  const open = { now: 0, most: 0 };
  const session = {
    turn: (input: { tokens: number[] }, options: TurnOptions) => {
      asked.push({ tokens: input.tokens.length, options });
      const { frames, endOffset } = play(options);
      return {
        ended: Promise.resolve({ endOffset }),
        onMoved: () => () => {},
        async *[Symbol.asyncIterator]() {
          for (const each of frames) yield await Promise.resolve(each);
        },
      };
    },
    close: () => {
      open.now--;
      return Promise.resolve();
    },
  };
  const createSession = () => {
    open.most = Math.max(open.most, ++open.now);
    return Promise.resolve(session);
  };
  return { client: { createSession } as unknown as ReticleClient, asked, open };
}

const exact = ({ maxOutputTokens = 0 }: TurnOptions): Played => ({
  frames: [frame(0, maxOutputTokens)],
  endOffset: maxOutputTokens,
});

async function run(rows: readonly TraceRow[], play: (options: TurnOptions) => Played, concurrency = 8) {
  const fake = fakeClient(play);
  const tally = new Tally();
  const clock = new VirtualClock();
  const { signal } = new AbortController();
  await runTrace({ client: fake.client, clock, rows, speed: 1, concurrency, tally, signal });
  return { ...fake, tally };
}

const row = (outputTokens: number, inputTokens = 5, atMs = 0): TraceRow => ({ atMs, inputTokens, outputTokens });

describe('runTrace', () => {
  test('asks for each row its own lengths, exactly, and at least one token', async () => {
    const { asked, tally } = await run([row(10, 4_808), row(0, 0)], exact);
    expect(asked.map(({ tokens, options }) => [tokens, options.maxOutputTokens, options.outputLength])).toEqual([
      [4_808, 10, 'exact'],
      [1, 1, 'exact'],
    ]);
    expect(tally).toMatchObject({ turns: 2, completed: 2, tokens: 11, lost: 0, doubled: 0, wrongLength: 0 });
  });

  test.each([
    { name: 'a hole', frames: [frame(0, 3), frame(5, 5)], end: 10, want: { lost: 2, doubled: 0 } },
    { name: 'a repeat', frames: [frame(0, 6), frame(4, 6)], end: 10, want: { lost: 0, doubled: 2 } },
    { name: 'a missing end', frames: [frame(0, 7)], end: 10, want: { lost: 3, doubled: 0 } },
    { name: 'nothing wrong', frames: [frame(0, 7), frame(7, 3)], end: 10, want: { lost: 0, doubled: 0 } },
  ])('counts tokens of $name by itself', async ({ frames, end, want }) => {
    const { tally } = await run([row(10)], () => ({ frames, endOffset: end }));
    expect(tally).toMatchObject({ ...want, clean: want.lost + want.doubled === 0 });
  });

  test('tells a turn of another length than its trace', async () => {
    const { tally } = await run([row(10)], () => ({ frames: [frame(0, 4)], endOffset: 4 }));
    expect(tally).toMatchObject({ wrongLength: 1, lost: 0 });
  });

  test('counts refusals by code and goes on', async () => {
    let calls = 0;
    const { tally } = await run([row(1), row(1), row(1)], (options) => {
      if (++calls === 2) throw new ReticleError('no_capacity', 'full');
      return exact(options);
    });
    expect([tally.completed, [...tally.refused]]).toEqual([2, [['no_capacity', 1]]]);
  });

  test('keeps sessions within the bound', async () => {
    const { open, tally } = await run(
      Array.from({ length: 40 }, () => row(3)),
      exact,
      4,
    );
    expect([open.most, tally.completed]).toEqual([4, 40]);
  });

  test('lets each request arrive at its time, divided by the speed', async () => {
    const fake = fakeClient(exact);
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const rows = [row(1, 1, 0), row(1, 1, 100), row(1, 1, 300)];
    const tally = new Tally();
    const running = runTrace({ client: fake.client, clock, rows, speed: 10, concurrency: 8, tally, signal });
    const arrivals: number[] = [];
    for (let ms = 0; ms <= 30; ms++) {
      await new Promise((resolve) => setImmediate(resolve));
      while (arrivals.length < fake.asked.length) arrivals.push(ms);
      clock.advance(1);
    }
    await running;
    expect(arrivals).toEqual([0, 10, 30]);
  });

  test('stops between arrivals when it is aborted', async () => {
    const fake = fakeClient(exact);
    const abort = new AbortController();
    const clock = new VirtualClock();
    const tally = new Tally();
    const rows = [row(1), row(1, 1, 60_000)];
    const options = { client: fake.client, clock, rows, speed: 1, concurrency: 8, tally };
    const running = runTrace({ ...options, signal: abort.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await running;
    expect([fake.asked.length, clock.pending]).toEqual([1, 0]);
  });
});

describe('brokenTokens', () => {
  const broken = (details: Record<string, string>) =>
    brokenTokens(new ReticleError('upstream_protocol_error', 'x', { details }));

  test.each([
    { details: { first_offset: '9', expected_offset: '4' }, want: { lost: 5, doubled: 0 } },
    { details: { first_offset: '2', expected_offset: '4' }, want: { lost: 0, doubled: 2 } },
    { details: { end_offset: '10', received_offset: '7' }, want: { lost: 3, doubled: 0 } },
  ])('reads $want from the facts of an error', ({ details, want }) => {
    expect(broken(details)).toEqual(want);
  });

  test('finds nothing in other errors', () => {
    expect(brokenTokens(new ReticleError('no_capacity', 'x'))).toEqual({ lost: 0, doubled: 0 });
    expect(brokenTokens(new Error('x'))).toEqual({ lost: 0, doubled: 0 });
  });
});

describe('tallyTable', () => {
  test('shows counts, percentiles and refusals', () => {
    const tally = new Tally();
    tally.frame(1, undefined);
    tally.frame(4, 8);
    const outcome = { firstTokenMs: 12, tokensPerSecond: 2_000, lost: 0, doubled: 1, wrongLength: false };
    tally.request({ ...outcome, code: undefined });
    tally.request({ ...outcome, doubled: 0, tokensPerSecond: undefined, code: 'no_capacity' });
    const shown = tallyTable(tally, 2_500);
    for (const line of [
      /^turns +2$/m,
      /^completed +1$/m,
      /^tokens +5$/m,
      /^elapsed +2\.50 s$/m,
      /^doubled +1$/m,
      /^refused no_capacity +1$/m,
      /^time to first token +12 ms +12 ms +12 ms$/m,
      /^inter-token gap +2\.0 ms +2\.0 ms +2\.0 ms$/m,
      /^tokens\/s of a turn +2,000 +2,000$/m,
    ]) {
      expect(shown).toMatch(line);
    }
  });

  test('shows a dash where nothing was measured', () => {
    expect(tallyTable(new Tally(), 0)).toMatch(/^time to first token +– +– +–$/m);
  });
});

describe('progressText', () => {
  test.each([
    { done: 0, want: '[                        ] 0/200 · 1,234 tokens · 1.5 s' },
    { done: 100, want: '[############            ] 100/200 · 1,234 tokens · 1.5 s' },
    { done: 200, want: '[########################] 200/200 · 1,234 tokens · 1.5 s' },
  ])('shows $done of 200', ({ done, want }) => {
    expect(progressText({ done, total: 200, tokens: 1_234, elapsedMs: 1_500 })).toBe(want);
  });
});
