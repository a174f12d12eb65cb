/** Chat Completions over HTTP, against a real engine: every text is the oracle's (PROTOCOL §4.4). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { flatChain, HttpClient, OracleContext, startTestPlatform, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const chain = flatChain(2_000, { servedName: 'single' });
const user = (content: unknown): object => ({ role: 'user', content });

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain] });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

type Choice = {
  readonly index: number;
  readonly finish_reason: string | null;
  readonly message: { readonly role: string; readonly content: string };
  readonly delta: { readonly role?: string; readonly content?: string };
};

type Completion = {
  readonly id: string;
  readonly object: string;
  readonly service_tier: string;
  readonly choices: readonly Choice[];
  readonly usage?: Readonly<Record<string, number>>;
  readonly time_info?: Readonly<Record<string, number>>;
  readonly reticle?: { readonly served_tier: string; readonly resume_token: string };
};

type Chunk = { readonly id: number | undefined; readonly data: Completion };

/** Chunks of a body that ends as it should. */
async function chunksOf(response: Response): Promise<Chunk[]> {
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  const blocks = (await response.text()).split('\n\n');
  expect(blocks.splice(-2)).toEqual(['data: [DONE]', '']);
  return blocks.map((block) => {
    const [, id, data] = /^(?:id: (\d+)\n)?data: (.*)$/s.exec(block) ?? [];
    return { id: id === undefined ? undefined : Number(id), data: JSON.parse(data ?? '') as Completion };
  });
}

function chat(body: object): Promise<Response> {
  return client.post('/v1/chat/completions', { model: 'single', messages: [user('Hi')], ...body });
}

async function completed(body: object): Promise<Completion> {
  const response = await chat(body);
  expect(response.status).toBe(200);
  return (await response.json()) as Completion;
}

async function streamed(body: object): Promise<Chunk[]> {
  return chunksOf(await chat({ stream: true, ...body }));
}

type Said = { readonly items?: readonly object[]; readonly tokens: number; readonly params?: object };

/** What the model says to messages, up to a number of tokens. */
function oracleText({ items = [{ type: 'message', ...user('Hi') }], tokens, params = {} }: Said): string {
  const input = items.map((item) => ({ itemJson: JSON.stringify(item) }));
  const turn = OracleContext.root(chain).turn({ input, params });
  return Buffer.from(turn.tokens(0, tokens).text).toString();
}

const textOf = (chunks: readonly Chunk[], choice = 0): string =>
  chunks
    .flatMap(({ data }) => data.choices)
    .flatMap(({ index, delta }) => (index === choice ? [delta.content ?? ''] : []))
    .join('');

const lastOf = (chunks: readonly Chunk[]): Chunk => chunks.at(-1) as Chunk;

describe('POST /v1/chat/completions', () => {
  test('as JSON', async () => {
    const response = await chat({ max_tokens: 30 });
    const answer = (await response.json()) as Completion;
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'single',
      service_tier: 'ultrafast',
      choices: [
        { index: 0, finish_reason: 'length', message: { role: 'assistant', content: oracleText({ tokens: 30 }) } },
      ],
      reticle: { served_tier: 'ultrafast', reason: 'tenant-default', region: 'test-1' },
    });
    const { prompt_tokens: prompt = 0, completion_tokens: completion, total_tokens: total } = answer.usage ?? {};
    expect([prompt > 0, completion, total]).toEqual([true, 30, prompt + 30]);
    expect(answer.id).toMatch(/^chatcmpl-[a-z2-7]{58}$/);
    expect(response.headers.get('openai-model')).toBe('single');
  });

  test('as chunks: the role, the text with its offsets, the reason, the usage', async () => {
    const chunks = await streamed({ max_completion_tokens: 1_500, stream_options: { include_usage: true } });
    expect(chunks[0]?.data.choices).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
    ]);
    expect(textOf(chunks)).toBe(oracleText({ tokens: 1_500 }));
    const [finish, usage] = chunks.slice(-2);
    expect(finish?.data.choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: 'length' }]);
    expect(finish?.data.reticle?.served_tier).toBe('ultrafast');
    expect(usage?.data).toMatchObject({ choices: [], usage: { completion_tokens: 1_500 } });
    expect(Object.keys(usage?.data.time_info ?? {})).toEqual([
      'queue_time',
      'prompt_time',
      'completion_time',
      'total_time',
    ]);
    const ids = chunks.map(({ id }) => id ?? Number.NaN);
    expect([ids[0], ids.at(-1)]).toEqual([0, 1_500]);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(chunks.map(({ data }) => data.id)).size).toBe(1);
  });

  test('usage is told only when it was asked for', async () => {
    const chunks = await streamed({ max_tokens: 3 });
    expect(chunks.some(({ data }) => 'usage' in data)).toBe(false);
    expect(lastOf(chunks).data.choices[0]?.finish_reason).toBe('length');
  });

  test.each([2, 8])('%i choices are siblings, each with its own text', async (n) => {
    const want = Array.from({ length: n }, (_, choice) => oracleText({ tokens: 40, params: { choice } }));
    expect(new Set(want).size).toBe(n);
    const answer = await completed({ n, max_tokens: 40 });
    expect(answer.choices.map(({ message }) => message.content)).toEqual(want);
    expect(answer.usage?.['completion_tokens']).toBe(40 * n);
    const chunks = await streamed({ n, max_tokens: 40 });
    expect(want.map((_, choice) => textOf(chunks, choice))).toEqual(want);
    expect(chunks.every(({ id }) => id === undefined)).toBe(true);
    const ends = chunks.flatMap(({ data }) => data.choices.map(({ finish_reason: reason }) => reason));
    expect(ends.filter((reason) => reason !== null)).toEqual(Array.from({ length: n }, () => 'length'));
  });

  test('messages in every role and form are the items that Responses would take', async () => {
    const answer = await completed({
      max_tokens: 20,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'assistant', content: 'c', refusal: null, annotations: [], tool_calls: [] },
        user('d'),
      ],
    });
    const items = [
      ['system', 'Be brief.'],
      ['user', 'ab'],
      ['assistant', 'c'],
      ['user', 'd'],
    ].map(([role, content]) => ({ type: 'message', role, content }));
    expect(answer.choices[0]?.message.content).toBe(oracleText({ items, tokens: 20 }));
  });

  test('seed and stop reach the engine', async () => {
    const whole = oracleText({ tokens: 200, params: { seed: 5 } });
    const stop = whole.slice(100, 104);
    const [choice] = (await completed({ seed: 5, stop, max_tokens: 200 })).choices;
    expect(choice?.finish_reason).toBe('stop');
    expect(whole.startsWith(choice?.message.content ?? 'nothing')).toBe(true);
  });

  test('a JSON schema is kept', async () => {
    const schema = { type: 'object', properties: { a: { enum: ['x'] } }, required: ['a'], additionalProperties: false };
    const format = { type: 'json_schema', json_schema: { name: 'n', strict: true, schema } };
    const [choice] = (await completed({ response_format: format, max_tokens: 200 })).choices;
    expect([choice?.finish_reason, JSON.parse(choice?.message.content ?? '')]).toEqual(['stop', { a: 'x' }]);
  });

  test('a client that leaves ends all its turns', async () => {
    const leave = new AbortController();
    const body = { model: 'single', messages: [user('Hi')], stream: true, n: 3 };
    const response = await client.post('/v1/chat/completions', body, { signal: leave.signal });
    await response.body?.getReader().read();
    leave.abort();
    await platform.untilIdle();
  });
});

describe('refusals', () => {
  test.each([
    { name: 'no model', body: { model: undefined }, want: [400, 'missing_required_parameter', 'model'] },
    { name: 'an unknown model', body: { model: 'nope' }, want: [404, 'model_not_found', 'model'] },
    { name: 'no messages', body: { messages: undefined }, want: [400, 'missing_required_parameter', 'messages'] },
    { name: 'an empty list', body: { messages: [] }, want: [400, 'invalid_request', 'messages'] },
    { name: 'a text', body: { messages: ['a'] }, want: [400, 'invalid_request', 'messages[0]'] },
    { name: 'a role', body: { messages: [{ role: 'x' }] }, want: [400, 'invalid_request', 'messages[0].role'] },
    { name: 'no content', body: { messages: [user(null)] }, want: [400, 'invalid_request', 'messages[0].content'] },
    {
      name: 'a lone surrogate',
      body: { messages: [user('a'), user('\ud800')] },
      want: [400, 'invalid_request', 'messages[1].content'],
    },
    {
      name: 'a tool without a name',
      body: { tools: [{ type: 'function' }] },
      want: [400, 'invalid_request', 'tools[0].name'],
    },
    {
      name: 'an output of no call',
      body: { messages: [{ role: 'tool', content: 'a' }] },
      want: [400, 'invalid_request', 'messages[0].tool_call_id'],
    },
    { name: 'probabilities', body: { logprobs: true }, want: [400, 'unknown_parameter', 'logprobs'] },
    { name: 'sound', body: { modalities: ['audio'] }, want: [400, 'unsupported_modality', 'modalities'] },
    { name: 'an empty output', body: { max_tokens: 0 }, want: [400, 'value_out_of_range', 'max_tokens'] },
    {
      name: 'more output than the model has',
      body: { max_completion_tokens: 1e6 },
      want: [400, 'value_out_of_range', 'max_completion_tokens'],
    },
    {
      name: 'a schema with a reference to itself',
      body: { response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { $ref: '#' } } } },
      want: [400, 'schema_too_complex', 'response_format'],
    },
  ])('$name is a status, with stream: true as well', async ({ body, want }) => {
    for (const stream of [false, true]) {
      const response = await chat({ ...body, stream });
      const { error } = (await response.json()) as { error: { code: string; param: string } };
      expect([response.status, error.code, error.param]).toEqual(want);
    }
  });
});
