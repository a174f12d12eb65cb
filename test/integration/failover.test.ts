/** Engines and gateways that go away under live turns while another one is there (PROTOCOL E6, E7, E11, §3, §7). */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  flatChain,
  interrupt,
  modes,
  outcomes,
  randomId,
  redirect,
  start,
  startTestPlatform,
  statuses,
  turnOf,
  type ApiClient,
  type ConverseClient,
  type SignalTurnResponse,
  type TestEngine,
  type TestPlatform,
  type TokenChecker,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const TOKENS = 4_000;
const FAILOVER = 6;

let platform: TestPlatform;
let first: ApiClient;
let second: ApiClient;

beforeEach(async () => {
  platform = await startTestPlatform({ chains: [flatChain(2_000)], gateways: 2 });
  await platform.addEngine();
  first = platform.client();
  second = platform.client({ gateway: 1 });
});
afterEach(() => platform[Symbol.asyncDispose]());

type Live = {
  readonly stream: ConverseClient;
  readonly sessionId: string;
  readonly checker: TokenChecker;
  readonly resumeToken: string;
  readonly engine: TestEngine;
};

async function live(offset: number, turnId = 't1'): Promise<Live> {
  const { stream, sessionId } = await first.open();
  const turn = turnOf(turnId, TOKENS);
  const checker = stream.check(turnId, platform.oracle().turn(turn));
  stream.send(start(turn));
  const { resumeToken, replica } = await stream.until('turnStarted');
  await stream.received(turnId, offset);
  const engine = platform.engines.find(({ engineId }) => engineId === replica);
  if (engine === undefined) throw new Error('the turn runs at an engine of the platform');
  return { stream, sessionId, checker, resumeToken, engine };
}

async function resume(left: Pick<Live, 'resumeToken' | 'checker' | 'stream'>, from: ApiClient) {
  const { resumeToken, checker } = left;
  left.stream.unfollow(checker.turnId);
  const nextOffset = checker.position;
  const cursors = [{ turnId: checker.turnId, nextOffset }];
  const { stream, attached } = await from.attach({ resumeToken, cursors });
  checker.resumeAt(nextOffset);
  for (const entry of stream.log.entries) checker.feed(entry);
  stream.follow(checker);
  return { stream, attached };
}

describe('an engine that is lost under a live turn', () => {
  test.each([
    { name: 'its sockets reset', lose: (engine: TestEngine) => engine.lose() },
    { name: 'it hangs', lose: (engine: TestEngine) => engine.hang() },
  ])('$name: the turn goes on at the other one, exactly, with one terminal', async ({ lose }) => {
    const { stream, checker, engine } = await live(100);
    lose(engine);
    const again = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(again).toMatchObject({ turnId: 't1', reason: FAILOVER });
    expect(again.replica).not.toBe(engine.engineId);
    expect(await stream.untilEnded('t1')).toMatchObject({
      endOffset: TOKENS,
      status: statuses.incomplete,
      usage: { outputTokens: TOKENS },
    });
    expect(checker.faults()).toEqual([]);
    expect(stream.log.all('turnEnded')).toHaveLength(1);
  });

  test('a conversation goes on: the next turn continues what was kept before the loss', async () => {
    const { stream, checker, engine } = await live(60);
    stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 40 }));
    await stream.untilEnded('t1');
    engine.lose();
    const next = turnOf('t2', 200, { parentTurnId: 't1' });
    const after = platform.oracle().turn(turnOf('t1', TOKENS)).after(40);
    const second = stream.check('t2', after.turn(next));
    stream.send(start(next));
    await stream.untilEnded('t2');
    expect([checker.faults(), second.faults()]).toEqual([[], []]);
  });
});

describe('a session at another gateway', () => {
  test('resumes with its token, and then survives the loss of its engine too', async () => {
    const left = await live(150);
    left.stream.drop();
    const { stream, attached } = await resume(left, second);
    expect(Number(attached.session?.epoch)).toBeGreaterThan(1);
    await stream.received('t1', left.checker.position + 100);
    left.engine.lose();
    await stream.untilEnded('t1');
    expect(left.checker.faults()).toEqual([]);
  });

  test('goes back and forth, and the gateway that was left ends its stream epoch_stale', async () => {
    const left = await live(50);
    const { stream, attached } = await resume(left, second);
    expect((await left.stream.ended()).code).toBe('epoch_stale');
    await stream.received('t1', left.checker.position + 50);
    const back = await resume({ ...left, stream, resumeToken: attached.resumeToken }, first);
    await back.stream.untilEnded('t1');
    expect(left.checker.faults()).toEqual([]);
  });

  test('continues turns that ended at the first, and is told repeats of what it asked there', async () => {
    const { stream, sessionId } = await first.open();
    const turn = turnOf('t1', 300);
    stream.check('t1', platform.oracle().turn(turn));
    const seq = stream.send(start(turn));
    const { resumeToken } = await stream.until('turnStarted');
    await stream.untilEnded('t1');
    stream.drop();
    const again = await second.attach({ resumeToken, cursors: [] });
    expect(again.attached.session?.sessionId).toBe(sessionId);
    expect(again.attached.lastAppliedSeq).toBe(seq);
    const next = turnOf('t2', 100, { parentTurnId: 't1' });
    const checker = again.stream.check('t2', platform.oracle().turn(turn).after(300).turn(next));
    again.stream.send(start(next));
    await again.stream.untilEnded('t2');
    expect(checker.faults()).toEqual([]);
    expect(again.stream.log.all('turnEnded')).toHaveLength(1);
  });

  test('is found by its id alone', async () => {
    const { sessionId, stream, checker } = await live(30);
    stream.unfollow('t1');
    const cursors = [{ turnId: 't1', nextOffset: 30 }];
    const taken = await second.attach({ sessionId, cursors });
    expect((await stream.ended()).code).toBe('epoch_stale');
    checker.resumeAt(30);
    for (const entry of taken.stream.log.entries) checker.feed(entry);
    taken.stream.follow(checker);
    await taken.stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
  });

  test('of another tenant, and one that nobody has, answer alike', async () => {
    const { sessionId } = await live(10);
    const foreign = platform.client({ gateway: 1, tenant: 'globex' });
    const refusals = [];
    for (const id of [sessionId, randomId()]) {
      const stream = foreign.converse();
      stream.write({ seq: 0, attach: { sessionId: id } });
      const { grpc, code, message } = await stream.ended();
      refusals.push({ grpc, code, message });
    }
    expect(refusals[0]).toMatchObject({ code: 'session_not_found' });
    expect(refusals[1]).toEqual(refusals[0]);
  });
});

describe('a control that enters at another gateway', () => {
  test('cuts the turn at its engine: one receipt, copies alike, nothing past E, and the owner is told the end', async () => {
    const { stream, checker, resumeToken } = await live(200);
    const cut = { turnId: 't1', mode: modes.keepGenerated, signalId: randomId() };
    const asked = { resumeToken, interrupt: cut };
    const copies = await Promise.all(
      Array.from({ length: 10 }, () => second.ask<SignalTurnResponse>('SignalTurn', asked)),
    );
    const [receipt] = copies.map(({ ack }) => ack);
    expect(receipt).toMatchObject({ outcome: outcomes.applied, signalId: cut.signalId });
    for (const { ack } of copies) expect(ack).toEqual(receipt);
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ status: statuses.interrupted, endOffset: receipt?.effectiveOffset });
    expect(checker.faults()).toEqual([]);
    const late = await second.ask<SignalTurnResponse>('SignalTurn', {
      resumeToken,
      interrupt: { ...cut, signalId: randomId() },
    });
    expect(late.ack).toMatchObject({ outcome: outcomes.alreadyEnded, effectiveOffset: receipt?.effectiveOffset });
  });

  test('a redirect starts the successor on the stream of the owner', async () => {
    const { stream, checker, sessionId } = await live(100);
    const successor = turnOf('t2', 150);
    const cut = { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 80, signalId: randomId() };
    const { ack } = await second.ask<SignalTurnResponse>('SignalTurn', { sessionId, ...redirect(cut, successor) });
    expect(ack).toMatchObject({ outcome: outcomes.applied, effectiveOffset: 80 });
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.redirected, endOffset: 80 });
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: 150, status: statuses.incomplete });
    expect(stream.receivedOf('t2')).toBe(150);
    expect(checker.faults()).toEqual([]);
  });
});

describe('an engine that drains', () => {
  test('its running turn moves, its idle session too, and nothing is told as lost', async () => {
    const { stream, checker, engine, sessionId } = await live(100);
    const closed = engine.close(1_000, 'roll');
    const again = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(again).toMatchObject({ reason: 7 });
    await closed;
    await stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
    const { liveTurns } = await first.ask<{ liveTurns: unknown[] }>('GetSession', { sessionId });
    expect(liveTurns).toEqual([]);
  });
});
