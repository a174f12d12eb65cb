/** Redirects: one message cuts a turn and starts its successor on the same KV (PROTOCOL R3). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import { limits } from '@reticle/proto/contract';
import {
  flatChain,
  flow,
  modes,
  outcomes,
  randomId,
  redirect,
  sparkChain,
  start,
  startTestPlatform,
  statuses,
  turnOf,
  userItem,
  type ApiClient,
  type ConverseClient,
  type OracleTurn,
  type SignalTurnResponse,
  type TestPlatform,
  type TokenChecker,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const LONG = 6_000;
const ITEM_EVERY = 50;
const CONTEXT_LIMIT = 20_000;

let platform: TestPlatform;
let client: ApiClient;

beforeAll(async () => {
  const tight = flatChain(2_000, { servedName: 'tight', contextTokens: CONTEXT_LIMIT, maxOutputTokens: 8_000 });
  platform = await startTestPlatform({ chains: [sparkChain({ engine: { itemEvery: ITEM_EVERY } }), tight] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

type Live = { readonly stream: ConverseClient; readonly oracle: OracleTurn; readonly checker: TokenChecker };

/** A turn `t1` that has sent tokens up to `offset`, on a stream of its own. */
async function live(offset: number, from = client): Promise<Live & { sessionId: string }> {
  const { stream, sessionId } = await from.open();
  const turn = turnOf('t1', LONG);
  const oracle = platform.oracle().turn(turn);
  const checker = stream.check('t1', oracle);
  stream.send(start(turn));
  await stream.received('t1', offset);
  return { stream, sessionId, oracle, checker };
}

const names = (stream: ConverseClient): string[] =>
  stream.log.entries.flatMap(({ message, turnStarted, turnEnded, controlAck }) => {
    const told = turnStarted ?? turnEnded ?? controlAck;
    return told ? [`${message} ${told.turnId}`] : [];
  });

describe('a redirect of a live turn', () => {
  test('tells ControlAck, TurnEnded, TurnStarted in this order, and prefills the new items alone', async () => {
    const { stream, oracle, checker } = await live(120);
    const keep = 100;
    const successor = turnOf('t2', 200, { input: [userItem('rather tell me of ships')] });
    const seq = stream.send(
      redirect(
        { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: keep, signalId: randomId() },
        successor,
      ),
    );
    const context = oracle.after(keep);
    const next = stream.check('t2', context.turn(successor));
    const ack = await stream.until('controlAck');
    expect(ack).toMatchObject({ seq, turnId: 't1', outcome: outcomes.applied, effectiveOffset: keep });
    expect(ack.wastedTokens).toBe(ack.generatedOffset - keep);
    expect(await stream.untilEnded('t1')).toMatchObject({
      status: statuses.redirected,
      endOffset: keep,
      successorTurnId: 't2',
      usage: { discardedTokens: ack.wastedTokens },
    });
    const started = await stream.until('turnStarted', ({ turnId }) => turnId === 't2');
    const added = context.turn(successor).promptTokens - context.tokens;
    expect(started.promptTokens - started.cachedTokens).toBeLessThanOrEqual(added + 1);
    expect(started.cachedTokens).toBe(ack.kvKeptTokens);
    await stream.untilEnded('t2');
    expect(names(stream)).toEqual([
      'turnStarted t1',
      'controlAck t1',
      'turnEnded t1',
      'turnStarted t2',
      'turnEnded t2',
    ]);
    expect([checker.faults(), next.faults()]).toEqual([[], []]);
  });

  test('twenty in a row at random offsets and in all modes: each continues exactly what was kept', async () => {
    const random = seededRandom(77);
    const { stream, oracle: first, checker } = await live(30);
    const checkers = [checker];
    let oracle = first;
    for (let round = 1; round <= 20; round += 1) {
      const [from, to] = [`t${round}`, `t${round + 1}`];
      const offset = 1 + Math.floor(random.unit() * 60);
      await stream.received(from, offset);
      const mode = Object.values(modes)[round % 4] ?? modes.keepGenerated;
      const successor = turnOf(to, LONG, { input: [userItem(`change ${round}`)] });
      stream.send(redirect({ turnId: from, mode, keepThroughOffset: Math.floor(offset / 2) }, successor));
      const ended = await stream.untilEnded(from);
      expect(ended).toMatchObject({ status: statuses.redirected, successorTurnId: to });
      const kept = oracle.after(ended.endOffset);
      oracle = kept.turn(successor);
      checkers.push(stream.check(to, oracle));
      const started = await stream.until('turnStarted', ({ turnId }) => turnId === to);
      expect(started).toMatchObject({ promptTokens: oracle.promptTokens, cachedTokens: kept.tokens });
    }
    stream.send({ interrupt: { turnId: 't21', mode: modes.keepGenerated } });
    await stream.untilEnded('t21');
    for (const each of checkers) expect(each.faults()).toEqual([]);
    expect(stream.log.all('turnEnded').map(({ turnId }) => turnId)).toEqual(
      Array.from({ length: 21 }, (_, index) => `t${index + 1}`),
    );
  });

  test('at the default offset keeps what the client acknowledged', async () => {
    const { stream, oracle } = await live(80);
    stream.send(flow('t1', 70, 512));
    const successor = turnOf('t2', 20);
    stream.send(redirect({ turnId: 't1' }, successor));
    const checker = stream.check('t2', oracle.after(70).turn(successor));
    expect(await stream.until('controlAck')).toMatchObject({ effectiveOffset: 70 });
    await stream.untilEnded('t2');
    expect(checker.faults()).toEqual([]);
  });

  test('in a full session takes the slot of the turn it cuts', async () => {
    const { stream } = await live(5);
    for (let index = 2; index <= limits.liveTurnsMax; index += 1) stream.send(start(turnOf(`n${index}`, LONG)));
    stream.send(start(turnOf('ninth', 10)));
    expect(await stream.untilEnded('ninth')).toMatchObject({
      status: statuses.failed,
      error: { code: 'concurrency_exceeded', grpcCode: 8, retryable: true },
    });
    stream.send(redirect({ turnId: 't1', mode: modes.keepGenerated }, turnOf('t2', 25)));
    expect(await stream.untilEnded('t2')).toMatchObject({ status: statuses.incomplete, endOffset: 25 });
  });

  test('repeated, starts one successor', async () => {
    const { stream, oracle } = await live(40);
    const successor = turnOf('t2', 120);
    const message = redirect(
      { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 20, signalId: randomId() },
      successor,
    );
    const checker = stream.check('t2', oracle.after(20).turn(successor));
    stream.send(message);
    stream.send(message);
    const [first, second] = [await stream.until('controlAck'), await stream.until('controlAck')];
    expect(second).toEqual({ ...first, seq: second.seq });
    await stream.untilEnded('t2');
    expect(checker.faults()).toEqual([]);
  });

  test('from another connection starts its successor on the stream', async () => {
    const { stream, sessionId, oracle } = await live(60);
    const successor = turnOf('t2', 50);
    const cut = { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 50 };
    const checker = stream.check('t2', oracle.after(50).turn(successor));
    const { ack } = await platform
      .client()
      .ask<SignalTurnResponse>('SignalTurn', { sessionId, redirect: { cut, successor } });
    expect(ack).toMatchObject({ seq: 0, outcome: outcomes.applied, effectiveOffset: 50 });
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.redirected, successorTurnId: 't2' });
    await stream.untilEnded('t2');
    expect(checker.faults()).toEqual([]);
  });
});

describe('a successor that cannot start', () => {
  test.each([
    {
      name: 'past the context limit',
      more: { maxOutputTokens: 8_000, input: [userItem('word '.repeat(15_000))] },
      want: { code: 'context_length_exceeded', grpcCode: 11 },
    },
    { name: 'an output of no tokens', more: { maxOutputTokens: 0 }, want: { code: 'value_out_of_range', grpcCode: 3 } },
    { name: 'an image', more: { input: [imageItem()] }, want: { code: 'unsupported_modality', grpcCode: 3 } },
  ])('$name: it ends by itself, the old turn keeps its cut and can be continued', async ({ more, want }) => {
    const { stream, oracle, checker } = await live(60, platform.client({ model: 'tight' }));
    const keep = 40;
    stream.send(
      redirect({ turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: keep }, turnOf('t2', 10, more)),
    );
    expect(await stream.until('controlAck')).toMatchObject({ outcome: outcomes.applied, effectiveOffset: keep });
    expect(await stream.untilEnded('t2')).toMatchObject({ status: statuses.failed, endOffset: 0, error: want });
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ endOffset: keep, status: statuses.interrupted, successorTurnId: '' });
    const third = turnOf('t3', 30, { parentTurnId: 't1' });
    const next = stream.check('t3', oracle.after(keep).turn(third));
    stream.send(start(third));
    await stream.untilEnded('t3');
    expect([checker.faults(), next.faults()]).toEqual([[], []]);
  });
});

function imageItem(): { itemJson: string } {
  const content = [{ type: 'input_image', image_url: 'https://example.test/a.png' }];
  return { itemJson: JSON.stringify({ role: 'user', content }) };
}

describe('a redirect of a turn that is not live', () => {
  test('ended: ALREADY_ENDED with its end, the successor does not start', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 30)));
    await stream.untilEnded('t1');
    stream.send(redirect({ turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 3 }, turnOf('t2', 10)));
    expect(await stream.until('controlAck')).toMatchObject({ outcome: outcomes.alreadyEnded, effectiveOffset: 30 });
    expect(await stream.untilEnded('t2')).toMatchObject({ status: statuses.failed, error: { code: 'turn_stale' } });
  });

  test('unknown: NOT_FOUND, the successor ends by itself, the stream goes on', async () => {
    const { stream, checker } = await live(10);
    stream.send(redirect({ turnId: 'nobody' }, turnOf('t2', 10)));
    expect(await stream.until('controlAck')).toMatchObject({ outcome: outcomes.notFound, code: 'turn_not_found' });
    expect(await stream.untilEnded('t2')).toMatchObject({ status: statuses.failed, error: { code: 'turn_not_found' } });
    await stream.received('t1', checker.position + 50);
    expect(checker.problems).toEqual([]);
  });

  test.each([
    { name: 'a turn that is known already', successor: { turnId: 't1' }, code: 'idempotency_conflict' },
    { name: 'a turn on another parent', successor: { turnId: 't2', parentTurnId: 'else' }, code: 'invalid_request' },
  ])('a successor that is $name: refused, and the turn runs on', async ({ successor, code }) => {
    const { stream, checker } = await live(10);
    stream.send(redirect({ turnId: 't1' }, turnOf('t2', 10, successor)));
    expect(await stream.until('controlAck')).toMatchObject({ outcome: outcomes.refused, code });
    await stream.received('t1', checker.position + 50);
    expect(checker.problems).toEqual([]);
  });
});
