/** A credential that ends while its streams run (PROMISES P22): each of them ends within 5 s, with `key_revoked`. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { GatewayAccess } from '@reticle/core/domain';
import {
  allEvents,
  ApiClient,
  bounded,
  flatChain,
  HttpClient,
  SocketClient,
  sseEvents,
  start,
  startTestPlatform,
  turnOf,
  type TestEngine,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

/** 40 s of tokens: an engine that is idle sooner was told to stop. */
const LONG = 20_000;
const MESSAGES = [{ role: 'user', content: 'Hi' }];

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [flatChain(500, { servedName: 'single' })] });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterEach(async () => {
  put({});
  await platform.untilIdle();
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Puts keys in force: those of the platform, but for what is said of `acme`. */
function put(change: Partial<GatewayAccess['keys'][number]>): void {
  const keys = platform.keyRecords.map((record) => (record.tenant === 'acme' ? { ...record, ...change } : record));
  platform.gateway.replaceAccess({ keys, tenants: [], keepsPartial: [] });
}

/** Another tenant's stream, which must not notice. */
async function bystander(): Promise<() => Promise<void>> {
  const other = new HttpClient(platform.httpOf(), platform.keyOf('globex'));
  const body = { model: 'single', input: 'Hi', stream: true, max_output_tokens: 200 };
  const response = await other.post('/v1/responses', body);
  const end = { type: 'response.incomplete', data: { response: { usage: { output_tokens: 200 } } } };
  return async () => expect((await allEvents(response)).at(-1)).toMatchObject(end);
}

/** A streamed answer that has told text; what came before, and what is left of it. */
async function telling(path: string, body: object, headers: Record<string, string> = {}) {
  const response = await client.post(path, { model: 'single', stream: true, ...body }, { headers });
  expect(response.status).toBe(200);
  const events = sseEvents(response);
  const isText = (data: Readonly<Record<string, unknown>>): boolean =>
    data['delta'] !== undefined || JSON.stringify(data).includes('"content":"');
  for (;;) {
    const { value, done } = await bounded(events.next(), 'some text');
    if (done === true) throw new Error('the stream ended before it told any text');
    if (isText(value.data)) return events;
  }
}

async function rest(
  events: AsyncGenerator<{ readonly type: string; readonly data: Readonly<Record<string, unknown>> }>,
) {
  const left = [];
  for await (const event of events) left.push(event);
  return left;
}

describe('P22 a key is revoked', () => {
  test.each([
    { name: 'as it is', headers: {} },
    { name: 'that asked to go on without its client', headers: { 'x-reticle-on-disconnect': 'continue' } },
  ])('Responses over SSE $name: response.failed, then the end, and the turn is cut', async ({ headers }) => {
    const unharmed = await bystander();
    const events = await telling('/v1/responses', { input: 'Hi', max_output_tokens: LONG }, headers);
    put({ revoked: true });
    const left = await bounded(rest(events), 'the end of the stream');
    expect(left.at(-1)).toMatchObject({
      type: 'response.failed',
      data: {
        response: { status: 'failed', error: { code: 'key_revoked' }, reticle: { error: { code: 'key_revoked' } } },
      },
    });
    expect(left.filter(({ type }) => type.startsWith('response.failed')).length).toBe(1);
    await unharmed();
    await platform.untilIdle();
  });

  test('Chat over SSE: an error instead of [DONE], and every choice is cut', async () => {
    const unharmed = await bystander();
    const events = await telling('/v1/chat/completions', { messages: MESSAGES, n: 2, max_tokens: LONG });
    put({ revoked: true });
    const left = await bounded(rest(events), 'the end of the stream');
    expect(left.at(-1)?.data).toMatchObject({ error: { code: 'key_revoked', type: 'authentication_error' } });
    await unharmed();
    await platform.untilIdle();
  });

  test('answers that are not streamed are 401, and their turns are cut', async () => {
    const bodies = [
      ['/v1/responses', { model: 'single', input: 'Hi', max_output_tokens: LONG }],
      ['/v1/chat/completions', { model: 'single', messages: MESSAGES, max_tokens: LONG }],
    ] as const;
    const streamed = await telling('/v1/responses', { input: 'Hi', max_output_tokens: LONG });
    const waiting = bodies.map(([path, body]) => client.post(path, body));
    await platform.untilLoad(
      platform.engines[0] as TestEngine,
      ({ slotsTotal, slotsFree }) => slotsTotal - slotsFree === 3,
      'three turns',
    );
    put({ revoked: true });
    for (const response of await Promise.all(waiting)) {
      expect([response.status, await response.json()]).toMatchObject([401, { error: { code: 'key_revoked' } }]);
    }
    await rest(streamed);
    await platform.untilIdle();
  });

  test('a replay ends too, and the turn of the other key goes on', async () => {
    const events = await telling('/v1/responses', { input: 'Hi', max_output_tokens: 300 });
    const body = { model: 'single', input: 'Hi', background: true, max_output_tokens: LONG };
    const { id } = (await (await client.post('/v1/responses', body)).json()) as { id: string };
    const replayed = await client.get(`/v1/responses/${id}?stream=true`);
    expect(replayed.status).toBe(200);
    const replay = sseEvents(replayed);
    expect((await bounded(replay.next(), 'an event')).done).toBe(false);
    put({ tiers: ['flex'], defaultTier: 'flex' });
    expect((await bounded(rest(replay), 'the end of the replay')).at(-1)?.type).toBe('response.failed');
    await rest(events);
    put({});
    const cancelled = await client.post(`/v1/responses/${id}/cancel`, {});
    expect(cancelled.status).toBe(200);
    await cancelled.text();
  });

  test('WebSocket and gRPC', async () => {
    const socket = await SocketClient.open(platform.httpOf(), platform.keyOf('acme'));
    socket.create({ model: 'single', input: 'Hi', max_output_tokens: LONG });
    await socket.until('response.output_text.delta');
    const grpc = new ApiClient({ address: `127.0.0.1:${platform.port}`, key: platform.keyOf('acme'), model: 'single' });
    const { stream } = await grpc.open();
    stream.send(start(turnOf('t1', LONG)));
    await stream.received('t1', 1);
    put({ revoked: true });
    expect(await socket.until('error')).toMatchObject({ error: { code: 'key_revoked' } });
    expect(await socket.closed()).toMatchObject({ code: 1008 });
    expect(await stream.ended()).toMatchObject({ grpc: 16, code: 'key_revoked' });
    grpc.close();
  });

  test('who comes again is refused; who was restored is served', async () => {
    put({ revoked: true });
    const refused = await client.get('/v1/models');
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 'key_revoked' } }]);
    put({});
    const served = await client.get('/v1/models');
    expect(served.status).toBe(200);
    await served.text();
  });
});
