/** Hostile upgrades and frames, byte by byte over TCP (PROMISES §7.2). After each the same server serves a normal turn. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import {
  flatChain,
  frameOf,
  maskedFrame,
  opcode,
  RawWebSocket,
  SocketClient,
  startTestPlatform,
  type RawFrame,
  type TestPlatform,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

let platform: TestPlatform;
let victim: SocketClient;
const sockets: RawWebSocket[] = [];

beforeAll(async () => {
  platform = await startTestPlatform({ chains: [flatChain(2_000, { servedName: 'single' })] });
  victim = await SocketClient.open(platform.httpOf(), platform.keyOf('globex'));
});
afterAll(async () => {
  victim.socket.terminate();
  for (const { socket } of sockets) socket.destroy();
  await platform[Symbol.asyncDispose]();
});

const turn = { model: 'single', input: 'Hi', max_output_tokens: 3 };

/** Another tenant's socket, open all the time, has its turn as ever. */
afterEach(async () => {
  victim.create(turn);
  expect(await victim.terminal()).toMatchObject({ type: 'response.incomplete' });
});

async function raw(headers: readonly string[] = [], target?: string): Promise<RawWebSocket> {
  const authorization = `authorization: Bearer ${platform.keyOf('acme')}`;
  const all = headers.some((line) => line.startsWith('authorization')) ? headers : [authorization, ...headers];
  const socket = await RawWebSocket.open(platform.httpOf(), all, target);
  sockets.push(socket);
  return socket;
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('frames', () => {
  test('W1: a header that claims more than the limit closes with 1009', async () => {
    const socket = await raw();
    const claims = limits.messageBytesMax + 1;
    socket.socket.write(frameOf({ opcode: opcode.text, payload: bytes('{"type":'), claims }));
    expect(await socket.closed()).toBe(1_009);
  });

  test('W2: text that is no UTF-8 closes with 1007', async () => {
    const socket = await raw();
    socket.socket.write(maskedFrame(opcode.text, Uint8Array.of(0xff, 0xfe, 0xc0)));
    expect(await socket.closed()).toBe(1_007);
  });

  test.each<RawFrame & { readonly name: string }>([
    { name: 'unmasked', opcode: opcode.text, payload: bytes('{}'), mask: false },
    { name: 'RSV1', opcode: opcode.text, payload: bytes('{}'), rsv: 4 },
    { name: 'opcode 3', opcode: opcode.reserved, payload: bytes('{}') },
    { name: 'orphan continuation', opcode: opcode.continuation, payload: bytes('{}') },
    { name: '126-byte ping', opcode: opcode.ping, payload: Buffer.alloc(126) },
    { name: 'close 1005', opcode: opcode.close, payload: Uint8Array.of(1_005 >> 8, 1_005 & 255) },
  ])('W3: $name closes with 1002', async (frame) => {
    const socket = await raw();
    socket.socket.write(frameOf(frame));
    expect(await socket.closed()).toBe(1_002);
  });

  test('W4: 200,000 empty fragments close with 1008', async () => {
    const socket = await raw();
    const empty = frameOf({ opcode: opcode.continuation, payload: new Uint8Array(), fin: false });
    socket.socket.write(frameOf({ opcode: opcode.text, payload: new Uint8Array(), fin: false }));
    socket.socket.write(Buffer.concat(Array.from({ length: 200_000 }, () => empty)));
    expect(await socket.closed()).toBe(1_008);
  });

  test.each([
    { name: 'binary', code: opcode.binary, payload: '{"type":"response.create"}' },
    { name: 'empty', code: opcode.text, payload: '' },
    { name: 'whitespace', code: opcode.text, payload: ' \n\t ' },
    { name: 'half a document', code: opcode.text, payload: '{"type":' },
  ])('W10: a frame that is $name is invalid_json, and the socket stays', async ({ code, payload }) => {
    const socket = await raw();
    socket.socket.write(maskedFrame(code, payload));
    expect(await socket.message(({ type }) => type === 'error')).toMatchObject({ error: { code: 'invalid_json' } });
    socket.socket.write(maskedFrame(opcode.text, JSON.stringify({ type: 'response.create', ...turn })));
    await socket.message(({ type }) => type === 'response.incomplete');
  });

  test('nesting past the limit is refused without being parsed', async () => {
    const socket = await raw();
    socket.socket.write(maskedFrame(opcode.text, `${'['.repeat(200_000)}`));
    expect(await socket.message(({ type }) => type === 'error')).toMatchObject({ error: { code: 'json_too_deep' } });
  });

  test('W17: 5,000 pings close with 1008 once the budget is spent', async () => {
    const socket = await raw();
    const ping = maskedFrame(opcode.ping, 'x');
    socket.socket.write(Buffer.concat(Array.from({ length: 5_000 }, () => ping)));
    expect(await socket.message(({ type }) => type === 'error')).toMatchObject({ error: { code: 'protocol_abuse' } });
    expect(await socket.closed()).toBe(1_008);
    expect(socket.frames.filter((frame) => frame.opcode === opcode.pong).length).toBeLessThan(100);
    await socket.ended();
  });

  test('a few pings are answered', async () => {
    const socket = await raw();
    socket.socket.write(maskedFrame(opcode.ping, 'abc'));
    socket.socket.write(maskedFrame(opcode.text, '{}'));
    await socket.message(({ type }) => type === 'error');
    expect(socket.frames[0]).toMatchObject({ opcode: opcode.pong, payload: bytes('abc') });
  });
});

describe('upgrades', () => {
  test('W5: 1,500 header fields are 431', async () => {
    const socket = await raw(Array.from({ length: 1_500 }, (_, index) => `a${index}: b`));
    expect(socket.status).toBe(431);
  });

  test('W5: fields within the bytes and past their number are 431 as well', async () => {
    const socket = await raw(Array.from({ length: 100 }, (_, index) => `a${index}: b`));
    expect([socket.status, (await socket.refusal()).code]).toEqual([431, 'request_too_large']);
  });

  test.each(['https://evil.example', 'null', 'own.evil.example', ''])('W6: Origin "%s" is 403', async (origin) => {
    const { host } = new URL(platform.httpOf());
    const given = origin.startsWith('own') ? `http://${host}.evil.example` : origin;
    const socket = await raw([`origin: ${given}`]);
    expect(socket.status).toBe(403);
    await socket.ended();
  });

  test('W6: the own origin connects', async () => {
    expect((await raw([`origin: ${platform.httpOf()}`])).status).toBe(101);
  });

  test.each([
    { name: 'a cookie alone', headers: ['authorization:', 'cookie: key=rtk_x'] },
    { name: 'no credential', headers: ['authorization:'] },
    { name: 'a wrong key', headers: ['authorization: Bearer rtk_test_x'] },
  ])('W7: $name is 401', async ({ headers }) => {
    const socket = await raw(headers);
    expect([socket.status, (await socket.refusal()).code]).toEqual([401, 'invalid_api_key']);
  });

  test('W7: two keys that differ are 400, as on every HTTP surface (H19)', async () => {
    const socket = await raw(['authorization: Bearer a', 'authorization: Bearer b']);
    expect([socket.status, (await socket.refusal()).code]).toEqual([400, 'invalid_request']);
  });

  test('W8: a key in the URL is 400, and is not logged', async () => {
    const secret = 'rtk_test_canary';
    const socket = await raw([], `/v1/responses?api_key=${secret}`);
    expect([socket.status, (await socket.refusal()).code]).toEqual([400, 'credential_in_url']);
    expect(JSON.stringify(platform.logger.records)).not.toContain(secret);
  });

  test('W9: permessage-deflate is not accepted', async () => {
    const socket = await raw(['sec-websocket-extensions: permessage-deflate; client_max_window_bits']);
    expect([socket.status, socket.header('sec-websocket-extensions')]).toEqual([101, undefined]);
    expect(socket.header('x-request-id')).toMatch(/^[a-z2-7]{26}$/);
    socket.socket.write(maskedFrame(opcode.text, JSON.stringify({ type: 'response.create', ...turn })));
    await socket.message(({ type }) => type === 'response.incomplete');
  });

  test('the subprotocol of browsers is chosen among others', async () => {
    const socket = await raw(['sec-websocket-protocol: other, reticle.v1']);
    expect([socket.status, socket.header('sec-websocket-protocol')]).toEqual([101, 'reticle.v1']);
  });

  test.each([
    '//v1/responses',
    '/v1/../admin',
    '/v1/%2e%2e/admin',
    '/v1/responses/',
    '/v1/responses%2f',
    'http://example.org/v1/responses',
    '/v1/models',
  ])('W21: %s is 404', async (target) => {
    const socket = await raw([], target);
    expect(socket.status).toBe(404);
    await socket.ended();
  });

  test('W21: without a key no path says whether it is there', async () => {
    const statuses = ['/v1/responses', '/v1/nope', '//v1/responses'].map(
      async (target) => (await raw(['authorization:'], target)).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 401, 401]);
  });

  test.each([
    { name: 'malformed', host: 'host: a b' },
    { name: 'doubled', host: 'host: x\r\nhost: y' },
  ])('W21: a Host that is $name is no way in', async ({ host }) => {
    const socket = await raw([host, 'origin: http://x']);
    expect([400, 403]).toContain(socket.status);
  });
});
