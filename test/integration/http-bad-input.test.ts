/** Hostile HTTP against a real server (PROMISES §7.2, rows H3–H5, H19, H24–H27, W21): each is refused, and the server serves on. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { limits } from '@reticle/proto/contract';
import { bounded, flatChain, startTestPlatform } from '../kit/index.ts';
import { head, HttpRig, refusalOf } from './http-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const MIB = 1_024 * 1_024;
const QUIET_CONNECTIONS = 1_000;
const BODY = JSON.stringify({ model: 'single', input: 'Hi', max_output_tokens: 2 });
const LENGTH = `content-length: ${BODY.length}`;

let rig: HttpRig;

beforeAll(async () => {
  const httpTimeouts = { headersMs: 2_000, requestMs: 3_000, checkMs: 100, lingerMs: 200 };
  rig = new HttpRig(await startTestPlatform({ chains: [flatChain(2_000, { servedName: 'single' })], httpTimeouts }));
});
afterEach(() => rig.stillServes());
afterAll(() => rig.platform[Symbol.asyncDispose]());

describe('H3 bodies and their lengths', () => {
  test('H3 more than 4 MiB, with its length', async () => {
    expect(await rig.refused('/v1/responses', 'a'.repeat(limits.messageBytesMax + 1))).toMatchObject({
      status: 413,
      code: 'request_too_large',
    });
  });

  test('H3 a length above the limit is refused before a byte of the body', async () => {
    const answer = await rig.post([`content-length: ${limits.messageBytesMax + 1}`], '');
    expect(refusalOf(answer)).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  test('H3 endless chunks are cut at the limit', async () => {
    const raw = await rig.connect();
    raw.send(head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, 'transfer-encoding: chunked']));
    const chunk = `${(64 * 1_024).toString(16)}\r\n${'a'.repeat(64 * 1_024)}\r\n`;
    const sent = (async () => {
      for (let count = 0; !raw.isClosed && count < 4_096; count++) {
        raw.send(chunk);
        await new Promise(setImmediate);
      }
    })();
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 413, code: 'request_too_large' });
    await raw.closed();
    await sent;
  });

  test('H3 a length above the body', async () => {
    const raw = await rig.connect();
    const lines = ['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, `content-length: ${BODY.length + 10}`];
    raw.send(head(lines) + BODY);
    raw.halfClose();
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 400, code: 'invalid_request' });
    await raw.closed();
  });

  test('H3 a length below the body', async () => {
    const raw = await rig.connect();
    const lines = ['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, `content-length: ${BODY.length - 10}`];
    raw.send(head(lines) + BODY);
    expect(refusalOf(await raw.answer()).status).toBe(400);
    await raw.closed();
  });
});

describe('H4 requests that two servers read differently', () => {
  test.each([
    { name: 'a length and chunks', more: ['content-length: 5', 'transfer-encoding: chunked'] },
    { name: 'two lengths', more: ['content-length: 5', 'content-length: 6'] },
    { name: 'a coding beside chunks', more: ['transfer-encoding: chunked, identity'] },
    { name: 'a space before the colon', more: ['content-length : 5'] },
    { name: 'a folded field', more: ['x-a: b', ' c'] },
    { name: 'a bare CR', more: ['x-a: b\rx-c: d'] },
    { name: 'a bare LF before a field', more: ['x-a: b\n\rX: c'] },
    { name: 'a NUL in a field', more: ['x-a: b\0c'] },
  ])('H4 $name', async ({ more }) => {
    const raw = await rig.connect();
    raw.send(`${head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, ...more])}0\r\n\r\n`);
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 400, code: 'invalid_request' });
    await raw.closed();
  });

  test('H4 CRLF X as the end of the headers', async () => {
    const raw = await rig.connect();
    raw.send(`POST /v1/responses HTTP/1.1\r\nhost: a\r\n${rig.bearer}\r\n${LENGTH}\r\n\rX${BODY}`);
    expect(refusalOf(await raw.answer()).status).toBe(400);
    await raw.closed();
  });
});

describe('H5 coded bodies', () => {
  const bomb = gzipSync(Buffer.alloc(20 * MIB));
  test.each(['gzip', 'br', 'deflate', 'zstd', 'x-unknown', 'identity, gzip'])(
    'H5 %s is not expanded',
    async (coding) => {
      const raw = await rig.connect();
      raw.send(
        head([
          'POST /v1/responses HTTP/1.1',
          'host: a',
          rig.bearer,
          `content-encoding: ${coding}`,
          `content-length: ${bomb.length}`,
        ]),
      );
      raw.send(bomb);
      expect(refusalOf(await raw.answer())).toMatchObject({ status: 415, code: 'invalid_request' });
    },
  );
});

describe('H19 credentials', () => {
  const asked = (...lines: string[]) => rig.raw(['GET /v1/models HTTP/1.1', 'host: a', ...lines]);

  test('H19 bad ones are answered alike', async () => {
    const bad = [
      'Bearer',
      "Bearer rtk_test_' OR 1=1 --",
      `Bearer ${rig.key}x`,
      `Bearer ${rig.key.slice(0, -1)}`,
      'Basic YTpi',
      rig.key,
      `Bearer ${'a'.repeat(8_000)}`,
    ];
    const answers = await Promise.all(bad.map((value) => asked(`authorization: ${value}`)));
    const bodies = new Set(answers.map(({ body }) => body.replace(/"request_id":"[^"]*"/, '')));
    expect([bodies.size, ...new Set(answers.map(({ status }) => status))]).toEqual([1, 401]);
  });

  test.each([8_200, 20_000, MIB])('H19 a bearer of %i characters', async (length) => {
    const raw = await rig.connect();
    raw.send(head(['GET /v1/models HTTP/1.1', 'host: a', `authorization: Bearer ${'a'.repeat(length)}`]));
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 431, code: 'request_too_large' });
  });

  test('H19 two that differ are a conflict; the same twice proves nothing', async () => {
    const differ = await asked(rig.bearer, `authorization: Bearer ${rig.platform.keyOf('globex')}`);
    expect(refusalOf(differ)).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(refusalOf(await asked(rig.bearer, rig.bearer))).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });

  test('H19 a line break in a credential starts another field', async () => {
    expect((await asked('authorization: Bearer a', 'x-b: c')).status).toBe(401);
    expect((await asked('authorization: Bearer a\rx-b: c')).status).toBe(400);
  });

  test('too many fields', async () => {
    const fields = Array.from({ length: limits.headerFieldsMax }, (_, index) => `x-${index}: a`);
    expect(refusalOf(await asked(rig.bearer, ...fields))).toMatchObject({ status: 431, code: 'request_too_large' });
  });
});

describe('H24 a client that closes early', () => {
  test.each([
    { name: 'Responses', path: '/v1/responses', body: { model: 'single', input: 'Hi', stream: true } },
    {
      name: 'Chat',
      path: '/v1/chat/completions',
      body: { model: 'single', messages: [{ role: 'user', content: 'Hi' }], stream: true },
    },
  ])('H24 right after the headers: its turn is cut ($name)', async ({ path, body }) => {
    const raw = await rig.connect();
    const text = JSON.stringify(body);
    raw.send(head([`POST ${path} HTTP/1.1`, 'host: a', rig.bearer, `content-length: ${text.length}`]) + text);
    await raw.until('\r\n\r\n');
    const session = /x-reticle-session: (\w+)/.exec(raw.received)?.[1] ?? '';
    raw.destroy();
    await rig.platform.untilIdle();
    const bills = rig.platform.gateway.ledger.ofSession(session);
    expect(bills.length).toBe(1);
    expect(bills[0]?.throughOffset).toBeLessThan(4_000);
  });

  test('H24 with its request: no turn goes on', async () => {
    const raw = await rig.connect();
    const text = JSON.stringify({ model: 'single', input: 'Hi', stream: true });
    raw.send(head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, `content-length: ${text.length}`]) + text);
    raw.halfClose();
    raw.destroy();
    await rig.platform.untilIdle();
  });
});

describe('H25 methods and paths', () => {
  test.each([
    { method: 'DELETE', path: '/v1/responses', want: 405 },
    { method: 'TRACE', path: '/v1/models', want: 405 },
    { method: 'OPTIONS', path: '/v1/models', want: 405 },
    { method: 'PUT', path: '/v1/chat/completions', want: 405 },
    { method: 'PATCH', path: '/v1/responses', want: 405 },
    { method: 'HEAD', path: '/v1/models', want: 405 },
    { method: 'GET', path: '/admin', want: 404 },
    { method: 'GET', path: '/metrics', want: 404 },
    { method: 'GET', path: '/debug/pprof', want: 404 },
    { method: 'OPTIONS', path: '*', want: 404 },
  ])('H25 $method $path is $want with a key, and 401 without', async ({ method, path, want }) => {
    const withKey = await rig.raw([`${method} ${path} HTTP/1.1`, 'host: a', rig.bearer, 'connection: close']);
    const without = await rig.raw([`${method} ${path} HTTP/1.1`, 'host: a', 'connection: close']);
    expect([withKey.status, without.status]).toEqual([want, 401]);
    if (want === 405) expect(withKey.headers.get('allow')).toMatch(/^(GET|POST)/);
    if (want === 405 && method !== 'HEAD') expect(refusalOf(withKey).code).toBe('unimplemented');
  });

  test('H25 CONNECT makes no tunnel', async () => {
    const raw = await rig.connect();
    raw.send(head(['CONNECT 127.0.0.1:22 HTTP/1.1', 'host: a', rig.bearer]));
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 405, code: 'unimplemented' });
    await raw.closed();
  });

  test('H25 an unknown method is no request', async () => {
    expect((await rig.raw(['HACK /v1/models HTTP/1.1', 'host: a', rig.bearer])).status).toBe(400);
  });

  test('H25 a method is not overridden by a header or the query', async () => {
    const lines = ['x-http-method-override: GET', 'x-method-override: GET', 'content-length: 0'];
    const answer = await rig.raw(['POST /v1/models?_method=GET HTTP/1.1', 'host: a', rig.bearer, ...lines]);
    expect(answer.status).toBe(405);
  });
});

describe('H26, H27 what stands in front', () => {
  test('H26 forwarded addresses and underscore twins change nothing', async () => {
    const lines = ['x-forwarded-for: 127.0.0.1', 'x_forwarded_for: 10.0.0.1', 'forwarded: for=127.0.0.1'];
    const none = await rig.raw(['GET /v1/models HTTP/1.1', 'host: a', ...lines, `x_authorization: ${rig.key}`]);
    expect(none.status).toBe(401);
    const asked = await rig.raw(['GET /v1/models HTTP/1.1', 'host: a', rig.bearer, 'connection: close', ...lines]);
    expect(asked.status).toBe(200);
  });

  test.each(['GET', 'POST', 'OPTIONS', 'PUT'])('H27 %s from a page of another origin gets nothing', async (method) => {
    const lines = [`${method} /v1/responses HTTP/1.1`, 'host: evil.example', 'origin: https://evil.example'];
    const answer = await rig.raw([...lines, 'access-control-request-method: POST', 'content-length: 0']);
    expect(answer.status).toBe(401);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('W21 raw paths', () => {
  test.each([
    '//v1/responses',
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/models/',
    '/v1/models/.',
    '/V1/models',
    '/v1%2fmodels',
    '/v1/models%00',
    '/v1/models;a=b',
    'http://127.0.0.1/v1/models',
    'http://evil.example/healthz',
    '/v1/responses/..%2f..%2fadmin',
  ])('W21 %s is nothing here', async (path) => {
    expect((await rig.raw([`GET ${path} HTTP/1.1`, 'host: a', rig.bearer])).status).toBe(404);
    expect((await rig.raw([`GET ${path} HTTP/1.1`, 'host: a'])).status).toBe(401);
  });

  test.each([
    { name: 'none', lines: [] },
    { name: 'two', lines: ['host: a', 'host: b'] },
    { name: 'with a user', lines: ['host: a@b'] },
    { name: 'with a path', lines: ['host: a/b'] },
    { name: 'empty', lines: ['host: '] },
  ])('W21 a bad host ($name)', async ({ lines }) => {
    expect((await rig.raw(['GET /v1/models HTTP/1.1', ...lines, rig.bearer])).status).toBe(400);
  });

  test('a key in the URL is told, and is not looked at', async () => {
    const answer = await rig.raw([`GET /v1/models?api_key=${rig.key} HTTP/1.1`, 'host: a']);
    expect(refusalOf(answer)).toMatchObject({ status: 400, code: 'credential_in_url' });
    expect(answer.body).not.toContain(rig.key);
  });
});

describe('clients that are slow', () => {
  test('connections that say nothing are closed, and others are served meanwhile', async () => {
    const quiet = await Promise.all(Array.from({ length: QUIET_CONNECTIONS }, () => rig.connect()));
    expect((await rig.client.get('/v1/models')).status).toBe(200);
    await bounded(Promise.all(quiet.map((raw) => raw.closed())), 'all of them closed');
  });

  test('headers that never end', async () => {
    const raw = await rig.connect();
    raw.send('POST /v1/responses HTTP/1.1\r\nhost: a\r\nx-a: ');
    expect(refusalOf(await raw.answer()).status).toBe(408);
    await raw.closed();
  });

  test('headers that grow without an end', async () => {
    const raw = await rig.connect();
    raw.send('POST /v1/responses HTTP/1.1\r\nhost: a\r\n');
    for (let index = 0; index < 3_000 && !raw.isClosed; index++) raw.send(`x-${index}: abcdefgh\r\n`);
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 431, code: 'request_too_large' });
  });

  test('a body that trickles', async () => {
    const raw = await rig.connect();
    raw.send(head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, LENGTH]) + BODY.slice(0, 5));
    expect(refusalOf(await raw.answer()).status).toBe(408);
    await raw.closed();
  });
});

test('nothing of a credential or a body stands in the log', () => {
  const text = JSON.stringify(rig.platform.logger.records);
  expect([text.includes(rig.key), text.includes('OR 1=1')]).toEqual([false, false]);
});
