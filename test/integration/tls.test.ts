/** The OpenAI surfaces over TLS (PROTOCOL §4.1a): what a handshake may be, and that every limit of the plain server holds. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { connect as connectSecure, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { allEvents, bounded, certified, deltaText, flatChain, SocketClient, startTestPlatform } from '../kit/index.ts';
import { head, HttpRig, refusalOf } from './http-rig.ts';
import { deltas, hiText } from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const HALF_OPEN = 200;
const TOKENS = 40;
const TURN = { model: 'single', input: 'Hi', max_output_tokens: TOKENS };
const pair = certified();
const ca = pair.certificate;

let rig: HttpRig;

beforeAll(async () => {
  const httpTimeouts = { handshakeMs: 1_500, headersMs: 1_500, requestMs: 2_000, checkMs: 100, lingerMs: 200 };
  const chains = [flatChain(2_000, { servedName: 'single' })];
  rig = new HttpRig(await startTestPlatform({ chains, httpTimeouts, tls: pair }), ca);
});
afterEach(() => rig.stillServes());
afterAll(() => rig.platform[Symbol.asyncDispose]());

const port = (): number => Number(new URL(rig.platform.httpOf()).port);

/** A handshake as the options say; rejects with what the server says to it. */
async function handshake(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectSecure({ host: '127.0.0.1', port: port(), ca, ...options });
  const shaken = new Promise<TLSSocket>((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
  return bounded(shaken, 'a handshake');
}

/** A TCP connection that sends these bytes, and what comes back until its end. */
function plain(bytes: string | Uint8Array): { readonly socket: Socket; readonly ended: Promise<string> } {
  const socket = connect({ host: '127.0.0.1', port: port() });
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  if (bytes.length > 0) socket.write(bytes);
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return { socket, ended: bounded(ended, 'the end of a connection') };
}

describe('a turn over TLS', () => {
  test('is the same over SSE', async () => {
    const response = await rig.client.post('/v1/responses', { ...TURN, stream: true });
    expect(response.status).toBe(200);
    const events = await allEvents(response);
    expect([deltaText(events), events.at(-1)?.type]).toEqual([hiText(TOKENS), 'response.incomplete']);
  });

  test('is the same over WebSocket', async () => {
    const client = await SocketClient.open(rig.platform.httpOf(), rig.key, { ca });
    client.create(TURN);
    await client.until('response.incomplete');
    expect(deltas(client.events)).toBe(hiText(TOKENS));
    client.close();
    expect((await client.closed()).code).toBe(1_005);
  });

  test.each([
    { origin: 'https://127.0.0.1', want: 'open' },
    { origin: 'http://127.0.0.1', want: '403' },
    { origin: 'https://evil.example', want: '403' },
  ])('of a page of $origin: $want', async ({ origin, want }) => {
    const headers = { origin: origin.endsWith('1') ? `${origin}:${port()}` : origin };
    const opened = SocketClient.open(rig.platform.httpOf(), rig.key, { ca, headers });
    const outcome = await opened.then(
      (client) => {
        client.close();
        return 'open';
      },
      (error: Error) => /\d{3}$/.exec(error.message)?.[0],
    );
    expect(outcome).toBe(want);
  });
});

describe('a page over TLS', () => {
  test('gets a ticket for its own origin, and connects with it', async () => {
    const origin = rig.platform.httpOf();
    const body = JSON.stringify({ code: await rig.platform.codeOf('acme') });
    const lines = ['POST /v1/tickets HTTP/1.1', `host: ${new URL(origin).host}`, `origin: ${origin}`];
    const given = await rig.raw([...lines, 'connection: close', `content-length: ${body.length}`], body);
    const [, ticket = ''] = /"ticket":"([^"]+)"/.exec(given.body) ?? [];
    const protocols = ['reticle.v1', `reticle-ticket.${ticket}`];
    const client = await SocketClient.open(rig.platform.httpOf(), '', { ca, headers: { origin }, protocols });
    client.create(TURN);
    await client.until('response.incomplete');
    expect(deltas(client.events)).toBe(hiText(TOKENS));
    client.close();
  });

  test('of the same host without TLS gets none', async () => {
    const headers = { origin: rig.platform.httpOf().replace('https', 'http') };
    expect((await rig.client.post('/v1/tickets', {}, { headers })).status).toBe(403);
  });
});

describe('a handshake', () => {
  test.each<{ name: string; options: ConnectionOptions; want: readonly [protocol: string, alpn: string | false] }>([
    { name: 'TLS 1.3', options: {}, want: ['TLSv1.3', false] },
    { name: 'TLS 1.2', options: { maxVersion: 'TLSv1.2' }, want: ['TLSv1.2', false] },
    { name: 'HTTP/2 or 1.1', options: { ALPNProtocols: ['h2', 'http/1.1'] }, want: ['TLSv1.3', 'http/1.1'] },
  ])('takes $name', async ({ options, want }) => {
    const socket = await handshake(options);
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual(want);
    socket.destroy();
  });

  const old: ConnectionOptions = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' };
  test.each<{ name: string; options: ConnectionOptions; want: string }>([
    { name: 'TLS 1.1', options: { ...old, maxVersion: 'TLSv1.1' }, want: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' },
    { name: 'TLS 1.0', options: { ...old, maxVersion: 'TLSv1' }, want: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' },
    { name: 'HTTP/2 alone', options: { ALPNProtocols: ['h2'] }, want: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' },
    {
      name: 'keys without forward secrecy',
      options: { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' },
      want: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    },
    {
      name: 'no authenticated encryption',
      options: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
      want: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    },
  ])('refuses $name', async ({ options, want }) => {
    await expect(handshake(options)).rejects.toMatchObject({ code: want });
  });

  test('of a client that trusts nobody ends with the client', async () => {
    await expect(handshake({ ca: [] })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  });
});

/** The beginning of a ClientHello of TLS 1.2 on the record layer. */
const HELLO = Buffer.from('1603010200010001fc0303', 'hex');

describe('what is no handshake', () => {
  test('a plain request is told so', async () => {
    const body = /\r\n\r\n(.*)$/s.exec(await plain('GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n').ended)?.[1] ?? '';
    expect(JSON.parse(body)).toMatchObject({
      error: { code: 'invalid_request', message: expect.stringContaining('https://') },
    });
  });

  test.each([
    { name: 'noise', bytes: Buffer.alloc(64, 0xff) },
    { name: 'a broken handshake', bytes: Buffer.concat([HELLO, Buffer.alloc(1_024, 1)]) },
    { name: 'an alert', bytes: Buffer.from('15030300020228', 'hex') },
    { name: 'the preface of HTTP/2', bytes: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
  ])('$name ends the connection', async ({ bytes }) => {
    expect(await plain(bytes).ended).not.toContain('200');
  });

  test.each([
    { name: 'nothing', bytes: Buffer.alloc(0) },
    { name: 'the half of a handshake', bytes: HELLO },
  ])('$name is closed in bounded time', async ({ bytes }) => {
    await plain(bytes).ended;
  });

  test(`${HALF_OPEN} halves of handshakes keep nobody out, and are closed`, async () => {
    const halves = Array.from({ length: HALF_OPEN }, () => plain(HELLO));
    await Promise.all(halves.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
    const response = await rig.client.post('/v1/responses', { ...TURN, stream: true });
    expect(deltaText(await allEvents(response))).toBe(hiText(TOKENS));
    await Promise.all(halves.map(({ ended }) => ended));
  });
});

describe('limits of requests', () => {
  test('headers that never end', async () => {
    const raw = await rig.connect();
    raw.send('POST /v1/responses HTTP/1.1\r\nhost: a\r\nx-a: ');
    expect(refusalOf(await raw.answer()).status).toBe(408);
    await raw.closed();
  });

  test('a connection that says nothing after its handshake', async () => {
    await (await rig.connect()).closed();
  });

  test('headers that are too large', async () => {
    const raw = await rig.connect();
    raw.send('POST /v1/responses HTTP/1.1\r\nhost: a\r\n');
    for (let index = 0; index < 3_000 && !raw.isClosed; index++) raw.send(`x-${index}: abcdefgh\r\n`);
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 431, code: 'request_too_large' });
  });

  test('a body that trickles', async () => {
    const raw = await rig.connect();
    raw.send(`${head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, 'content-length: 99'])}{"mod`);
    expect(refusalOf(await raw.answer()).status).toBe(408);
    await raw.closed();
  });

  test('a length above the body', async () => {
    const raw = await rig.connect();
    raw.send(`${head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, 'content-length: 99'])}{"mod`);
    raw.halfClose();
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 400, code: 'invalid_request' });
    await raw.closed();
  });

  test('a length and chunks', async () => {
    const lines = ['content-length: 5', 'transfer-encoding: chunked'];
    const raw = await rig.connect();
    raw.send(`${head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, ...lines])}0\r\n\r\n`);
    expect(refusalOf(await raw.answer())).toMatchObject({ status: 400, code: 'invalid_request' });
    await raw.closed();
  });

  test('a client that goes away in its turn: the turn is cut', async () => {
    const raw = await rig.connect();
    const text = JSON.stringify({ model: 'single', input: 'Hi', stream: true });
    raw.send(head(['POST /v1/responses HTTP/1.1', 'host: a', rig.bearer, `content-length: ${text.length}`]) + text);
    await raw.until('\r\n\r\n');
    raw.destroy();
    await rig.platform.untilIdle();
  });
});

test('the key stands in no log', () => {
  const text = JSON.stringify(rig.platform.logger.records);
  expect([text.includes('PRIVATE KEY'), text.includes(rig.key)]).toEqual([false, false]);
});
