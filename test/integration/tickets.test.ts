/** Pages without a key: tickets, passes, codes, and going on after a lost socket (PROTOCOL §4.1a). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { flatChain, OracleContext, SocketClient, startTestPlatform, type TestPlatform } from '../kit/index.ts';
import { answerOf, deltas, textOf, userItem } from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const GATEWAYS = 2;
const chain = flatChain(2_000, { servedName: 'single' });
const hi = OracleContext.root(chain).turn({ input: [userItem('Hi')] });

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain], gateways: GATEWAYS });
});
afterAll(() => platform[Symbol.asyncDispose]());

type Body = Record<string, unknown>;
type Asked = { readonly headers?: Record<string, string>; readonly gateway?: number; readonly method?: string };
type Answer = { readonly status: number; readonly body: Body; readonly headers: Headers };

async function ask(body: unknown, { headers = {}, gateway = 0, method = 'POST' }: Asked = {}): Promise<Answer> {
  const base = platform.httpOf(gateway);
  const text = method === 'GET' ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
  const answer = await fetch(`${base}/v1/tickets`, { method, headers: { origin: base, ...headers }, ...text });
  return { status: answer.status, body: (await answer.json()) as Body, headers: answer.headers };
}

const key = (tenant: 'acme' | 'globex' = 'acme'): Record<string, string> => ({
  authorization: `Bearer ${platform.keyOf(tenant)}`,
});

async function ticket(asked: Asked = {}): Promise<string> {
  const { body } = await ask('', { ...asked, headers: { ...key(), ...asked.headers } });
  return String(body['ticket']);
}

function open(given: string, { gateway = 0, headers = {} }: Asked = {}): Promise<SocketClient> {
  const base = platform.httpOf(gateway);
  const protocols = ['reticle.v1', `reticle-ticket.${given}`];
  return SocketClient.open(base, '', { protocols, headers: { origin: base, ...headers } });
}

async function openAt(gateway: number): Promise<SocketClient> {
  const headers = { origin: platform.httpOf(gateway) };
  return open(await ticket({ gateway, headers }), { gateway, headers });
}

async function refusalOf(opening: Promise<SocketClient>): Promise<string> {
  try {
    (await opening).close();
    return 'opened';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('POST /v1/tickets', () => {
  test('for a key: a ticket that opens one socket, under reticle.v1 and never under its own name', async () => {
    const { status, body, headers } = await ask('', { headers: key() });
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual({ ticket: expect.stringMatching(/^rtt1\.[\w-]+$/), expires_in: 60, models: ['single'] });
    const client = await open(String(body['ticket']));
    expect(client.socket.protocol).toBe('reticle.v1');
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 20 });
    await client.terminal();
    expect(deltas(client.events)).toBe(textOf(hi, 20));
    client.close();
    expect(await refusalOf(open(String(body['ticket'])))).toContain('401');
  });

  test('for a code, once: a ticket and a pass; the pass gets further tickets and opens nothing else', async () => {
    const code = await platform.codeOf('acme');
    const { body } = await ask({ code });
    expect(body).toMatchObject({ expires_in: 60, pass_expires_in: 43_200 });
    expect((await ask({ code })).status).toBe(401);
    const again = await ask({ pass: body['pass'] });
    expect(Object.keys(again.body)).toEqual(['ticket', 'expires_in', 'models']);
    (await open(String(again.body['ticket']))).close();
    expect(await refusalOf(open(String(body['pass'])))).toContain('401');
    const asKey = { headers: { authorization: `Bearer ${String(body['pass'])}` } };
    expect((await fetch(`${platform.httpOf()}/v1/models`, asKey)).status).toBe(401);
    expect((await ask({ pass: body['ticket'] })).status).toBe(401);
  });

  test('the uses of a ticket are counted for all gateways together', async () => {
    const given = await ticket({ headers: { origin: platform.httpOf(1) }, gateway: 1 });
    const opened = await open(given, { gateway: 0, headers: { origin: platform.httpOf(1) } }).catch((error: unknown) =>
      String(error),
    );
    // The other gateway's origin is not allowed at this one: the ticket was good, its page was not.
    expect(opened).toContain('403');
    expect(await refusalOf(open(given, { gateway: 1 }))).toContain('401');
  });

  test('a key is granted codes, and nothing else is', async () => {
    const { status, body } = await ask({ grant: 'code' }, { headers: key() });
    expect([status, body]).toEqual([200, { code: expect.stringMatching(/^[a-z2-7]{26}$/), expires_in: 600 }]);
    const { body: page } = await ask({ code: body['code'] });
    expect((await ask({ grant: 'code', pass: page['pass'] })).status).toBe(401);
    expect((await ask({ grant: 'code' })).status).toBe(401);
    expect((await ask({ grant: 'key' }, { headers: key() })).status).toBe(400);
  });

  test.each([
    ['nothing', '', {}],
    ['an empty object', {}, {}],
    ['a code that nobody gave out', { code: 'a'.repeat(26) }, {}],
    ['a code of any length', { code: 'x'.repeat(4_000) }, {}],
    ['a pass that is none', { pass: 'rtp1.AAAA' }, {}],
    ['a wrong key', '', { authorization: 'Bearer rtk_test_aaaaaaaa_b_c' }],
  ])('%s: 401', async (_name, body, headers) => {
    const { status, body: answer } = await ask(body, { headers });
    expect([status, (answer['error'] as Body)['code']]).toEqual([401, 'invalid_api_key']);
  });

  test.each([
    ['another origin', '', { origin: 'https://evil.example' }, '403 invalid_request'],
    ['a code from another origin', { code: 'a'.repeat(26) }, { origin: 'https://evil.example' }, '403 invalid_request'],
    ['no JSON', '{', {}, '400 invalid_json'],
    ['a list', [], {}, '400 invalid_request'],
    ['a code that is a number', { code: 1 }, {}, '400 invalid_request'],
    ['two credentials', { code: 'a', pass: 'b' }, {}, '400 invalid_request'],
    ['a large body', { code: 'x'.repeat(9_000) }, {}, '413 request_too_large'],
  ] as const)('%s: refused', async (_name, body, headers, wantRefusal) => {
    const { status, body: answer } = await ask(body, { headers });
    expect(`${status} ${String((answer['error'] as Body)['code'])}`).toBe(wantRefusal);
  });

  test("a page's own server names the page's origin", async () => {
    const base = platform.httpOf();
    const post = async (body: object): Promise<Response> =>
      fetch(`${base}/v1/tickets`, { method: 'POST', headers: key(), body: JSON.stringify(body) });
    const { ticket: minted } = (await (await post({ origin: base })).json()) as { ticket: string };
    (await open(minted)).close();
    expect((await post({})).status).toBe(400);
    expect((await post({ origin: 'https://evil.example' })).status).toBe(403);
  });

  test('other methods: 405', async () => {
    const { status, headers } = await ask('', { method: 'GET' });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('an upgrade with a ticket', () => {
  test.each([
    ['garbage', () => Promise.resolve('rtt1.AAAA')],
    ['nothing', () => Promise.resolve('')],
    ['one character more', async () => `${await ticket()}A`],
  ])('%s: 401', async (_name, make) => {
    expect(await refusalOf(open(await make()))).toContain('401');
  });

  test('from no origin, or with a key beside it: 401', async () => {
    const [first, second] = [await ticket(), await ticket()];
    const bare = SocketClient.open(platform.httpOf(), '', { protocols: ['reticle.v1', `reticle-ticket.${first}`] });
    expect(await refusalOf(bare)).toContain('401');
    expect(await refusalOf(open(second, { headers: key() }))).toContain('401');
  });
});

describe('response.resume', () => {
  type Killed = { readonly id: string; readonly after: number; readonly text: string; readonly token: string };

  /** Events of a turn up to an offset, then the socket is gone. */
  async function killedAt(offset: number, more: object = {}): Promise<Killed> {
    const client = await open(await ticket());
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 400, ...more });
    const begun = await client.until('response.in_progress');
    const { sequence_number: after } = await client.until(
      ({ type, sequence_number: number }) => type.endsWith('.delta') && Number(number) >= 64 * offset,
    );
    const upTo = client.events.filter(({ sequence_number: number }) => Number(number) <= Number(after));
    client.socket.terminate();
    const { id, reticle } = begun['response'] as { id: string; reticle: { resume_token: string } };
    return { id, after: Number(after), text: deltas(upTo), token: reticle.resume_token };
  }

  test('goes on behind the last event that came: nothing is lost, nothing comes twice', async () => {
    const { id, after, text } = await killedAt(100);
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, starting_after: after });
    const { usage } = answerOf(await client.terminal());
    expect(client.events.every(({ sequence_number: number }) => Number(number) > after)).toBe(true);
    expect(text + deltas(client.events)).toBe(textOf(hi, 400));
    expect(usage.output_tokens).toBe(400);
  });

  test('at another gateway, and back: the session is taken over each time, and the text goes on as exactly', async () => {
    const TOKENS = 1_500;
    const { id, after, text, token } = await killedAt(100, { max_output_tokens: TOKENS });
    let [cursor, told] = [after, text];
    for (const gateway of [1, 0]) {
      const client = await openAt(gateway);
      client.send({ type: 'response.resume', response_id: id, resume_token: token, starting_after: cursor });
      const least = cursor + 64 * 100;
      const { sequence_number: number } = await client.until(
        ({ type, sequence_number: sequence }) => type.endsWith('.delta') && Number(sequence) >= least,
      );
      const seen = client.events.filter(({ sequence_number: sequence }) => Number(sequence) <= Number(number));
      client.socket.terminate();
      [cursor, told] = [Number(number), told + deltas(seen)];
    }
    const last = await openAt(1);
    last.send({ type: 'response.resume', response_id: id, resume_token: token, starting_after: cursor });
    const { usage, id: again } = answerOf(await last.terminal());
    expect([again, usage.output_tokens]).toEqual([id, TOKENS]);
    expect(told + deltas(last.events)).toBe(textOf(hi, TOKENS));
    const before = last.events.length;
    last.create({ model: 'single', input: 'More', previous_response_id: id, max_output_tokens: 10 });
    await last.terminal();
    expect(deltas(last.events.slice(before))).toBe(textOf(hi.after(TOKENS).turn({ input: [userItem('More')] }), 10));
  });

  test("another session's token is no way to a response, and does not stay in its place", async () => {
    const [first, second] = [await killedAt(10), await killedAt(10)];
    const client = await openAt(1);
    client.send({ type: 'response.resume', response_id: first.id, resume_token: second.token });
    expect((await client.until('response.resume.failed'))['error']).toMatchObject({
      code: 'previous_response_not_found',
    });
    client.send({ type: 'response.resume', response_id: first.id, resume_token: first.token });
    expect(answerOf(await client.terminal()).usage.output_tokens).toBe(400);
    client.send({ type: 'response.resume', response_id: second.id, resume_token: 'rtr1.test-1.k1.AAAA' });
    expect((await client.until('response.resume.failed'))['error']).toMatchObject({ code: 'invalid_resume_token' });
  });

  test('without a cursor it tells everything; a lane keeps its name', async () => {
    const { id } = await killedAt(20);
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, stream_id: 'a' });
    await client.terminal();
    expect(client.types()[0]).toBe('response.created');
    expect(client.events.every(({ stream_id: lane }) => lane === 'a')).toBe(true);
    expect(deltas(client.events)).toBe(textOf(hi, 400));
  });

  test('what is resumed can be interrupted, and the next turn goes on from the cut', async () => {
    const { id, after } = await killedAt(30, { max_output_tokens: 1_000 });
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, starting_after: after });
    await client.until('response.output_text.delta');
    client.send({ type: 'response.interrupt', response_id: id, mode: 'keep_through_offset', keep_through_offset: 30 });
    const accepted = await client.until('response.interrupt.accepted');
    expect(accepted['receipt']).toMatchObject({ effective_offset: 30 });
    await client.terminal();
    const before = client.events.length;
    client.create({ model: 'single', input: 'More', previous_response_id: id, max_output_tokens: 10 });
    await client.terminal();
    const more = hi.after(30).turn({ input: [userItem('More')] });
    expect(deltas(client.events.slice(before))).toBe(textOf(more, 10));
  });

  test('a redirect of what is resumed inherits its lane and its settings', async () => {
    const { id, after } = await killedAt(30, { max_output_tokens: 1_000 });
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, starting_after: after });
    await client.until('response.output_text.delta');
    const cut = { mode: 'keep_through_offset', keep_through_offset: 40 };
    client.send({
      type: 'response.interrupt',
      response_id: id,
      ...cut,
      successor: { input: 'More', max_output_tokens: 10 },
    });
    await client.terminal();
    await client.terminal();
    const before = client.events.findIndex(({ type }) => type === 'response.incomplete');
    const more = hi.after(40).turn({ input: [userItem('More')] });
    expect(deltas(client.events.slice(before))).toBe(textOf(more, 10));
  });

  test('the end of the socket that resumed does not end the turn', async () => {
    const { id, after } = await killedAt(10);
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, starting_after: after });
    await client.until('response.output_text.delta');
    client.socket.terminate();
    const last = await open(await ticket());
    last.send({ type: 'response.resume', response_id: id });
    expect(answerOf(await last.terminal()).usage.output_tokens).toBe(400);
  });

  test.each([
    ['an unknown response', { response_id: 'resp_x' }, 'previous_response_not_found'],
    ['no response', {}, 'missing_required_parameter'],
    ['a cursor that is no number', { response_id: 'resp_x', starting_after: 'x' }, 'invalid_request'],
    ['a lane that is no name', { response_id: 'resp_x', stream_id: ' ' }, 'invalid_request'],
  ])('%s: response.resume.failed, and the socket serves on', async (_name, body, code) => {
    const client = await open(await ticket());
    client.send({ type: 'response.resume', ...body });
    const { error } = await client.until('response.resume.failed');
    expect(error).toMatchObject({ code });
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 5 });
    expect(answerOf(await client.terminal()).usage.output_tokens).toBe(5);
  });

  test("another tenant's response, a future cursor and a lane in use are refused", async () => {
    const { id } = await killedAt(10, { max_output_tokens: 3_000 });
    const foreign = await SocketClient.open(platform.httpOf(), platform.keyOf('globex'));
    foreign.send({ type: 'response.resume', response_id: id });
    expect((await foreign.until('response.resume.failed'))['error']).toMatchObject({
      code: 'previous_response_not_found',
    });
    const client = await open(await ticket());
    client.send({ type: 'response.resume', response_id: id, starting_after: 64 * 100_000 });
    expect((await client.until('response.resume.failed'))['error']).toMatchObject({ code: 'value_out_of_range' });
    client.send({ type: 'response.resume', response_id: id });
    client.send({ type: 'response.resume', response_id: id });
    expect((await client.until('response.resume.failed'))['error']).toMatchObject({ code: 'response_in_flight' });
    client.send({ type: 'response.interrupt', response_id: id, mode: 'keep_generated' });
    await client.terminal();
  });
});
