/** What stops Codex, over HTTP (PROTOCOL §5.2 rows 12 and 13): statuses make it come again, one event does not. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { allEvents, flatChain, HttpClient, startTestPlatform, type TestPlatform } from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const chain = flatChain(2_000, { servedName: 'single', contextTokens: 1_024 });
const codex = { headers: { originator: 'codex_exec' } };
const asked = { model: 'single', input: 'Hi', stream: true, max_output_tokens: 3 };

let platform: TestPlatform;
let client: HttpClient;

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [chain], tiers: { globex: ['default'] } });
  client = new HttpClient(platform.httpOf(), platform.keyOf('acme'));
});
afterAll(() => platform[Symbol.asyncDispose]());

describe('a refusal that no retry helps', () => {
  test.each([
    { name: 'an unknown model', body: { model: 'none' }, wantCode: 'model_not_found' },
    { name: 'a parameter out of range', body: { temperature: 9 }, wantCode: 'value_out_of_range' },
    { name: 'a parameter of engines', body: { grammar: 'x' }, wantCode: 'unknown_parameter' },
    { name: 'an image', body: { input: [{ type: 'input_image' }] }, wantCode: 'unsupported_modality' },
  ])('$name is a stream of one event to Codex, and a status to others', async ({ body, wantCode }) => {
    const response = await client.post('/v1/responses', { ...asked, ...body }, codex);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    const [event, ...more] = await allEvents(response);
    expect(more).toEqual([]);
    const error = { code: 'invalid_prompt', message: expect.stringMatching(/^[a-z][^{}]+$/) as unknown };
    expect(event).toMatchObject({
      type: 'response.failed',
      data: { response: { status: 'failed', error, reticle: { error: { code: wantCode } } } },
    });
    const plain = await client.post('/v1/responses', { ...asked, ...body });
    expect(plain.status).toBeGreaterThanOrEqual(400);
    expect(await plain.json()).toMatchObject({ error: { code: wantCode } });
  });

  test('a tier that the key does not have', async () => {
    const other = new HttpClient(platform.httpOf(), platform.keyOf('globex'));
    const [event] = await allEvents(await other.post('/v1/responses', { ...asked, service_tier: 'ultrafast' }, codex));
    expect(event?.data['response']).toMatchObject({ reticle: { error: { code: 'tier_required' } } });
  });

  test('one that does not stream has its status', async () => {
    const response = await client.post('/v1/responses', { ...asked, stream: false, temperature: 9 }, codex);
    expect([response.status, (await response.json()) as object]).toMatchObject([
      400,
      { error: { code: 'value_out_of_range' } },
    ]);
  });
});

describe('what Codex knows by its own code keeps it', () => {
  test('a context that is too long', async () => {
    const long = { ...asked, input: 'word '.repeat(2_000) };
    const [event, ...more] = await allEvents(await client.post('/v1/responses', long, codex));
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      type: 'response.failed',
      data: { response: { error: { code: 'context_length_exceeded' } } },
    });
    expect((await client.post('/v1/responses', long)).status).toBe(400);
  });

  test('a response that is not known', async () => {
    const response = await client.post('/v1/responses', { ...asked, previous_response_id: 'resp_x' }, codex);
    expect([response.status, (await response.json()) as object]).toMatchObject([
      400,
      { error: { code: 'previous_response_not_found' } },
    ]);
  });
});

describe('what is refused before its fields are read', () => {
  test.each([
    { name: 'a coded body', headers: { 'content-encoding': 'zstd' }, body: 'x', wantOther: 415 },
    { name: 'a body that is too large', headers: {}, body: JSON.stringify('x'.repeat(4 << 20)), wantOther: 413 },
    { name: 'a body that is no JSON', headers: {}, body: '{', wantOther: 400 },
  ])('$name: 400 to Codex', async ({ headers, body, wantOther }) => {
    const toCodex = await client.post('/v1/responses', body, { headers: { ...codex.headers, ...headers } });
    const toOthers = await client.post('/v1/responses', body, { headers });
    expect([toCodex.status, toOthers.status]).toEqual([400, wantOther]);
  });

  test('a key that is not valid keeps its status', async () => {
    const stranger = new HttpClient(platform.httpOf(), 'rtk_x');
    expect((await stranger.post('/v1/responses', asked, codex)).status).toBe(401);
  });
});
