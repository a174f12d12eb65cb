/** JSON Web Tokens of real issuers against a real server, on every transport (PROMISES §5.1, §7 row H20). */
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { TenantAccess } from '@reticle/core/domain';
import {
  ApiClient,
  bounded,
  encodedPart,
  flatChain,
  HttpClient,
  RawHttp,
  RawWebSocket,
  SocketClient,
  sseEvents,
  startTestPlatform,
  TokenIssuer,
  type TestPlatform,
} from '../kit/index.ts';
import { head } from './http-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const HOUR_S = 3_600;
const acme: TenantAccess = { name: 'acme', suspended: false, tiers: ['fast', 'flex'] };
const REFUSED = 'no valid API key was given';

let rs: TokenIssuer;
let es: TokenIssuer;
let ed: TokenIssuer;
/** Nobody configured it; tokens point to it. */
let evil: TokenIssuer;
let platform: TestPlatform;

beforeAll(async () => {
  [rs, es, ed, evil] = await Promise.all([
    TokenIssuer.start('RS256'),
    TokenIssuer.start('ES256'),
    TokenIssuer.start('EdDSA'),
    TokenIssuer.start('RS256'),
  ]);
  const issuers = [rs, es, ed].map(({ spec }) => spec);
  platform = await startTestPlatform({
    chains: [flatChain(500, { servedName: 'single' })],
    access: { tenants: [acme], keepsPartial: [] },
    door: { issuers, allowedOrigins: ['https://app.example'], socketsPerKeyMax: 2 },
  });
});
afterEach(() => put([acme]));
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await Promise.all([rs, es, ed, evil].map((issuer) => issuer[Symbol.asyncDispose]()));
});

function put(tenants: readonly TenantAccess[], keepsPartial: readonly string[] = []): void {
  platform.gateway.replaceAccess({ keys: platform.keyRecords, tenants, keepsPartial });
}

const grpcClient = (key: string): ApiClient =>
  new ApiClient({ address: `127.0.0.1:${platform.port}`, key, model: 'single' });

async function askGrpc(token: string) {
  const client = grpcClient(token);
  const outcome = await client.call('CreateSession', { requestId: 'r', model: 'single' });
  client.close();
  return outcome;
}

async function openSocket(token: string, ...headers: string[]): Promise<RawWebSocket> {
  return RawWebSocket.open(platform.httpOf(), [`authorization: Bearer ${token}`, ...headers]);
}

/** How every transport answers a token: status, code, message. */
async function answers(token: string) {
  const http = await new HttpClient(platform.httpOf(), token).get('/v1/models');
  const socket = await openSocket(token);
  const refusal = (await socket.refusal()) as { code: string; message?: string; type?: string };
  socket.socket.destroy();
  const { error } = (await http.json()) as { error: { code: string; message: string } };
  const grpc = await askGrpc(token);
  return [
    [http.status, error],
    [socket.status, refusal],
    [grpc.grpc, grpc.code, grpc.message],
  ] as const;
}

describe('a token of a configured issuer', () => {
  test.each(['RS256', 'ES256', 'EdDSA'] as const)('%s is served over HTTP, WebSocket and gRPC', async (algorithm) => {
    const issuer = { RS256: rs, ES256: es, EdDSA: ed }[algorithm];
    const token = issuer.token({ payload: { sub: `on-every-transport-${algorithm}` } });
    const body = { model: 'single', input: 'Hi', max_output_tokens: 2 };
    const answer = await new HttpClient(platform.httpOf(), token).post('/v1/responses', body);
    expect([answer.status, await answer.json()]).toMatchObject([200, { service_tier: 'priority' }]);
    const socket = await SocketClient.open(platform.httpOf(), token);
    socket.create(body);
    await socket.until('response.incomplete');
    socket.socket.terminate();
    expect(await askGrpc(token)).toMatchObject({ grpc: 0 });
    expect(issuer.asked).toEqual(['/keys']);
  });

  test('may use the tiers of its tenant alone', async () => {
    const body = { model: 'single', input: 'Hi', max_output_tokens: 2, service_tier: 'ultrafast' };
    const answer = await new HttpClient(platform.httpOf(), rs.token()).post('/v1/responses', body);
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'tier_required' } }]);
  });
});

describe('H20 a token that is none', () => {
  const nowS = Math.floor(Date.now() / 1_000);
  const unsigned = (alg: string): string => {
    const { header, payload } = rs.parts({ header: { alg } });
    return `${encodedPart(header)}.${encodedPart(payload)}`;
  };
  const hmacOf = (body: string, secret: string): string =>
    `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;

  test.each<{ name: string; token: () => string }>([
    { name: 'alg none without a signature', token: () => `${unsigned('none')}.` },
    { name: 'alg None with one', token: () => rs.token({ header: { alg: 'None' } }) },
    { name: 'no signature', token: () => `${unsigned('RS256')}.` },
    { name: 'HS256 with the public key', token: () => hmacOf(unsigned('HS256'), JSON.stringify(rs.jwk)) },
    { name: 'HS256 with the modulus', token: () => hmacOf(unsigned('HS256'), (rs.jwk as { readonly n: string }).n) },
    { name: 'a kid that is a path', token: () => rs.token({ header: { kid: '../../' } }) },
    { name: 'a kid that is an address', token: () => rs.token({ header: { kid: `${evil.url}/keys` } }) },
    {
      name: 'jku, x5u and jwk of somebody else',
      token: () =>
        rs.token({ forged: true, header: { jku: `${evil.url}/keys`, x5u: `${evil.url}/keys`, jwk: rs.forgedJwk } }),
    },
    { name: 'a forged signature', token: () => rs.token({ forged: true }) },
    { name: 'an issuer that nobody configured', token: () => evil.token() },
    { name: 'the name of another issuer', token: () => evil.token({ payload: { iss: rs.url } }) },
    { name: 'the key of one issuer for another', token: () => rs.token({ payload: { iss: es.url } }) },
    { name: 'another audience', token: () => rs.token({ payload: { aud: 'somebody-else' } }) },
    { name: 'no audience', token: () => rs.token({ payload: { aud: undefined } }) },
    { name: 'an end that is past', token: () => rs.token({ payload: { exp: nowS - 1 } }) },
    { name: 'no end', token: () => rs.token({ payload: { exp: undefined } }) },
    { name: 'a start in an hour', token: () => rs.token({ payload: { nbf: nowS + HOUR_S } }) },
    { name: 'no start', token: () => rs.token({ payload: { nbf: undefined } }) },
    { name: 'no type', token: () => rs.token({ header: { typ: undefined } }) },
    { name: 'an unknown tenant', token: () => rs.token({ payload: { org: 'globex' } }) },
    { name: 'a name of a prototype for a tenant', token: () => rs.token({ payload: { org: '__proto__' } }) },
    { name: 'a changed payload', token: () => rs.token().replace(/\.[^.]+\./, `.${encodedPart({ org: 'acme' })}.`) },
    { name: 'two tokens', token: () => `${rs.token()}.${rs.token()}` },
    { name: 'eight thousand characters', token: () => rs.token({ payload: { pad: 'a'.repeat(5_000), aud: 'x' } }) },
  ])('$name: 401 everywhere, in one text, and nobody is asked', async ({ token }) => {
    const asked = (): number[] => [rs, es, ed, evil].map((issuer) => issuer.asked.length);
    const before = asked();
    const [http, socket, grpc] = await answers(token());
    const error = { code: 'invalid_api_key', type: 'authentication_error', message: REFUSED, param: null };
    expect(http).toEqual([401, { ...error, request_id: expect.any(String), retryable: false, retry_after_ms: null }]);
    expect(socket).toEqual([401, { ...http[1], request_id: expect.any(String) }]);
    expect(grpc).toEqual([16, 'invalid_api_key', REFUSED]);
    expect(asked()).toEqual(before);
  });

  test('10 MB: refused by its size before it is read, and the server serves on', async () => {
    const raw = await RawHttp.connect(platform.httpOf());
    raw.send(
      head(['GET /v1/models HTTP/1.1', 'host: a', `authorization: Bearer ${rs.token()}${'a'.repeat(10_000_000)}`]),
    );
    expect((await raw.answer()).status).toBe(431);
    raw.destroy();
    const good = await new HttpClient(platform.httpOf(), rs.token()).get('/v1/models');
    expect(good.status).toBe(200);
    await good.text();
  });

  test('nothing of any token is in the log', () => {
    const text = JSON.stringify(platform.logger.records);
    expect(text).not.toContain('eyJ');
    expect(text).not.toContain('someone');
  });
});

describe('a stream with a token', () => {
  test('ends with its token, on every transport', async () => {
    // `exp` may have a fraction (RFC 7519 §2).
    const token = es.token({ payload: { exp: (Date.now() + 1_500) / 1_000 } });
    const body = { model: 'single', input: 'Hi', stream: true, max_output_tokens: 20_000 };
    const response = await new HttpClient(platform.httpOf(), token).post('/v1/responses', body);
    const grpc = grpcClient(token);
    const { stream } = await grpc.open();
    const socket = await SocketClient.open(platform.httpOf(), token);
    const types: string[] = [];
    for await (const { type } of sseEvents(response)) types.push(type);
    expect(types.at(-1)).toBe('response.failed');
    expect(await stream.ended()).toMatchObject({ grpc: 16, code: 'key_revoked' });
    expect(await socket.closed()).toMatchObject({ code: 1008, reason: 'key_revoked' });
    grpc.close();
    await platform.untilIdle();
  });

  test('ends when its tenant is suspended, and is told so when it comes again', async () => {
    const token = ed.token();
    const socket = await SocketClient.open(platform.httpOf(), token);
    put([{ ...acme, suspended: true }]);
    expect(await socket.closed()).toMatchObject({ code: 1008, reason: 'key_revoked' });
    const [http, upgrade, grpc] = await answers(token);
    expect([http, upgrade]).toMatchObject([
      [401, { code: 'key_revoked' }],
      [401, { code: 'key_revoked' }],
    ]);
    expect(grpc.slice(0, 2)).toEqual([16, 'key_revoked']);
    put([acme]);
    expect(await askGrpc(token)).toMatchObject({ grpc: 0 });
  });
});

describe('a page whose user has a token', () => {
  test('opens a socket with a ticket, which ends with what the token rests on', async () => {
    const base = platform.httpOf();
    const headers = { origin: base, authorization: `Bearer ${rs.token({ payload: { sub: 'page' } })}` };
    const minted = await fetch(`${base}/v1/tickets`, { method: 'POST', headers });
    const { ticket } = (await minted.json()) as { ticket: string };
    const protocols = ['reticle.v1', `reticle-ticket.${ticket}`];
    const socket = await SocketClient.open(base, '', { protocols, headers: { origin: base } });
    socket.create({ model: 'single', input: 'Hi', max_output_tokens: 2 });
    await socket.until('response.incomplete');
    put([{ ...acme, suspended: true }]);
    expect(await socket.closed()).toMatchObject({ code: 1008, reason: 'key_revoked' });
  });
});

describe('sockets', () => {
  test('a configured origin connects, another one does not', async () => {
    const token = rs.token({ payload: { sub: 'origins' } });
    const good = await openSocket(token, 'origin: https://app.example');
    const bad = await openSocket(token, 'origin: https://app.example.evil');
    expect([good.status, bad.status]).toEqual([101, 403]);
    good.socket.destroy();
    bad.socket.destroy();
  });

  test('no more sockets of one subject than configured (W20)', async () => {
    const token = (): string => rs.token({ payload: { sub: 'many' } });
    const open = await Promise.all([openSocket(token()), openSocket(token())]);
    expect(open.map(({ status }) => status)).toEqual([101, 101]);
    const third = await openSocket(token());
    expect([third.status, (await third.refusal()).code]).toEqual([429, 'rate_limit_exceeded']);
    const other = await openSocket(rs.token({ payload: { sub: 'another' } }));
    expect(other.status).toBe(101);
    for (const { socket } of [...open, third, other]) socket.destroy();
  });

  test('what a tenant keeps of an interrupted message is its own choice', async () => {
    const socket = await SocketClient.open(platform.httpOf(), platform.keyOf('acme'));
    put([acme], ['globex']);
    const kept = await SocketClient.open(platform.httpOf(), platform.keyOf('globex'));
    const outputs = [];
    for (const client of [socket, kept]) {
      client.create({ model: 'single', input: 'Hi', max_output_tokens: 20_000 });
      const { response } = (await client.until('response.created')) as unknown as { response: { id: string } };
      await client.until('response.output_text.delta');
      client.send({ type: 'response.interrupt', response_id: response.id, discard_partial_items: true });
      const end = (await client.until('response.incomplete')) as unknown as { response: { output: unknown[] } };
      outputs.push(end.response.output.length);
      client.socket.terminate();
    }
    expect(outputs).toEqual([0, 1]);
    await bounded(platform.untilIdle(), 'idle engines');
  });
});
