/** Scripted turns (PROTOCOL §4.1a): calls and thought that are cut, continued and moved like every turn (§1.1 R2, §2 E6). */
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
  userItem,
  type ApiClient,
  type ConverseClient,
  type OracleContext,
  type OracleTurn,
  type SignalTurnResponse,
  type TestEngine,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const FAILOVER = 6;
const TOKENS = 1_400;
const script = JSON.stringify([
  {
    text: 'plan',
    items: [
      { reasoning: 300 },
      { call: { name: 'rows' } },
      { message: { text: 'And in words: '.repeat(40) } },
      { call: { name: 'rows' } },
      { message: {} },
    ],
  },
]);
const toolsJson = JSON.stringify([
  {
    type: 'function',
    name: 'rows',
    parameters: {
      type: 'object',
      properties: { rows: { type: 'array', minItems: 40, items: { enum: ['red', 'größer', null] } } },
      required: ['rows'],
    },
  },
]);

let platform: TestPlatform;
let first: ApiClient;
let second: ApiClient;

beforeEach(async () => {
  platform = await startTestPlatform({ chains: [flatChain(2_500, { engine: { script } })], gateways: 2 });
  await platform.addEngine();
  first = platform.client();
  second = platform.client({ gateway: 1 });
});
afterEach(() => platform[Symbol.asyncDispose]());

function planTurn(turnId: string, params: object = {}) {
  return {
    turnId,
    input: [userItem('plan the rows')],
    maxOutputTokens: TOKENS,
    params: { seed: 11, toolsJson, ...params },
  };
}

/** Starts the turn, checked against what it must say; resolves at its start. */
async function begin(stream: ConverseClient, turn: ReturnType<typeof planTurn>) {
  const oracle = platform.oracle().turn(turn);
  const checker = stream.check(turn.turnId, oracle);
  stream.send(start(turn));
  const started = await stream.until('turnStarted', ({ turnId }) => turnId === turn.turnId);
  return { oracle, checker, started };
}

function engineOf(replica: string): TestEngine {
  const engine = platform.engines.find(({ engineId }) => engineId === replica);
  if (engine === undefined) throw new Error('the turn runs at an engine of the platform');
  return engine;
}

/** The item in which an offset lies. */
function itemAt({ items }: OracleTurn, offset: number) {
  const item = items.find(({ openAt, closeAt }) => openAt < offset && offset < closeAt);
  if (item === undefined) throw new Error('the offset lies inside an item');
  return item;
}

/** The next turn continues exactly what was kept. */
async function expectGoesOn(stream: ConverseClient, kept: OracleContext): Promise<void> {
  const next = turnOf('next', 60, { parentTurnId: 't1', params: { outputLength: 2, toolsJson } });
  const checker = stream.check('next', kept.turn(next));
  stream.send(start(next));
  expect(await stream.untilEnded('next')).toMatchObject({ endOffset: 60 });
  expect(checker.faults()).toEqual([]);
}

describe('a scripted turn', () => {
  test('tells each item with its marks, and its thought on the bill', async () => {
    const { stream } = await first.open();
    const { oracle, checker } = await begin(stream, planTurn('t1'));
    const ended = await stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
    const marks = stream.log.all('itemMark');
    const opened = marks.filter(({ closed }) => !closed);
    expect(opened.map(({ kind, atOffset, toolName }) => [kind, atOffset, toolName])).toEqual(
      oracle.items.map(({ kind, openAt, toolName }) => [
        ['', 'message', 'reasoning', 'function-call'].indexOf(kind),
        openAt,
        toolName,
      ]),
    );
    expect(new Set(opened.map(({ callId }) => callId).filter((id) => id !== '')).size).toBe(2);
    expect(ended.usage?.reasoningTokens).toBe(oracle.items[0]?.closeAt);
  });

  test.each([
    { name: 'in its thought', offset: 150, lose: (engine: TestEngine) => engine.lose() },
    { name: 'in its call, by an engine that hangs', offset: 340, lose: (engine: TestEngine) => engine.hang() },
  ])('lost $name goes on exactly at another engine', async ({ offset, lose }) => {
    const { stream } = await first.open();
    const { checker, started } = await begin(stream, planTurn('t1'));
    await stream.received('t1', offset);
    lose(engineOf(started.replica));
    const again = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(again.reason).toBe(FAILOVER);
    expect(await stream.untilEnded('t1')).toMatchObject({ endOffset: TOKENS });
    expect(checker.faults()).toEqual([]);
    const callIds = stream.log.all('itemMark').map(({ itemIndex, callId }) => `${itemIndex} ${callId}`);
    expect(new Set(callIds).size).toBe(5);
  });

  test.each([{ offset: 150 }, { offset: 340 }])(
    'DISCARD_PARTIAL_ITEMS at $offset falls where the open item began, and what is kept goes on',
    async ({ offset }) => {
      const { stream } = await first.open();
      const { oracle, checker } = await begin(stream, planTurn('t1'));
      await stream.received('t1', offset);
      stream.send(interrupt('t1', { mode: modes.discardPartialItems }));
      const { effectiveOffset, generatedOffset } = await stream.until('controlAck');
      expect(effectiveOffset).toBe(itemAt(oracle, generatedOffset).openAt);
      await stream.untilEnded('t1');
      expect(checker.faults()).toEqual([]);
      await expectGoesOn(stream, oracle.after(effectiveOffset));
    },
  );

  test('AT_ITEM_BOUNDARY lets the call be finished', async () => {
    const { stream } = await first.open();
    const { oracle, checker } = await begin(stream, planTurn('t1'));
    await stream.received('t1', 340);
    stream.send(interrupt('t1', { mode: modes.atItemBoundary }));
    const pending = await stream.until('controlAck');
    expect(pending.outcome).toBe(outcomes.pending);
    const { effectiveOffset } = await stream.until('controlAck');
    expect(effectiveOffset).toBe(itemAt(oracle, pending.generatedOffset).closeAt);
    await stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
    await expectGoesOn(stream, oracle.after(effectiveOffset));
  });

  test.each([
    { name: 'KEEP_THROUGH_OFFSET', cut: { mode: modes.keepThroughOffset, keepThroughOffset: 333 } },
    { name: 'KEEP_GENERATED', cut: { mode: modes.keepGenerated } },
  ])('cut by $name is continued after its engine is gone', async ({ cut }) => {
    const { stream } = await first.open();
    const { oracle, checker, started } = await begin(stream, planTurn('t1'));
    await stream.received('t1', 340);
    stream.send(interrupt('t1', cut));
    const { effectiveOffset } = await stream.until('controlAck');
    await stream.untilEnded('t1');
    engineOf(started.replica).lose();
    await expectGoesOn(stream, oracle.after(effectiveOffset));
    expect(checker.faults()).toEqual([]);
  });

  test('as the successor of a redirect that enters at another gateway has its tools', async () => {
    const { stream, sessionId } = await first.open();
    const plain = turnOf('t1', 4_000);
    stream.send(start(plain));
    await stream.received('t1', 60);
    const successor = planTurn('t2');
    const cut = { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 40, signalId: randomId() };
    const checker = stream.check('t2', platform.oracle().turn(plain).after(40).turn(successor));
    const { ack } = await second.ask<SignalTurnResponse>('SignalTurn', { sessionId, ...redirect(cut, successor) });
    expect(ack).toMatchObject({ outcome: outcomes.applied, effectiveOffset: 40 });
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: TOKENS });
    expect(checker.faults()).toEqual([]);
  });

  test('taken over by another gateway keeps what it was told: the same tools are not told again', async () => {
    const { stream } = await first.open();
    const { oracle, checker, started } = await begin(stream, planTurn('t1'));
    await stream.received('t1', 100);
    stream.drop();
    stream.unfollow('t1');
    const cursors = [{ turnId: 't1', nextOffset: checker.position }];
    const taken = await second.attach({ resumeToken: started.resumeToken, cursors });
    checker.resumeAt(checker.position);
    for (const entry of taken.stream.log.entries) checker.feed(entry);
    taken.stream.follow(checker);
    await taken.stream.untilEnded('t1');
    expect(checker.faults()).toEqual([]);
    await expectGoesOn(taken.stream, oracle.after(TOKENS));
  });
});

test('siblings call with ids and arguments of their own, and each goes on exactly when their engine is lost', async () => {
  const { stream } = await first.open();
  const turns = [0, 1, 2].map((choice) => ({ ...planTurn(`n${choice}`, { choice }) }));
  const running = [];
  for (const turn of turns) running.push(await begin(stream, turn));
  for (const { turnId } of turns) await stream.received(turnId, 330);
  engineOf(running[0]?.started.replica ?? '').lose();
  for (const { turnId } of turns) await stream.untilEnded(turnId);
  expect(running.map(({ checker }) => checker.faults())).toEqual([[], [], []]);
  const callIds = stream.log.all('itemMark').map(({ callId }) => callId);
  expect(new Set(callIds.filter((id) => id !== '')).size).toBe(6);
});

test('tools that make no turn are refused by name, one after the other on a stream that goes on', async () => {
  const { stream } = await first.open();
  const refused = [
    { params: { toolsJson: '[{"name":"x"}]' }, want: ['invalid_request', 'params.tools_json[0].type'] },
    { params: { toolsJson: '{' }, want: ['invalid_json', 'params.tools_json'] },
    { params: { toolChoiceJson: '"always"' }, want: ['invalid_request', 'params.tool_choice_json'] },
    { params: { toolChoiceJson: '"required"' }, want: ['invalid_request', 'params.tool_choice_json'] },
    {
      params: { toolsJson: '[{"type":"function","name":"x","parameters":{"oneOf":[]}}]', toolChoiceJson: '"required"' },
      want: ['schema_too_complex', 'params.tools_json'],
    },
  ];
  for (const [index, { params, want }] of refused.entries()) {
    stream.send(start(turnOf(`t${index}`, 10, { params })));
    const { status, error } = await stream.untilEnded(`t${index}`);
    expect([status, error?.code, error?.param]).toEqual([statuses.failed, ...want]);
  }
  stream.send(start(turnOf('last', 10)));
  expect(await stream.untilEnded('last')).toMatchObject({ endOffset: 10 });
});
