/** JSON-schema turns and sibling turns (Chat's `n`) that outlive their engine and their gateway (PROMISES P3, PROTOCOL E6). */
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
  type SignalTurnResponse,
  type TestEngine,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const FAILOVER = 6;
const LIMIT = 20_000;
const COLOURS = ['red', 'größer', null];
const textFormatJson = JSON.stringify({
  type: 'json_schema',
  name: 'parcels',
  strict: true,
  schema: {
    type: 'object',
    properties: {
      title: { type: 'string', minLength: 12 },
      rows: {
        type: 'array',
        minItems: 90,
        items: {
          type: 'object',
          properties: { colour: { enum: COLOURS }, weight: { type: 'number' }, note: { type: 'string' } },
          required: ['colour', 'weight'],
          additionalProperties: false,
        },
      },
    },
    required: ['title', 'rows'],
    additionalProperties: false,
  },
});

let platform: TestPlatform;
let first: ApiClient;
let second: ApiClient;

beforeEach(async () => {
  platform = await startTestPlatform({ chains: [flatChain(1_500)], gateways: 2 });
  await platform.addEngine();
  first = platform.client();
  second = platform.client({ gateway: 1 });
});
afterEach(() => platform[Symbol.asyncDispose]());

function schemaTurn(turnId: string, more: object = {}) {
  const params = { seed: 11, textFormatJson };
  return { turnId, input: [userItem('list the parcels')], maxOutputTokens: LIMIT, params, ...more };
}

/** Starts the turn, checked against what it must say; resolves at its start. */
async function begin(stream: ConverseClient, turn: ReturnType<typeof schemaTurn>) {
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

function textOf(stream: ConverseClient, turnId: string): string {
  const frames = stream.log.all('tokenFrame').filter((frame) => frame.turnId === turnId);
  return Buffer.concat(frames.map(({ text }) => text)).toString();
}

function expectParcels(text: string): void {
  const { title, rows, ...more } = JSON.parse(text) as { title: string; rows: Record<string, unknown>[] };
  expect(more).toEqual({});
  expect(title.length).toBeGreaterThanOrEqual(12);
  expect(rows.length).toBeGreaterThanOrEqual(90);
  for (const { colour, weight, note = '', ...other } of rows) {
    expect([COLOURS.includes(colour as null), typeof weight, typeof note, other]).toEqual([
      true,
      'number',
      'string',
      {},
    ]);
  }
}

describe('a JSON-schema turn', () => {
  test.each([
    { name: 'its engine resets', lose: (engine: TestEngine) => engine.lose() },
    { name: 'its engine hangs', lose: (engine: TestEngine) => engine.hang() },
  ])('goes on exactly when $name, and is valid as a whole', async ({ lose }) => {
    const { stream } = await first.open();
    const { oracle, checker, started } = await begin(stream, schemaTurn('t1'));
    await stream.received('t1', 200);
    lose(engineOf(started.replica));
    const again = await stream.until('turnStarted', ({ startOffset }) => startOffset > 0);
    expect(again.reason).toBe(FAILOVER);
    expect(again.startOffset).toBeLessThan(oracle.completeTokens ?? 0);
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({
      status: statuses.completed,
      finishReason: 'stop',
      endOffset: oracle.completeTokens,
    });
    expect(checker.faults()).toEqual([]);
    expectParcels(textOf(stream, 't1'));
  });

  test('is taken over by another gateway and then survives the loss of its engine too', async () => {
    const { stream } = await first.open();
    const { checker, started } = await begin(
      stream,
      schemaTurn('t1', { params: { seed: 5, choice: 2, textFormatJson } }),
    );
    await stream.received('t1', 150);
    stream.drop();
    stream.unfollow('t1');
    const nextOffset = checker.position;
    const cursors = [{ turnId: 't1', nextOffset }];
    const taken = await second.attach({ resumeToken: started.resumeToken, cursors });
    checker.resumeAt(nextOffset);
    for (const entry of taken.stream.log.entries) checker.feed(entry);
    taken.stream.follow(checker);
    await taken.stream.received('t1', nextOffset + 100);
    engineOf(started.replica).lose();
    expect(await taken.stream.untilEnded('t1')).toMatchObject({ status: statuses.completed });
    expect(checker.faults()).toEqual([]);
  });

  test('that was cut is continued after its engine is gone, and the next may have another form', async () => {
    const { stream } = await first.open();
    const turn = schemaTurn('t1');
    const { oracle, checker, started } = await begin(stream, turn);
    await stream.received('t1', 120);
    stream.send(interrupt('t1', { mode: modes.keepThroughOffset, keepThroughOffset: 77 }));
    expect(await stream.untilEnded('t1')).toMatchObject({ status: statuses.interrupted, endOffset: 77 });
    engineOf(started.replica).lose();
    const next = turnOf('t2', 60, { parentTurnId: 't1' });
    const after = stream.check('t2', oracle.after(77).turn(next));
    stream.send(start(next));
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: 60 });
    expect([checker.faults(), after.faults()]).toEqual([[], []]);
  });

  test('as the successor of a redirect that enters at another gateway keeps its form', async () => {
    const { stream, sessionId } = await first.open();
    const plain = turnOf('t1', 4_000);
    stream.send(start(plain));
    await stream.received('t1', 60);
    const successor = schemaTurn('t2', { params: { seed: 3, choice: 1, textFormatJson } });
    const cut = { turnId: 't1', mode: modes.keepThroughOffset, keepThroughOffset: 40, signalId: randomId() };
    const oracle = platform.oracle().turn(plain).after(40).turn(successor);
    const checker = stream.check('t2', oracle);
    const { ack } = await second.ask<SignalTurnResponse>('SignalTurn', { sessionId, ...redirect(cut, successor) });
    expect(ack).toMatchObject({ outcome: outcomes.applied, effectiveOffset: 40 });
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: oracle.completeTokens });
    expect(checker.faults()).toEqual([]);
  });

  test('that its limit cuts short says so', async () => {
    const { stream } = await first.open();
    const { checker } = await begin(stream, schemaTurn('t1', { maxOutputTokens: 90 }));
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ status: statuses.incomplete, finishReason: 'length', endOffset: 90 });
    expect(checker.faults()).toEqual([]);
  });
});

describe('three turns that answer one request', () => {
  test.each([
    { name: 'under a schema', params: { seed: 11, textFormatJson }, maxOutputTokens: LIMIT },
    { name: 'as plain text', params: { seed: 11, outputLength: 2 }, maxOutputTokens: 1_500 },
  ])('$name differ, and each goes on exactly when their engine is lost', async ({ params, maxOutputTokens }) => {
    const { stream } = await first.open();
    const turns = [0, 1, 2].map((choice) =>
      schemaTurn(`n${choice}`, { maxOutputTokens, params: { ...params, choice } }),
    );
    const running = [];
    for (const turn of turns) running.push(await begin(stream, turn));
    const replicas = new Set(running.map(({ started }) => started.replica));
    expect(replicas.size).toBe(1);
    for (const { turnId } of turns) await stream.received(turnId, 200);
    engineOf([...replicas].join()).lose();
    for (const { turnId } of turns) await stream.untilEnded(turnId);
    expect(running.map(({ checker }) => checker.faults())).toEqual([[], [], []]);
    expect(stream.log.all('turnEnded')).toHaveLength(3);
    const moved = stream.log.all('turnStarted').filter(({ startOffset }) => startOffset > 0);
    expect(moved.map(({ turnId }) => turnId).toSorted()).toEqual(['n0', 'n1', 'n2']);
    expect(new Set(turns.map(({ turnId }) => textOf(stream, turnId))).size).toBe(3);
  });
});

test('parameters that make no turn are refused by name, one after the other on a stream that goes on', async () => {
  const schema = (text: string) => ({ textFormatJson: `{"type":"json_schema","schema":${text}}` });
  const refused = [
    { params: schema('{"type":"string","pattern":"(a+)+$"}'), want: 'schema_too_complex' },
    { params: schema('{"properties":{"next":{"$ref":"#"}}}'), want: 'schema_too_complex' },
    { params: schema('{"$ref":"http://127.0.0.1:1/x.json"}'), want: 'schema_too_complex' },
    { params: schema('{"enum":[]}'), want: 'invalid_request' },
    { params: { textFormatJson: '{"type":"json_schema"' }, want: 'invalid_json' },
    { params: { choice: 8 }, want: 'value_out_of_range' },
  ];
  const { stream } = await first.open();
  for (const [index, { params, want }] of refused.entries()) {
    stream.send(start(turnOf(`t${index}`, 10, { params })));
    const ended = await stream.untilEnded(`t${index}`);
    expect(ended).toMatchObject({ status: statuses.failed, endOffset: 0, error: { code: want } });
  }
  stream.send(start(turnOf('last', 10)));
  expect(await stream.untilEnded('last')).toMatchObject({ endOffset: 10 });
});
