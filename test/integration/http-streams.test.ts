/** Streams that wait and streams that are silent (PROTOCOL §4.2, §4.4), and the list of models. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  allEvents,
  deltaText,
  flatChain,
  HttpClient,
  sparkChain,
  sseEvents,
  startTestPlatform,
  type SseEvent,
  type TestPlatform,
  type TestPlatformOptions,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

let platform: TestPlatform;

async function start(options: TestPlatformOptions): Promise<HttpClient> {
  platform = await startTestPlatform(options);
  return new HttpClient(platform.httpOf(), platform.keyOf('acme'));
}
afterEach(() => platform[Symbol.asyncDispose]());

const LONG = 'word '.repeat(60_000);

describe('a turn that waits for its start', () => {
  test('is told as queued, and then as every other', async () => {
    const client = await start({ httpTimeouts: { queuedMs: 1 } });
    const body = { model: 'spark-ref', input: LONG, max_output_tokens: 3, stream: true };
    const response = await client.post('/v1/responses', body);
    const names = ['openai-model', 'x-reticle-session', 'x-reticle-resume-token', 'x-reticle-region'];
    expect(names.map((name) => response.headers.has(name))).toEqual([true, true, true, false]);
    const events = await allEvents(response);
    expect(events.slice(0, 3).map(({ type, id }) => [type, id])).toEqual([
      ['response.created', 16],
      ['response.queued', 17],
      ['response.in_progress', 18],
    ]);
    expect(events.slice(0, 2).map(({ data }) => (data['response'] as { status: string }).status)).toEqual([
      'queued',
      'queued',
    ]);
    expect(events.at(-1)?.type).toBe('response.incomplete');
  });

  test('may be cancelled before it starts', async () => {
    const client = await start({ httpTimeouts: { queuedMs: 0 } });
    const body = { model: 'spark-ref', input: LONG, max_output_tokens: 100, stream: true };
    const events: SseEvent[] = [];
    for await (const event of sseEvents(await client.post('/v1/responses', body))) {
      events.push(event);
      const { id } = (event.data['response'] ?? {}) as { id?: string };
      if (event.type === 'response.queued') await client.post(`/v1/responses/${id ?? ''}/cancel`, '');
    }
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.queued']);
    expect(events.at(-1)?.data['response']).toMatchObject({ incomplete_details: { reason: 'interrupted' } });
  });
});

describe('a stream that says nothing', () => {
  const slow = { chains: [flatChain(4)], httpTimeouts: { silenceMs: 60 } };

  test('says that it lives, with the last number', async () => {
    const client = await start(slow);
    const body = { model: 'spark-ref', input: 'Hi', max_output_tokens: 4, stream: true };
    const events = await allEvents(await client.post('/v1/responses', body));
    const keepalives = events.filter(({ type }) => type === 'keepalive');
    expect(keepalives.length).toBeGreaterThan(0);
    expect(keepalives.every(({ id, data }) => data['sequence_number'] === id)).toBe(true);
    const numbers = events.map(({ id }) => id);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['response.created', 'response.incomplete']);
    expect(deltaText(events).length).toBeGreaterThan(0);
  });

  test('on the Chat surface it is a comment', async () => {
    const client = await start(slow);
    const messages = [{ role: 'user', content: 'Hi' }];
    const response = await client.post('/v1/chat/completions', {
      model: 'spark-ref',
      messages,
      max_tokens: 4,
      stream: true,
    });
    const text = await response.text();
    expect(text).toContain('\n\n: keepalive\n\n');
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });
});

test('an engine that is lost ends a Chat stream with the error, and without [DONE]', async () => {
  const client = await start({ chains: [flatChain(200)] });
  const body = { model: 'spark-ref', messages: [{ role: 'user', content: 'Hi' }], stream: true };
  const response = await client.post('/v1/chat/completions', body);
  let text = '';
  for await (const chunk of (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes('"content":"') && !text.includes('"error"')) platform.engines[0]?.lose();
  }
  const { error } = JSON.parse(/data: (\{"error".*)\n\n$/.exec(text)?.[1] ?? '{}') as { error: object };
  expect(error).toMatchObject({ type: 'server_error', code: 'server_error', retryable: true });
  expect(text).not.toContain('[DONE]');
});

test('GET /v1/models is one body for both of its readers', async () => {
  const chains = [sparkChain({ servedName: 'a' }), sparkChain({ servedName: 'b', contextTokens: 8_192 })];
  const client = await start({ chains, tiers: { acme: ['fast', 'flex'] } });
  const response = await client.get('/v1/models');
  const body = (await response.json()) as { data: { id: string }[]; models: { slug: string }[] };
  expect(body).toMatchObject({
    object: 'list',
    data: [{ id: 'a' }, { id: 'b' }],
    models: [
      { slug: 'a', context_window: 131_072, service_tiers: [{ id: 'priority' }, { id: 'flex' }] },
      { slug: 'b', context_window: 8_192 },
    ],
  });
  const again = await client.get('/v1/models');
  expect(response.headers.get('x-models-etag')).toMatch(/^[0-9a-f]{64}$/);
  expect(again.headers.get('x-models-etag')).toBe(response.headers.get('x-models-etag'));
});
