/** Requests and readers that come again (PROMISES §7.2, rows H21, H23). */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { allEvents, deltaText, flatChain, HttpClient, startTestPlatform, type SseEvent } from '../kit/index.ts';
import { HttpRig, surfaces } from './http-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

let rig: HttpRig;

beforeAll(async () => {
  rig = new HttpRig(await startTestPlatform({ chains: [flatChain(2_000, { servedName: 'single' })] }));
});
afterEach(() => rig.stillServes());
afterAll(() => rig.platform[Symbol.asyncDispose]());

describe('H21 Idempotency-Key', () => {
  const key = (value: string) => ({ headers: { 'idempotency-key': value } });
  const read = async (response: Response): Promise<string> => {
    expect(response.status).toBe(200);
    return response.text();
  };

  test.each(surfaces)('H21 the same body again has the same answer ($path)', async ({ path, body }) => {
    const [first, along] = await Promise.all([
      rig.client.post(path, body, key('k1')).then(read),
      rig.client.post(path, body, key('k1')).then(read),
    ]);
    const after = await rig.client.post(path, body, key('k1')).then(read);
    expect([along, after]).toEqual([first, first]);
    expect(await rig.client.post(path, body, key('k2')).then(read)).not.toBe(first);
    expect(await rig.client.post(path, body).then(read)).not.toBe(first);
  });

  test.each(surfaces)('H21 a stream again has the same text ($path)', async ({ path, body }) => {
    const streaming = { ...body, stream: true };
    const texts = await Promise.all([1, 2].map(() => rig.client.post(path, streaming, key('k3')).then(read)));
    const idOf = (text: string): string | undefined => /"id":"((?:resp_|chatcmpl-)[a-z2-7]+)"/.exec(text)?.[1];
    expect(idOf(texts[0] ?? '')).toBeDefined();
    expect(idOf(texts[1] ?? '')).toBe(idOf(texts[0] ?? ''));
  });

  test.each(surfaces)(
    'H21 another body is a conflict, for this tenant and this path ($path)',
    async ({ path, body }) => {
      await rig.client.post(path, body, key('k4')).then(read);
      const error = await rig.refused(path, { ...body, temperature: 1 }, { 'idempotency-key': 'k4' });
      expect(error).toEqual({ status: 409, code: 'idempotency_conflict', param: 'Idempotency-Key' });
      const other = new HttpClient(rig.client.base, rig.platform.keyOf('globex'));
      await other.post(path, { ...body, temperature: 1 }, key('k4')).then(read);
    },
  );

  test('H21 a request that was refused leaves its key free', async () => {
    const [{ path, body }] = surfaces;
    const refused = { ...body, max_output_tokens: 1e9 };
    for (let time = 0; time < 2; time++) {
      expect(await rig.refused(path, refused, { 'idempotency-key': 'k5' })).toMatchObject({ status: 400 });
    }
    await rig.client.post(path, body, key('k5')).then(read);
  });

  test('H21 a client that left may come again with its key', async () => {
    const [{ path, body }] = surfaces;
    const leave = new AbortController();
    const asked = { ...body, max_output_tokens: 3_000, stream: true };
    const gone = await rig.client.post(path, asked, { ...key('k6'), signal: leave.signal });
    await gone.body?.getReader().read();
    leave.abort();
    await rig.platform.untilIdle();
    const events = await allEvents(await rig.client.post(path, asked, key('k6')));
    expect(events.at(-1)?.data['response']).toMatchObject({
      incomplete_details: { reason: 'max_output_tokens' },
      usage: { output_tokens: 3_000 },
    });
  });

  test.each(['', 'a'.repeat(256), 'a b', 'é'])('H21 the key %p is none', async (value) => {
    const [{ path, body }] = surfaces;
    const error = await rig.refused(path, body, { 'idempotency-key': value });
    expect(error).toEqual({ status: 400, code: 'invalid_request', param: 'Idempotency-Key' });
  });
});

describe('H23 cursors', () => {
  let events: readonly SseEvent[];
  let id: string;

  beforeAll(async () => {
    const [{ path, body }] = surfaces;
    events = await allEvents(await rig.client.post(path, { ...body, max_output_tokens: 50, stream: true }));
    const [created] = events as readonly { data: { response?: { id: string } } }[];
    id = created?.data.response?.id ?? '';
  });

  test.each(['abc', '-1', '1.5', '1e3', '0x10', ' 1', '9'.repeat(16), ''])(
    'H23 the cursor %p is none',
    async (cursor) => {
      const query = await rig.client.get(
        `/v1/responses/${id}?stream=true&starting_after=${encodeURIComponent(cursor)}`,
      );
      expect([query.status, await query.json()]).toMatchObject([
        400,
        { error: { code: 'invalid_request', param: 'starting_after' } },
      ]);
    },
  );

  test('H23 a header says it as well, and garbage in it is refused', async () => {
    const at = events[3] as SseEvent;
    const rest = await rig.client.get(`/v1/responses/${id}?stream=true`, {
      headers: { 'last-event-id': String(at.id) },
    });
    expect(deltaText(await allEvents(rest))).toBe(deltaText(events.filter((event) => event.id > at.id)));
    const bad = await rig.client.get(`/v1/responses/${id}?stream=true`, { headers: { 'last-event-id': 'x' } });
    expect(bad.status).toBe(400);
  });

  test('H23 a cursor ahead of what was told', async () => {
    const ahead = await rig.client.get(`/v1/responses/${id}?stream=true&starting_after=${64 * 51}`);
    expect([ahead.status, await ahead.json()]).toMatchObject([400, { error: { code: 'value_out_of_range' } }]);
  });
});

describe('a Chat stream that is resumed (PROTOCOL §7)', () => {
  const [, { path, body }] = surfaces;
  const asked = { ...body, max_tokens: 600, stream: true };
  const going = { 'x-reticle-on-disconnect': 'continue' };
  const textOf = (stream: string): string =>
    [...stream.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")\}/g)]
      .map(([, text]) => JSON.parse(text ?? '') as string)
      .join('');

  test('goes on at its offset: nothing twice, nothing missing', async () => {
    const whole = textOf(await (await rig.client.post(path, asked)).text());
    const leave = new AbortController();
    const first = await rig.client.post(path, asked, { headers: going, signal: leave.signal });
    const token = first.headers.get('x-reticle-resume-token') ?? '';
    let had = '';
    for await (const chunk of (first.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      had += chunk;
      if (textOf(had).length > 100) break;
    }
    leave.abort();
    had = had.slice(0, had.lastIndexOf('\n\n') + 2);
    const offset = [...had.matchAll(/^id: (\d+)$/gm)].at(-1)?.[1] ?? '';
    const headers = { 'x-reticle-resume-token': token, 'last-event-id': offset };
    const rest = await (await rig.client.post(path, asked, { headers })).text();
    expect(textOf(had) + textOf(rest)).toBe(whole);
    expect(rest).not.toContain('"role"');
    expect(rest.endsWith('data: [DONE]\n\n')).toBe(true);
    const again = await (await rig.client.post(path, asked, { headers: { 'x-reticle-resume-token': token } })).text();
    expect(textOf(again)).toBe(whole);
    expect(await rig.refused(path, asked, { ...headers, 'last-event-id': '601' })).toMatchObject({
      code: 'value_out_of_range',
    });
    expect(await rig.refused(path, asked, { ...headers, 'last-event-id': 'x' })).toMatchObject({
      code: 'invalid_request',
      param: 'last-event-id',
    });
    expect(await rig.refused(path, { ...asked, n: 2 }, headers)).toMatchObject({ code: 'invalid_request' });
    const other = new HttpClient(rig.client.base, rig.platform.keyOf('globex'));
    const foreign = await other.post(path, asked, { headers });
    expect([foreign.status, await foreign.json()]).toMatchObject([
      400,
      { error: { code: 'previous_response_not_found' } },
    ]);
  });
});
