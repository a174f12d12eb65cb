/** The Responses surface over WebSocket, against a real engine: every text is the oracle's (PROTOCOL §4.3). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type SocketEvent } from '../kit/index.ts';
import { answerOf, deltas, hiText, root, running, textOf, user, userItem, WebSocketRig } from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const rig = new WebSocketRig();
beforeAll(() => rig.start());
afterAll(() => rig[Symbol.asyncDispose]());

describe('response.create', () => {
  test('tells the events of a response, and a second goes on from the first', async () => {
    const client = await rig.connect();
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 20 });
    const first = answerOf(await client.terminal());
    expect(client.types()).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ]);
    const before = client.events.length;
    client.create({ model: 'single', input: 'More', max_output_tokens: 20, previous_response_id: first.id });
    await client.terminal();
    const hi = root().turn({ input: [userItem('Hi')] });
    expect(deltas(client.events.slice(0, before))).toBe(textOf(hi, 20));
    expect(deltas(client.events.slice(before))).toBe(textOf(hi.after(20).turn({ input: [userItem('More')] }), 20));
  });

  test('generate:false is answered at once, and what follows is warm', async () => {
    const client = await rig.connect();
    client.create({ model: 'single', input: [user('a long story '.repeat(50))], generate: false });
    const warm = answerOf(await client.terminal());
    expect(client.types()).toEqual(['response.created', 'response.completed']);
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 5, previous_response_id: warm.id });
    const { usage } = answerOf(await client.terminal());
    const { input_tokens: input, input_tokens_details: details } = usage;
    expect(input - details.cached_tokens).toBeLessThan(20);
  });

  test('generate:false with nothing to prefill', async () => {
    const client = await rig.connect();
    client.create({ model: 'single', input: [], generate: false });
    const warm = answerOf(await client.terminal());
    expect(warm.status).toBe('completed');
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 5, previous_response_id: warm.id });
    expect(answerOf(await client.terminal()).status).toBe('incomplete');
    expect(deltas(client.events)).toBe(textOf(root().turn({ input: [userItem('Hi')] }), 5));
  });
});

describe('lanes', () => {
  test('W12: without a stream_id a second response is refused, and the first goes on', async () => {
    const client = await rig.connect();
    await running(client, { max_output_tokens: 400 });
    client.create({ model: 'single', input: 'Another' });
    const refused = await client.until('error');
    expect(refused).toMatchObject({ status: 409, error: { code: 'response_in_flight' } });
    expect(answerOf(await client.terminal()).incomplete_details).toEqual({ reason: 'max_output_tokens' });
    expect(deltas(client.events)).toBe(hiText(400));
  });

  test('two run beside each other, and one that waits follows in its own', async () => {
    const client = await rig.connect();
    const ask = (stream_id: string, input: string): void =>
      client.create({ model: 'single', input, stream_id, max_output_tokens: 150 });
    ask('a', 'One');
    ask('b', 'Two');
    ask('a', 'Three');
    for (let terminals = 0; terminals < 3; terminals += 1) await client.terminal();
    const of = (streamId: string): SocketEvent[] => client.events.filter((event) => event['stream_id'] === streamId);
    expect(of('a').length + of('b').length).toBe(client.events.length);
    expect(deltas(of('b'))).toBe(textOf(root().turn({ input: [userItem('Two')] }), 150));
    const oneThenThree = ['One', 'Three'].map((text) => textOf(root().turn({ input: [userItem(text)] }), 150));
    expect(deltas(of('a'))).toBe(oneThenThree.join(''));
  });

  test('previous_response_id from another lane forks', async () => {
    const client = await rig.connect();
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 10 });
    const { id } = answerOf(await client.terminal());
    const before = client.events.length;
    for (const stream_id of ['left', 'right']) {
      client.create({ model: 'single', input: 'More', max_output_tokens: 30, previous_response_id: id, stream_id });
    }
    await client.terminal();
    await client.terminal();
    const hi = root().turn({ input: [userItem('Hi')] });
    const want = textOf(hi.after(10).turn({ input: [userItem('More')] }), 30);
    const told = client.events.slice(before);
    const of = (streamId: string): SocketEvent[] => told.filter((event) => event['stream_id'] === streamId);
    expect([deltas(of('left')), deltas(of('right'))]).toEqual([want, want]);
  });
});

describe('a client that drops its socket', () => {
  test('its turn is cut in-band, and its context stays warm', async () => {
    const client = await rig.connect();
    const id = await running(client);
    client.socket.terminate();
    await rig.platform.untilIdle();
    const next = await rig.connect();
    next.create({ model: 'single', input: 'More', max_output_tokens: 3, previous_response_id: id });
    const answer = answerOf(await next.terminal());
    const { input_tokens: input, input_tokens_details: details } = answer.usage;
    expect(details.cached_tokens / input).toBeGreaterThan(0.5);
  });

  test('on_disconnect continue lets it finish, for whoever reads it then', async () => {
    const client = await rig.connect();
    const id = await running(client, { max_output_tokens: 1_500, reticle: { on_disconnect: 'continue' } });
    client.socket.terminate();
    const authorization = `Bearer ${rig.platform.keyOf('acme')}`;
    const response = await fetch(`${rig.platform.httpOf()}/v1/responses/${id}?stream=true`, {
      headers: { authorization },
    });
    const body = await response.text();
    expect(body).toContain('"reason":"max_output_tokens"');
  });
});

describe('a gateway that drains', () => {
  test('W23: an idle socket is told to leave at once, a busy one after its terminal', async () => {
    const own = new WebSocketRig();
    await own.start();
    const [idle, busy] = await Promise.all([own.connect(), own.connect()]);
    await running(busy, { max_output_tokens: 1_000 });
    const closed = own.platform.gateway.close(10_000);
    expect(await idle.closed()).toMatchObject({ code: 1_012 });
    expect(await busy.closed()).toMatchObject({ code: 1_012 });
    expect(busy.types().slice(-2)).toEqual(['response.incomplete', 'error']);
    expect(deltas(busy.events)).toBe(hiText(1_000));
    expect(busy.events.at(-1)).toMatchObject({ error: { code: 'websocket_connection_limit_reached' } });
    await closed;
    await own[Symbol.asyncDispose]();
  });
});

describe('refusals', () => {
  test('W11: no type, an unknown type: idle, and while a response runs', async () => {
    const client = await rig.connect();
    for (const message of [{}, { type: 'nope' }, { type: 7 }]) {
      client.send(message);
      expect(await client.until('error')).toMatchObject({ status: 400, error: { code: 'unknown_event' } });
    }
    await running(client, { max_output_tokens: 300 });
    for (const [message, want] of [
      [{}, 'request.failed'],
      [{ type: 'session.update' }, 'session.update.failed'],
      [{ type: 'response' }, 'request.failed'],
    ] as const) {
      client.send(message);
      expect(await client.until(want)).toMatchObject({ error: { code: 'unknown_event' } });
    }
    expect(answerOf(await client.terminal()).status).toBe('incomplete');
  });

  test.each(['resp_x', 'another tenant'])('W13: previous_response_id of %s', async (name) => {
    const foreign = await rig.connect({}, 'globex');
    foreign.create({ model: 'single', input: 'Hi', max_output_tokens: 2 });
    const { id } = answerOf(await foreign.terminal());
    const client = await rig.connect();
    const previous = name === 'resp_x' ? name : id;
    client.create({ model: 'single', input: 'x', previous_response_id: previous });
    expect(await client.until('error')).toMatchObject({
      status: 400,
      error: { code: 'previous_response_not_found', param: 'previous_response_id' },
    });
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 2 });
    expect(answerOf(await client.terminal()).status).toBe('incomplete');
  });

  test.each([
    { name: 'an unknown model', body: { model: 'nope', input: 'x' }, want: [404, 'model_not_found'] },
    { name: 'background', body: { model: 'single', input: 'x', background: true }, want: [400, 'invalid_request'] },
    {
      name: 'an image',
      body: { model: 'single', input: [{ type: 'message', role: 'user', content: [{ type: 'input_image' }] }] },
      want: [400, 'unsupported_modality'],
    },
    { name: 'a stream_id', body: { model: 'single', input: 'x', stream_id: 'a b' }, want: [400, 'invalid_request'] },
  ])('$name', async ({ body, want }) => {
    const client = await rig.connect();
    client.create(body);
    const { status, error } = (await client.until('error')) as unknown as { status: number; error: { code: string } };
    expect([status, error.code]).toEqual(want);
    expect(client.types()).toEqual(['error']);
  });

  test('Codex is stopped where no retry helps, by the form that stops it', async () => {
    const client = await rig.connect({ originator: 'codex_cli_rs' });
    client.create({ model: 'nope', input: 'x' });
    const failed = await client.terminal();
    expect(failed).toMatchObject({ type: 'response.failed', response: { error: { code: 'invalid_prompt' } } });
  });
});
