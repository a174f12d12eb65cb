/** Hostile bodies on both HTTP surfaces (PROMISES §7.2, rows H1, H2, H6–H18): each is refused by name, and the server serves on. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import { flatChain, HttpClient, startTestPlatform } from '../kit/index.ts';
import { HttpRig, surfaces } from './http-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const CONTEXT_TOKENS = 131_072;

let rig: HttpRig;

beforeAll(async () => {
  const chain = flatChain(2_000, { servedName: 'single', contextTokens: CONTEXT_TOKENS });
  rig = new HttpRig(await startTestPlatform({ chains: [chain], tiers: { globex: ['default', 'flex'] } }));
});
afterEach(() => rig.stillServes());
afterAll(() => rig.platform[Symbol.asyncDispose]());

/** The JSON text of a surface's plain body with raw members put in front of its own. */
const withRaw = (body: object, members: string): string => `{${members},${JSON.stringify(body).slice(1)}`;

describe.each(surfaces)('$path', ({ path, body }) => {
  const isChat = path !== '/v1/responses';
  const input = isChat ? 'messages' : 'input';
  const bound = isChat ? 'max_tokens' : 'max_output_tokens';
  const refused = (more: object) => rig.refused(path, { ...body, ...more });
  const refusedRaw = (members: string) => rig.refused(path, withRaw(body, members));
  const saying = (content: unknown): object =>
    isChat ? { messages: [{ role: 'user', content }] } : { input: [{ role: 'user', content }] };
  const contentParam = isChat ? 'messages[0].content' : 'input[0].content';

  test.each([
    { name: 'truncated', text: JSON.stringify(body).slice(0, -1) },
    { name: 'empty', text: '' },
    { name: 'behind a byte order mark', text: `\ufeff${JSON.stringify(body)}` },
    { name: 'NaN', text: withRaw(body, '"temperature":NaN') },
    { name: 'a trailing comma', text: `${JSON.stringify(body).slice(0, -1)},}` },
    { name: 'single quotes', text: "{'model':'single'}" },
  ])('H1 JSON that is none: $name', async ({ text }) => {
    expect(await rig.refused(path, text)).toMatchObject({ status: 400, code: 'invalid_json' });
  });

  test('H1 bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const response = await fetch(`${rig.client.base}${path}`, {
      method: 'POST',
      body: bytes,
      headers: { authorization: `Bearer ${rig.key}` },
    });
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'invalid_json' } }]);
  });

  test.each(['[', '{"a":'])('H2 4 MB of nested %s', async (open) => {
    const text = open.repeat(Math.floor((limits.messageBytesMax - 10) / open.length));
    expect(await rig.refused(path, text)).toMatchObject({ status: 400, code: 'json_too_deep' });
  });

  test.each([
    { name: 'arrays of depth 64', unit: `${'['.repeat(62)}${']'.repeat(62)}` },
    { name: 'objects of depth 64', unit: `${'{"a":'.repeat(62)}1${'}'.repeat(62)}` },
    { name: 'empty texts', unit: '""' },
  ])('4 MiB of $name are too many values', async ({ unit }) => {
    const many = `${unit},`.repeat(Math.floor((limits.messageBytesMax - 400) / (unit.length + 1)));
    const error = await refusedRaw(`"metadata":[${many}0]`);
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  test('4,096 messages of 900 characters are read', async () => {
    const message = { type: 'message', id: 'm', status: 'completed', role: 'user', content: 'a'.repeat(900) };
    const error = await refused({ [input]: Array.from({ length: limits.inputItemsMax }, () => message) });
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  });

  test.each(['[1]', '"a"', 'null', '7'])('a body that is no object: %s', async (text) => {
    expect(await rig.refused(path, text)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test.each([
    '"__proto__":{"a":1}',
    '"constructor":1',
    '"model":"a"',
    '"\\u006dodel":"a"',
    '"metadata":{"a":"b","a":"c"}',
  ])('H6 keys: %s', async (members) => {
    expect(await refusedRaw(members)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test.each([
    { members: '"temperature":1e400', param: 'temperature' },
    { members: '"top_p":-1e400', param: 'top_p' },
    ...(isChat ? [{ members: '"seed":9007199254740993', param: 'seed' }] : []),
    { members: `"${isChat ? 'max_completion_tokens' : 'top_logprobs'}":9007199254740993`, param: undefined },
  ])('H7 numbers that JSON cannot hold: $members', async ({ members, param }) => {
    const error = await refusedRaw(members);
    expect(error).toMatchObject({ status: 400, code: 'value_out_of_range' });
    if (param !== undefined) expect(error.param).toBe(param);
  });

  test.each([-1, 0, 1e9, 2 ** 31, 2 ** 53])('H9 an output of %d tokens', async (tokens) => {
    const error = await refused({ [bound]: tokens });
    expect(error).toEqual({ status: 400, code: 'value_out_of_range', param: bound });
  });

  test.each(['2', 1.5, true, [2], {}])('H9 an output of %p tokens', async (tokens) => {
    expect(await refused({ [bound]: tokens })).toEqual({ status: 400, code: 'invalid_request', param: bound });
  });

  test.each([-1, 3, '1', []])('H11 temperature %p', async (temperature) => {
    expect(await refused({ temperature })).toMatchObject({ status: 400, param: 'temperature' });
  });

  test.each([0, -1, 2, '1'])('H11 top_p %p', async (value) => {
    expect(await refused({ top_p: value })).toMatchObject({ status: 400, param: 'top_p' });
  });

  test.each([
    { logit_bias: { 50_256: 1e6 } },
    { prompt_logprobs: -1 },
    { top_logprobs: 1e6 },
    { top_logprobs: -1 },
    { metadata: { a: 1 } },
    { metadata: { a: 'b'.repeat(513) } },
    { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v'])) },
    { service_tier: 'constructor' },
    { stream: 'yes' },
    { model: 7 },
    { model: '' },
  ])('H11 parameters: %j', async (more) => {
    const error = await refused(more);
    expect([error.status, error.param]).toEqual([400, Object.keys(more)[0]]);
  });

  test.each(['n_discard', 'id_slot', 'cache_prompt', 'grammar', 'chat_template_kwargs', 'vllm_xargs'])(
    'H13 the engine switch %s',
    async (name) => {
      expect(await refused({ [name]: 1 })).toEqual({ status: 400, code: 'unknown_parameter', param: name });
    },
  );

  test('H14 images, sound and files are refused, and nothing is fetched', async () => {
    let fetched = 0;
    const lure = createServer((_, response) => {
      fetched += 1;
      response.end();
    });
    await new Promise<void>((resolve) => lure.listen(0, '127.0.0.1', resolve));
    const { port } = lure.address() as AddressInfo;
    const urls = [
      `http://127.0.0.1:${port}/a.png`,
      'http://169.254.169.254/',
      'file:///etc/passwd',
      'data:image/png;,',
    ];
    const partsOf = (url: string): object[] =>
      isChat
        ? [
            { type: 'image_url', image_url: { url } },
            { type: 'input_audio', input_audio: { data: url, format: 'wav' } },
            { type: 'file', file: { file_data: url } },
          ]
        : [
            { type: 'input_image', image_url: url },
            { type: 'input_file', file_url: url },
            { type: 'input_audio', data: url },
          ];
    for (const part of urls.flatMap(partsOf)) {
      const error = await refused(saying([part]));
      expect(error).toEqual({ status: 400, code: 'unsupported_modality', param: `${contentParam}[0].type` });
    }
    await new Promise((resolve) => lure.close(resolve));
    expect(fetched).toBe(0);
  });

  const schemas = {
    'a reference to itself': { $ref: '#' },
    'a remote reference': { $ref: 'https://evil.example/schema.json' },
    'a pattern that backtracks': { type: 'string', pattern: '(a+)+$' },
    '10,000 properties': {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`p${index}`, {}])),
    },
  };
  test.each(Object.entries(schemas))('H15 a schema with %s', async (_, schema) => {
    const format = isChat
      ? { response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } }
      : { text: { format: { type: 'json_schema', name: 'n', schema } } };
    expect(await refused(format)).toMatchObject({
      status: 400,
      code: 'schema_too_complex',
      param: expect.stringMatching(/^(response_format|text\.format)/),
    });
  });

  test.each([{ type: 'function' }, 'function', 7])('H16 tools that are no list: %p', async (tools) => {
    expect((await refused({ tools })).status).toBe(400);
  });

  test.each([
    { name: 'NUL', text: 'a\0b' },
    { name: 'a context full of U+202E', text: '\u202e'.repeat(120_000) },
    { name: 'words of templates', text: '<|im_start|>system\n<|endoftext|></s>[INST]' },
    {
      name: 'text like our own events',
      text: 'event: response.completed\nid: 1\ndata: {"type":"x"}\n\ndata: [DONE]\n\n',
    },
  ])('H17 $name is data', async ({ text }) => {
    const response = await rig.client.post(path, { ...body, ...saying(text) });
    expect(response.status).toBe(200);
    await response.text();
  });

  test('H17 1 MB of U+202E is longer than the context, and nothing else', async () => {
    const error = await refused(saying('\u202e'.repeat(350_000)));
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  });

  test('H17 a lone surrogate', async () => {
    const error = await rig.refused(path, JSON.stringify({ ...body, ...saying('a\ud800') }));
    expect(error).toEqual({ status: 400, code: 'invalid_request', param: contentParam });
  });

  test.each(['nope', '../single', 'single\0', 'a'.repeat(100_000)])('H18 the model %p', async (model) => {
    expect(await refused({ model })).toEqual({ status: 404, code: 'model_not_found', param: 'model' });
  });

  test('H18 a tier that the key may not use', async () => {
    const other = new HttpClient(rig.client.base, rig.platform.keyOf('globex'));
    const response = await other.post(path, { ...body, service_tier: 'ultrafast' });
    const { error } = (await response.json()) as { error: object };
    expect([response.status, error]).toMatchObject([403, { code: 'tier_required', param: 'service_tier' }]);
    const allowed = await other.post(path, { ...body, service_tier: 'flex' });
    expect([allowed.status, allowed.headers.get('x-reticle-served-tier')]).toEqual([200, 'flex']);
    await allowed.text();
  });

  test(`too many ${input}`, async () => {
    const message = { role: 'user', content: 'a' };
    const error = await refused({ [input]: Array.from({ length: limits.inputItemsMax + 1 }, () => message) });
    expect(error).toEqual({ status: 400, code: 'invalid_request', param: input });
  });

  test('H10 exactly the context is served, and one token more is refused with both numbers', async () => {
    const text = 'word '.repeat(70_000);
    const first = await rig.client.post(path, { ...body, ...saying(text), [bound]: 1 });
    const { usage } = (await first.json()) as { usage: { input_tokens?: number; prompt_tokens?: number } };
    const prompt = usage.input_tokens ?? usage.prompt_tokens ?? 0;
    expect(prompt).toBeGreaterThan(CONTEXT_TOKENS / 2);
    const room = CONTEXT_TOKENS - prompt;
    const over = await rig.client.post(path, { ...body, ...saying(text), [bound]: room + 1 });
    const { error } = (await over.json()) as { error: { code: string; message: string } };
    expect([over.status, error.code]).toEqual([400, 'context_length_exceeded']);
    expect(error.message).toContain(`limit ${CONTEXT_TOKENS}, requested ${CONTEXT_TOKENS + 1}`);
    const leave = new AbortController();
    const { signal } = leave;
    const exact = await rig.client.post(path, { ...body, ...saying(text), [bound]: room, stream: true }, { signal });
    expect(exact.status).toBe(200);
    leave.abort();
    await rig.platform.untilIdle();
  });
});

describe('Chat alone', () => {
  const [, chat] = surfaces;
  const refused = (more: object) => rig.refused(chat.path, { ...chat.body, ...more });

  test.each([0, -1, 9, 2 ** 31])('H8 n = %d', async (n) => {
    expect(await refused({ n })).toEqual({ status: 400, code: 'value_out_of_range', param: 'n' });
  });

  test.each([1.5, '2', [2], true])('H8 n = %p', async (n) => {
    expect(await refused({ n })).toEqual({ status: 400, code: 'invalid_request', param: 'n' });
  });

  test.each([
    ['a thousand', Array.from({ length: 1_000 }, (_, index) => `s${index}`)],
    ['an empty one', ''],
    ['an empty one in a list', ['a', '']],
    ['a long one', 'a'.repeat(257)],
    ['a number', 7],
    ['numbers', [1]],
  ])('H11 stop: %s', async (_, stop) => {
    expect(await refused({ stop })).toMatchObject({ status: 400, param: 'stop' });
  });
});

describe('Chat tools', () => {
  const [, chat] = surfaces;

  test.each([
    { name: 'a name of 64 KiB', tools: [{ type: 'function', function: { name: 'a'.repeat(65_536), parameters: {} } }] },
    {
      name: '1,000 of them',
      tools: Array.from({ length: 1_000 }, (_, at) => ({ type: 'function', function: { name: `t${at}` } })),
    },
    { name: 'no type', tools: [{ name: 'a' }] },
  ])('H16 tools: $name', async ({ tools }) => {
    expect((await rig.refused(chat.path, { ...chat.body, tools })).status).toBe(400);
  });
});
