/** Token streams over real sockets: every token is the oracle's, whatever the frames look like (PROTOCOL R1, R8, R11). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import {
  EXACT_LENGTH,
  outcomes,
  randomId,
  sparkChain,
  start,
  startTestPlatform,
  statuses,
  TEST_REGION,
  turnOf,
  userItem,
  type ApiClient,
  type ConverseClient,
  type TestPlatform,
  type WarmSessionResponse,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const CONNECTIONS = 5;
const TURNS = 50;

let platform: TestPlatform;
let client: ApiClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [sparkChain(), sparkChain({ servedName: 'spark-two' })] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Runs a turn of `tokens` tokens to its end on this stream, checked. */
async function run(stream: ConverseClient, turnId: string, tokens: number) {
  const turn = turnOf(turnId, tokens);
  const checker = stream.check(turnId, platform.oracle().turn(turn));
  stream.send(start(turn));
  const ended = await stream.untilEnded(turnId);
  return { checker, ended, frames: stream.log.all('tokenFrame').filter((frame) => frame.turnId === turnId) };
}

describe('many turns at once', () => {
  test('fifty, on five connections: every token of each is the oracle’s, once', async () => {
    const clients = Array.from({ length: CONNECTIONS }, () => platform.client());
    const turns = await Promise.all(
      Array.from({ length: TURNS }, async (_, index) => {
        const { stream } = await (clients[index % CONNECTIONS] as ApiClient).open({
          framePolicy: { includeTokenIds: true },
        });
        const tokens = 200 + 7 * index;
        const input = [userItem(`turn ${index} cnry-abcd${'abcdefghij'[index % 10]}2`)];
        const turn = turnOf(`t${index}`, tokens, { input });
        return { stream, tokens, turn, checker: stream.check(`t${index}`, platform.oracle().turn(turn)) };
      }),
    );
    for (const { stream, turn } of turns) stream.send(start(turn));
    for (const { stream, turn, tokens, checker } of turns) {
      const ended = await stream.untilEnded(turn.turnId ?? '');
      expect(ended).toMatchObject({ status: statuses.incomplete, endOffset: tokens, finishReason: 'length' });
      expect(ended.usage).toMatchObject({ outputTokens: tokens, discardedTokens: 0 });
      expect(checker.faults()).toEqual([]);
      expect(checker.compared).toEqual({ ids: tokens, text: tokens });
    }
    const canaries = turns.map(({ stream }) => textOf(stream).match(/~[a-z2-7]{6} /g) ?? []);
    for (const [index, found] of canaries.entries()) {
      expect(new Set(found)).toEqual(new Set([`~abcd${'abcdefghij'[index % 10]}2 `]));
    }
  });

  test('eight in one session, each with offsets of its own', async () => {
    const { stream } = await client.open();
    const names = Array.from({ length: limits.liveTurnsMax }, (_, index) => `live-${index}`);
    const runs = await Promise.all(names.map((name, index) => run(stream, name, 100 + index)));
    for (const { checker } of runs) expect(checker.faults()).toEqual([]);
    expect(runs.map(({ ended }) => ended.endOffset)).toEqual(names.map((_, index) => 100 + index));
  });
});

function textOf(stream: ConverseClient): string {
  return Buffer.concat(stream.log.all('tokenFrame').map(({ text }) => text)).toString('latin1');
}

describe('frames', () => {
  test.each([
    { name: 'text alone by default', policy: {}, want: { ids: 0, text: 300 } },
    { name: 'ids beside the text', policy: { includeTokenIds: true }, want: { ids: 300, text: 300 } },
    { name: 'ids alone', policy: { includeTokenIds: true, omitText: true }, want: { ids: 300, text: 0 } },
    { name: 'neither, offsets only', policy: { omitText: true }, want: { ids: 0, text: 0 } },
  ])('$name', async ({ policy, want }) => {
    const { stream } = await client.open({ framePolicy: policy });
    const { checker } = await run(stream, 't1', 300);
    expect(checker.faults()).toEqual([]);
    expect(checker.compared).toEqual(want);
  });

  test.each([
    { name: 'as many tokens as a frame may have', policy: { maxTokens: 64, maxDelay: { nanos: 50_000_000 } } },
    { name: 'more than a frame may have', policy: { maxTokens: 100_000, maxDelay: { seconds: 3_600 } } },
  ])('a policy that asks for $name gets few large ones', async ({ policy }) => {
    const { stream } = await client.open({ framePolicy: policy });
    const { checker, frames } = await run(stream, 't1', 1_280);
    expect(checker.faults()).toEqual([]);
    expect(Math.max(...frames.map(({ tokenCount }) => tokenCount))).toBe(limits.frameTokensMax);
    // 20 full ones would do; the rest are flushed by credit, borders and the bound on the wait.
    expect(frames.length).toBeLessThan(80);
    expect(frames[0]?.tokenCount).toBeLessThan(limits.frameTokensMax);
  });

  test('the clock of the tokens says at least 1,000 tokens/s for spark-ref', async () => {
    const { stream } = await client.open();
    const { frames } = await run(stream, 't1', 2_000);
    const rates = frames.slice(1).map(({ tokenCount, engineMicros }, index) => {
      const micros = (engineMicros - (frames[index]?.engineMicros ?? 0)) >>> 0;
      return (1e6 * tokenCount) / micros;
    });
    const median = rates.toSorted((one, other) => one - other)[Math.floor(rates.length / 2)] ?? 0;
    expect(rates.length).toBeGreaterThan(20);
    expect(median).toBeGreaterThanOrEqual(1_000);
    expect(median).toBeLessThan(10_000);
  });
});

describe('what a turn says of itself', () => {
  test('who serves it, and what was asked for', async () => {
    const { stream } = await client.open();
    await run(stream, 't1', 5);
    const started = await stream.until('turnStarted');
    expect(started).toMatchObject({
      turnId: 't1',
      startOffset: 0,
      model: 'spark-ref',
      modelDigest: platform.chain.modelDigest,
      region: TEST_REGION,
      requestedTier: 1,
      servedTier: 1,
      replica: platform.engines[0]?.engineId,
      cachedTokens: 0,
    });
    expect(started.resumeToken).toMatch(/^rtr1\./);
    expect(started.epoch).toBe(stream.log.all('attached')[0]?.session?.epoch);
    expect(stream.log.kinds()).toEqual(['attached', 'turnStarted', 'itemMark', 'tokenFrame', 'itemMark', 'turnEnded']);
  });

  test('a session of another model is served by that model’s engine', async () => {
    const { stream } = await platform.client({ model: 'spark-two' }).open();
    await run(stream, 't1', 5);
    expect(await stream.until('turnStarted')).toMatchObject({
      model: 'spark-two',
      replica: platform.engines[1]?.engineId,
    });
  });
});

describe('contexts', () => {
  test('a prefix, a warm-up, a turn, its successor: each finds the KV of the one before', async () => {
    const prefix = [userItem('You are terse. '.repeat(40))];
    const { stream, sessionId } = await client.open({}, { create: { prefix } });
    const root = platform.oracle().warmed(prefix);

    const warmInput = [userItem('a warm document')];
    const warm = await client.ask<WarmSessionResponse>('WarmSession', {
      sessionId,
      requestId: randomId(),
      prefix: warmInput,
    });
    const warmed = root.warmed(warmInput);
    expect(warm).toMatchObject({ cachedTokens: root.tokens, prefilledTokens: warmed.tokens - root.tokens });

    const first = turnOf('t1', 150, { parentTurnId: warm.turnId });
    const one = warmed.turn(first);
    const firstChecker = stream.check('t1', one);
    stream.send(start(first));
    await stream.untilEnded('t1');
    expect(await stream.until('turnStarted')).toMatchObject({ cachedTokens: warmed.tokens });

    const second = turnOf('t2', 150, { parentTurnId: 't1' });
    const context = one.after(150);
    const secondChecker = stream.check('t2', context.turn(second));
    stream.send(start(second));
    await stream.untilEnded('t2');
    expect((await stream.until('turnStarted')).cachedTokens).toBe(context.tokens);
    expect([firstChecker.faults(), secondChecker.faults()]).toEqual([[], []]);
  });

  test('two turns on one parent and a seed of one’s own', async () => {
    const { stream } = await client.open();
    const { checker } = await run(stream, 't1', 40);
    const context = platform.oracle().turn(turnOf('t1', 40)).after(40);
    const plain = turnOf('a', 60, { parentTurnId: 't1', input: [userItem('go on')] });
    const seeded: typeof plain = { ...plain, turnId: 'b', params: { seed: 99, outputLength: EXACT_LENGTH } };
    const checkers = [plain, seeded].map((turn) => stream.check(turn.turnId ?? '', context.turn(turn)));
    for (const turn of [plain, seeded]) stream.send(start(turn));
    for (const turn of [plain, seeded]) await stream.untilEnded(turn.turnId ?? '');
    for (const each of [checker, ...checkers]) expect(each.faults()).toEqual([]);
  });

  test('a prefilled turn generates nothing and is a parent', async () => {
    const { stream } = await client.open();
    const input = [userItem('only read this')];
    stream.send(start({ turnId: 'p', input, prefillOnly: true }));
    expect(await stream.untilEnded('p')).toMatchObject({ status: statuses.completed, endOffset: 0 });
    const context = platform.oracle().warmed(input);
    const next = turnOf('t1', 30, { parentTurnId: 'p' });
    const checker = stream.check('t1', context.turn(next));
    stream.send(start(next));
    await stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
    expect((await stream.until('turnStarted', ({ turnId }) => turnId === 't1')).cachedTokens).toBe(context.tokens);
  });
});

describe('idempotency of a start', () => {
  test('the same turn again is the same answer; its tokens come once', async () => {
    const { stream } = await client.open();
    const { checker, ended } = await run(stream, 't1', 80);
    stream.send(start(turnOf('t1', 80)));
    const again = await stream.untilEnded('t1');
    expect(again).toEqual(ended);
    expect(stream.receivedOf('t1')).toBe(80);
    expect(checker.position).toBe(80);
  });

  test('another body under the same id is refused and leaves the turn alone', async () => {
    const { stream } = await client.open();
    const turn = turnOf('t1', 1_500);
    const checker = stream.check('t1', platform.oracle().turn(turn));
    stream.send(start(turn));
    await stream.received('t1', 1);
    const seq = stream.send(start({ ...turn, maxOutputTokens: 1_499 }));
    expect(await stream.until('controlAck')).toMatchObject({
      seq,
      turnId: 't1',
      outcome: outcomes.refused,
      code: 'idempotency_conflict',
    });
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: 1_500 });
    expect(checker.faults()).toEqual([]);
  });

  test('CreateSession by request_id: same body same session, another body refused', async () => {
    const request = { requestId: randomId(), model: 'spark-ref' };
    const one = await client.createSession(request);
    expect((await client.createSession(request)).sessionId).toBe(one.sessionId);
    expect(await client.call('CreateSession', { ...request, cacheKey: 'x' })).toMatchObject({
      grpc: 6,
      code: 'idempotency_conflict',
    });
    // The other tenant's request ids are its own.
    expect((await platform.client({ tenant: 'globex' }).createSession(request)).sessionId).not.toBe(one.sessionId);
  });
});

test('a platform that has stopped under its streams leaves no timer armed', async () => {
  const short = await startTestPlatform();
  const { stream } = await short.client().open();
  stream.send(start(turnOf('t1', 50_000)));
  await stream.received('t1', 10);
  // And a session that nobody is attached to.
  await short.client().createSession();
  expect(short.timers).toBeGreaterThan(0);
  await short.gateway.close(0);
  await Promise.all(short.engines.map((engine) => engine.close(0, 'test_over')));
  expect(short.timers).toBe(0);
  await short[Symbol.asyncDispose]();
});

test('after a half-close running turns finish, then the stream ends OK', async () => {
  const { stream } = await client.open({}, { acknowledges: false });
  const turn = turnOf('t1', 400);
  const checker = stream.check('t1', platform.oracle().turn(turn));
  stream.send(start(turn));
  stream.halfClose();
  expect(await stream.ended()).toMatchObject({ grpc: 0 });
  expect(checker.faults()).toEqual([]);
  expect(checker.position).toBe(400);
});
