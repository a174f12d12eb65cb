/** The last engine of a model goes away under live turns (PROTOCOL E7); with another one they go on: failover.test.ts. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  flatChain,
  interrupt,
  modes,
  outcomes,
  start,
  startTestPlatform,
  statuses,
  turnOf,
  type ApiClient,
  type TestEngine,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const LONG = 50_000;
const STREAMS = 6;

let platform: TestPlatform;
let client: ApiClient;
let engine: TestEngine;

beforeEach(async () => {
  platform = await startTestPlatform({ chains: [flatChain(2_000)] });
  client = platform.client();
  engine = platform.engines[0] as TestEngine;
});
afterEach(() => platform[Symbol.asyncDispose]());

async function liveTurns(count: number) {
  const turns = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const opened = await client.open();
      const turn = turnOf(`t${index}`, LONG);
      const checker = opened.stream.check(`t${index}`, platform.oracle().turn(turn));
      opened.stream.send(start(turn));
      return { ...opened, checker, turnId: `t${index}` };
    }),
  );
  for (const { stream, turnId } of turns) await stream.received(turnId, 20);
  return turns;
}

describe('an engine that is lost under live turns', () => {
  test.each([
    { name: 'its sockets reset', lose: () => engine.lose() },
    { name: 'it hangs, and answers no ping for a second', lose: () => engine.hang() },
  ])(
    '$name: each gets exactly one TurnEnded FAILED engine_lost, with everything that was received before it',
    async ({ lose }) => {
      const turns = await liveTurns(STREAMS);
      lose();
      for (const { stream, turnId, checker } of turns) {
        const ended = await stream.untilEnded(turnId);
        expect(ended).toMatchObject({
          status: statuses.failed,
          endOffset: checker.position,
          error: { code: 'engine_lost', grpcCode: 14, retryable: true },
          usage: { outputTokens: checker.position },
        });
        expect(checker.faults()).toEqual([]);
      }
      await platform.untilServed([]);
      for (const { stream } of turns) {
        expect(stream.log.all('turnEnded')).toHaveLength(1);
        expect(stream.log.outcome).toBeUndefined();
      }
    },
  );

  test('the session then answers by code, in-band and on calls, and never hangs', async () => {
    const [turn] = await liveTurns(1);
    if (turn === undefined) throw new Error('no turn');
    engine.lose();
    await turn.stream.untilEnded('t0');
    turn.stream.send(start(turnOf('next', 10)));
    const { error } = await turn.stream.untilEnded('next');
    expect(['engine_lost', 'no_capacity']).toContain(error?.code);
    turn.stream.send(interrupt('t0', { mode: modes.keepGenerated }));
    expect(await turn.stream.until('controlAck')).toMatchObject({
      outcome: outcomes.alreadyEnded,
      effectiveOffset: turn.checker.position,
    });
    const again = client.converse();
    again.write({ seq: 0, attach: { sessionId: turn.sessionId } });
    const outcome = await again.ended();
    expect(outcome.grpc).toBe(14);
    expect(['engine_lost', 'no_capacity']).toContain(outcome.code);
    await platform.untilServed([]);
    expect(await client.call('CreateSession', { requestId: 'r1', model: 'spark-ref' })).toMatchObject({
      grpc: 14,
      code: 'no_capacity',
      retryDelayMs: expect.any(Number),
    });
  });

  test('a cut that is under way when it dies is applied at the gateway, with one receipt', async () => {
    const [turn] = await liveTurns(1);
    if (turn === undefined) throw new Error('no turn');
    // One item per turn: the boundary never comes.
    turn.stream.send(interrupt('t0', { mode: modes.atItemBoundary }));
    expect(await turn.stream.until('controlAck')).toMatchObject({ outcome: outcomes.pending });
    engine.lose();
    const ack = await turn.stream.until('controlAck');
    const ended = await turn.stream.untilEnded('t0');
    expect([outcomes.applied, outcomes.alreadyEnded]).toContain(ack.outcome);
    expect(ended.endOffset).toBe(ack.effectiveOffset);
    expect(turn.checker.faults()).toEqual([]);
  });

  test('a new engine of the same model serves new sessions, while the gateway stays', async () => {
    const [turn] = await liveTurns(1);
    engine.lose();
    await turn?.stream.untilEnded('t0');
    await platform.untilServed([]);
    const next = await platform.addEngine();
    await platform.untilServed(['spark-ref']);
    const { stream } = await client.open();
    const asked = turnOf('fresh', 300);
    const checker = stream.check('fresh', platform.oracle().turn(asked));
    stream.send(start(asked));
    expect(await stream.until('turnStarted')).toMatchObject({ replica: next.engineId });
    expect(await stream.untilEnded('fresh')).toMatchObject({ endOffset: 300 });
    expect(checker.faults()).toEqual([]);
  });
});

test('an engine that closes says why: TurnEnded FAILED draining, retryable', async () => {
  const [turn] = await liveTurns(1);
  await engine.close(0, 'drain');
  expect(await turn?.stream.untilEnded('t0')).toMatchObject({
    status: statuses.failed,
    endOffset: turn?.checker.position,
    error: { code: 'draining', grpcCode: 14, retryable: true },
  });
  expect(turn?.checker.faults()).toEqual([]);
});

test('an engine that drains lets its turns finish and takes no new sessions', async () => {
  const { stream } = await client.open();
  const turn = turnOf('t1', 1_500);
  const checker = stream.check('t1', platform.oracle().turn(turn));
  stream.send(start(turn));
  await stream.received('t1', 10);
  const closed = engine.close(10_000, 'drain');
  await platform.untilServed([]);
  expect(await client.call('CreateSession', { requestId: 'r1', model: 'spark-ref' })).toMatchObject({ grpc: 14 });
  expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.incomplete, endOffset: 1_500 });
  expect(checker.faults()).toEqual([]);
  await closed;
});
