import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client } from '@grpc/grpc-js';
import {
  EdgeKit,
  MIB,
  encode,
  create,
  concat,
  unknownText,
  wanted,
  ended,
  identity,
  nextMessage,
  runOf,
  SERVICE_PATH,
  SESSION_ID,
  startKit,
} from './edge-kit.ts';

let kit: EdgeKit;
let client: Client;
let victim: Awaited<ReturnType<EdgeKit['attached']>>;

beforeAll(async () => {
  kit = await startKit();
});
afterAll(() => kit[Symbol.asyncDispose]());

// Every row runs beside a stream on the same connection, which must not notice.
beforeEach(async () => {
  client = kit.client();
  victim = await kit.attached(client);
});
afterEach(async () => {
  const frame = nextMessage(victim.stream);
  victim.attachment.sink.tokens(runOf('t1', 0, 'ok'));
  expect(await frame).toMatchObject({ tokenFrame: { turnId: 't1', tokenCount: 2 } });
  expect(victim.attachment.said).toEqual([]);
  client.close();
});

describe('G9: credentials', () => {
  const valid = (): string => `Bearer ${kit.key}`;
  test.each([
    { name: 'none', fields: () => ({}), wantHint: false },
    { name: 'malformed', fields: () => ({ authorization: 'Bearer rtk_x' }), wantHint: false },
    { name: 'one character off', fields: () => ({ authorization: valid().slice(0, -1) }), wantHint: false },
    { name: 'without its scheme', fields: () => ({ authorization: kit.key }), wantHint: false },
    { name: 'in x-api-key', fields: () => ({ 'x-api-key': kit.key }), wantHint: true },
    {
      name: 'a bad one, and a good one in x-api-key',
      fields: () => ({ authorization: 'Bearer x', 'x-api-key': kit.key }),
      wantHint: false,
    },
  ])('$name', async ({ fields, wantHint }) => {
    const metadata = kit.metadata(fields());
    const outcome = await kit.unary(client, `${SERVICE_PATH}/CreateSession`, create(), metadata);
    expect(wanted(outcome)).toEqual({ grpc: 16, code: 'invalid_api_key', param: '' });
    expect(outcome.status.details).toBe('no valid API key was given');
    expect('hint' in (outcome.details?.metadata ?? {})).toBe(wantHint);
    const stream = kit.converse(client, metadata);
    expect(wanted(await ended(stream))).toMatchObject({ grpc: 16, code: 'invalid_api_key' });
  });

  // Node's client refuses to double a field by default; its types do not know the switch.
  const lax: object = { strictSingleValueFields: false };
  test.each([
    { name: 'doubled', headers: ['authorization', 'KEY', 'authorization', 'KEY'], want: '16' },
    { name: 'doubled, the second one bad', headers: ['authorization', 'KEY', 'authorization', 'Bearer x'], want: '16' },
    { name: 'a verdict of its own', headers: ['authorization', 'KEY', 'x-reticle-screening', 'size'], want: '0' },
    {
      name: 'more than 64 fields',
      headers: ['authorization', 'KEY', ...Array.from({ length: 120 }, (_, index) => `x-${index >> 1}`)],
      want: '8',
    },
    { name: 'more than 16 KiB of fields', headers: ['authorization', 'KEY', 'x-big', 'x'.repeat(17_000)], want: '8' },
  ])('raw headers, $name: status $want', async ({ headers, want }) => {
    const session = connect(`http://127.0.0.1:${kit.edge.port}`, lax);
    const fixed = [
      ':method',
      'POST',
      ':path',
      `${SERVICE_PATH}/GetSession`,
      ':scheme',
      'http',
      ':authority',
      'x',
      'content-type',
      'application/grpc',
      'te',
      'trailers',
    ];
    const stream = session.request([...fixed, ...headers.map((each) => (each === 'KEY' ? valid() : each))]);
    const body = encode('GetSessionRequest', { sessionId: SESSION_ID });
    stream.end(concat(Uint8Array.of(0, 0, 0, 0, body.length), body));
    const trailers = once(stream, 'trailers');
    const [response] = await once(stream, 'response');
    stream.resume();
    const status = response['grpc-status'] ?? (await trailers)[0]['grpc-status'];
    session.close();
    expect(String(status)).toBe(want);
  });

  test('health needs no key, reflection does', async () => {
    const health = await kit.unary(client, '/grpc.health.v1.Health/Check', new Uint8Array(), kit.metadata({}));
    expect(health.status.code).toBe(0);
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      const stream = client.makeBidiStreamRequest(path, identity, identity, kit.metadata({}));
      stream.resume();
      expect((await ended(stream)).status.code).toBe(16);
    }
  });

  test('G24: compressed messages are not accepted', async () => {
    const gzip = kit.client({ 'grpc.default_compression_algorithm': 2 });
    const outcome = await kit.unary(gzip, `${SERVICE_PATH}/CreateSession`, concat(create(), unknownText(3 * MIB)));
    expect(wanted(outcome)).toMatchObject({ grpc: 12, code: 'unimplemented' });
  });
});
