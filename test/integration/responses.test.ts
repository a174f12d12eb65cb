/** The Responses surface over HTTP, against a real engine: every text is the oracle's (PROTOCOL §4). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  allEvents,
  deltaText,
  flatChain,
  HttpClient,
  OracleContext,
  type OracleTurn,
  sseEvents,
  startTestPlatform,
  type SseEvent,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const chain = flatChain(2_000, { servedName: 'single' });
const user = (content: string): object => ({ type: 'message', role: 'user', content });
const userItem = (content: string): { itemJson: string } => ({ itemJson: JSON.stringify(user(content)) });

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain] });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

type Answer = {
  readonly id: string;
  readonly status: string;
  readonly output: readonly { readonly content: readonly { readonly text: string }[] }[];
  readonly usage: Readonly<Record<string, number>>;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly error: { readonly code: string } | null;
};

const answerText = ({ output }: Answer): string =>
  output.flatMap(({ content }) => content.map(({ text }) => text)).join('');

const textOf = (turn: OracleTurn, tokens: number): string => Buffer.from(turn.tokens(0, tokens).text).toString();

/** What the model says to a first message, up to a number of tokens. */
function oracleText(content: string, tokens: number): string {
  return textOf(OracleContext.root(chain).turn({ input: [userItem(content)] }), tokens);
}

async function streamed(body: object): Promise<SseEvent[]> {
  const response = await client.post('/v1/responses', { model: 'single', stream: true, ...body });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  return allEvents(response);
}

function last(events: readonly SseEvent[]): Answer {
  return events.at(-1)?.data['response'] as Answer;
}

describe('POST /v1/responses', () => {
  test('as JSON', async () => {
    const response = await client.post('/v1/responses', { model: 'single', input: 'Hi', max_output_tokens: 30 });
    const answer = (await response.json()) as Answer;
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'openai-model': 'single',
      'x-reticle-session': expect.stringMatching(/^[a-z2-7]{26}$/),
      'x-reticle-resume-token': expect.stringMatching(/^rtr1\./),
      'x-reticle-region': 'test-1',
      'x-reticle-served-tier': 'ultrafast',
      'x-reticle-reason': 'tenant-default',
      'x-reticle-model-digest': chain.modelDigest,
    });
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    expect(answer.usage).toMatchObject({ output_tokens: 30 });
    expect(answerText(answer)).toBe(oracleText('Hi', 30));
  });

  test('as events: one created, one terminal, numbers that name offsets', async () => {
    const events = await streamed({ input: [user('Hi')], max_output_tokens: 1_500 });
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['response.created', 'response.in_progress']);
    expect(events.at(-1)?.type).toBe('response.incomplete');
    expect(deltaText(events)).toBe(oracleText('Hi', 1_500));
    expect(answerText(last(events))).toBe(deltaText(events));
    const numbers = events.map(({ id }) => id);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(events.every(({ id, data }) => data['sequence_number'] === id)).toBe(true);
    expect(Math.floor((numbers.at(-1) ?? 0) / 64)).toBe(1_500);
  });

  test('previous_response_id goes on from that answer, and two may fork from one', async () => {
    const first = last(await streamed({ input: 'Hi', max_output_tokens: 20 }));
    const more = { input: 'More', max_output_tokens: 20, previous_response_id: first.id };
    const [left, right] = await Promise.all([streamed(more), streamed(more)]);
    const context = OracleContext.root(chain)
      .turn({ input: [userItem('Hi')] })
      .after(20);
    const want = textOf(context.turn({ input: [userItem('More')] }), 20);
    expect([deltaText(left), deltaText(right)]).toEqual([want, want]);
  });
});

describe('GET /v1/responses/{id}', () => {
  test('starting_after gives the rest, from any event on', async () => {
    const events = await streamed({ input: 'Hi', max_output_tokens: 200 });
    const at = Math.floor(events.length / 2);
    const after = events[at]?.id ?? 0;
    const rest = await client.get(`/v1/responses/${last(events).id}?stream=true&starting_after=${after}`);
    const again = await allEvents(rest);
    expect(deltaText(events.slice(0, at + 1)) + deltaText(again)).toBe(deltaText(events));
    expect(again.at(-1)?.type).toBe('response.incomplete');
  });

  test('a replay without a cursor has a delta for each token', async () => {
    const events = await streamed({ input: 'Hi', max_output_tokens: 900 });
    const again = await allEvents(await client.get(`/v1/responses/${last(events).id}?stream=true`));
    expect(deltaText(again)).toBe(deltaText(events));
    expect(again.filter(({ type }) => type === 'response.output_text.delta').length).toBeGreaterThan(800);
    expect(again.at(-1)).toEqual(events.at(-1));
  });

  test('a reader along with a running turn gets the same text, token by token', async () => {
    const response = await client.post('/v1/responses', {
      model: 'single',
      stream: true,
      input: 'Hi',
      max_output_tokens: 800,
    });
    const own: SseEvent[] = [];
    let along: Promise<SseEvent[]> | undefined;
    for await (const event of sseEvents(response)) {
      own.push(event);
      const { id } = (event.data['response'] ?? {}) as Partial<Answer>;
      along ??= client.get(`/v1/responses/${id ?? ''}?stream=true`).then(allEvents);
    }
    expect(deltaText((await along) ?? [])).toBe(deltaText(own));
  });

  test.each([
    { name: 'another tenant', tenant: 'globex', path: (id: string) => `/v1/responses/${id}` },
    {
      name: 'a forged id',
      tenant: 'acme',
      path: (id: string) => `/v1/responses/${id.slice(0, -1)}${id.endsWith('a') ? 'e' : 'a'}`,
    },
  ] as const)('$name finds nothing', async ({ tenant, path }) => {
    const { id } = last(await streamed({ input: 'Hi', max_output_tokens: 2 }));
    const response = await new HttpClient(platform.httpOf(), platform.keyOf(tenant)).get(path(id));
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([404, 'previous_response_not_found']);
  });
});

describe('an end before the end', () => {
  test('cancel cuts the turn and answers with what was kept', async () => {
    const created = await client.post('/v1/responses', { model: 'single', input: 'Hi', background: true });
    const { id } = (await created.json()) as Answer;
    const answer = (await (await client.post(`/v1/responses/${id}/cancel`, '')).json()) as Answer;
    expect(answer).toMatchObject({ id, status: 'incomplete', incomplete_details: { reason: 'interrupted' } });
    const tokens = (answer as unknown as { reticle: { receipt: { effective_offset: number } } }).reticle.receipt;
    expect(answerText(answer)).toBe(oracleText('Hi', tokens.effective_offset));
    await platform.untilIdle();
  });

  test('a client that leaves ends its turn', async () => {
    const leave = new AbortController();
    const { signal } = leave;
    const response = await client.post('/v1/responses', { model: 'single', stream: true, input: 'Hi' }, { signal });
    for await (const { type } of sseEvents(response)) if (type === 'response.output_text.delta') break;
    leave.abort();
    await platform.untilIdle();
  });
});

describe('refusals', () => {
  test.each([
    { name: 'no key', body: {}, headers: { authorization: '' }, want: [401, 'invalid_api_key', null] },
    { name: 'no JSON', body: '{"model":', want: [400, 'invalid_json', null] },
    { name: 'no model', body: { input: 'x' }, want: [400, 'missing_required_parameter', 'model'] },
    { name: 'an unknown model', body: { model: 'nope', input: 'x' }, want: [404, 'model_not_found', 'model'] },
    { name: 'no input', body: { model: 'single' }, want: [400, 'missing_required_parameter', 'input'] },
    {
      name: "an engine's switch",
      body: { model: 'single', input: 'x', n_discard: 1 },
      want: [400, 'unknown_parameter', 'n_discard'],
    },
    {
      name: 'a temperature',
      body: { model: 'single', input: 'x', temperature: 3 },
      want: [400, 'value_out_of_range', 'temperature'],
    },
    {
      name: 'an image',
      body: { model: 'single', input: [{ type: 'message', role: 'user', content: [{ type: 'input_image' }] }] },
      want: [400, 'unsupported_modality', 'input[0].content[0].type'],
    },
    {
      name: 'an unknown parent',
      body: { model: 'single', input: 'x', previous_response_id: 'resp_x' },
      want: [400, 'previous_response_not_found', 'previous_response_id'],
    },
  ])('$name, and with stream: true the same', async ({ body, headers = {}, want }) => {
    if (typeof body !== 'string') {
      const streaming = await client.post('/v1/responses', { ...body, stream: true }, { headers });
      expect([streaming.status, (await streaming.json()) as object]).toMatchObject([
        want[0],
        { error: { code: want[1] } },
      ]);
    }
    const response = await client.post('/v1/responses', body, { headers });
    const { error } = (await response.json()) as { error: { code: string; param: string; request_id: string } };
    expect([response.status, error.code, error.param]).toEqual(want);
    expect(error.request_id).toBe(response.headers.get('x-request-id'));
  });

  test.each([
    { path: '/v1/nope', want: 404 },
    { path: '//v1/models', want: 404 },
    { path: '/v1/responses', want: 405 },
    { path: '/v1/models?api_key=x', want: 400 },
  ])('$path is $want', async ({ path, want }) => {
    expect((await client.get(path)).status).toBe(want);
  });
});
