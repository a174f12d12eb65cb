import { once } from 'node:events';
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
  request,
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

describe('bad bytes in a unary call', () => {
  test.each([
    {
      id: 'G1',
      name: 'five MiB',
      input: concat(create(), unknownText(5 * MIB)),
      want: { grpc: 8, code: 'request_too_large' },
    },
    {
      id: 'G1',
      name: 'nine MiB, past the library limit',
      input: concat(create(), unknownText(9 * MIB)),
      want: { grpc: 8, code: undefined },
    },
    {
      id: 'G2',
      name: 'groups nested 200 deep',
      input: new Uint8Array(200).fill(0x4b),
      want: { grpc: 3, code: 'invalid_request' },
    },
    {
      id: 'G3',
      name: 'garbage',
      input: Uint8Array.of(0xff, 0xff, 0xff, 1, 2, 3),
      want: { grpc: 3, code: 'invalid_request' },
    },
    {
      id: 'G4',
      name: 'invalid UTF-8',
      input: concat(create(), Uint8Array.of(0x12, 2, 0xc3, 0x28)),
      want: { grpc: 3, code: 'invalid_request', param: 'model' },
    },
    {
      id: 'G5',
      name: 'a number where a text belongs',
      input: concat(create(), Uint8Array.of(0x10, 1)),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'model' },
    },
    {
      id: 'G6',
      name: 'an unknown enum value',
      input: concat(create(), Uint8Array.of(0x18, 99)),
      want: { grpc: 3, code: 'invalid_request', param: 'tier' },
    },
    {
      id: '§0',
      name: 'an id outside its alphabet',
      input: create({ requestId: 'no spaces' }),
      want: { grpc: 3, code: 'invalid_request', param: 'request_id' },
    },
    {
      id: '§0',
      name: 'an id of 65 characters',
      input: create({ requestId: 'x'.repeat(65) }),
      want: { grpc: 3, code: 'invalid_request', param: 'request_id' },
    },
    {
      id: '§0',
      name: 'no id',
      input: create({ requestId: '' }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'request_id' },
    },
    {
      id: '§0',
      name: 'a region with a wildcard',
      input: create({ allowedRegions: ['eu-1', '*'] }),
      want: { grpc: 3, code: 'invalid_request', param: 'allowed_regions[1]' },
    },
    {
      id: 'E2',
      name: 'an input item without content',
      input: create({ prefix: [{ itemJson: '{}' }, {}] }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'prefix[1]' },
    },
    {
      id: 'G7',
      name: 'a negative duration',
      input: create({ idleTtl: { seconds: -1, nanos: 0 } }),
      want: { grpc: 3, code: 'value_out_of_range', param: 'idle_ttl' },
    },
  ])('$id: $name', async ({ input, want }) => {
    const before = kit.front.calls.length;
    const outcome = await kit.unary(client, `${SERVICE_PATH}/CreateSession`, input);
    expect(wanted(outcome)).toEqual({ param: '', ...want });
    expect(kit.front.calls).toHaveLength(before);
  });

  test('G6: unknown fields are ignored', async () => {
    const outcome = await kit.unary(client, `${SERVICE_PATH}/CreateSession`, concat(create(), unknownText(MIB)));
    expect(outcome.status.code).toBe(0);
  });

  test('the answer never repeats the input', async () => {
    const outcome = await kit.unary(client, `${SERVICE_PATH}/CreateSession`, create({ requestId: 'se cret' }));
    expect(JSON.stringify([outcome.status.details, outcome.details])).not.toContain('se cret');
  });

  test.each(['GetSession', 'CloseSession', 'WarmSession', 'SignalTurn', 'CreateSession'])(
    'garbage in %s is refused with its details',
    async (method) => {
      const outcome = await kit.unary(client, `${SERVICE_PATH}/${method}`, Uint8Array.of(0x0a, 0x05));
      expect(wanted(outcome)).toMatchObject({ grpc: 3, code: 'invalid_request' });
    },
  );

  test.each([
    { name: 'an id that is none', sessionId: 'nope', want: { code: 'invalid_request', param: 'session_id' } },
    { name: 'no id', sessionId: '', want: { code: 'missing_required_parameter', param: 'session_id' } },
  ])('GetSession with $name', async ({ sessionId, want }) => {
    const outcome = await kit.unary(client, `${SERVICE_PATH}/GetSession`, encode('GetSessionRequest', { sessionId }));
    expect(wanted(outcome)).toEqual({ grpc: 3, ...want });
  });

  test.each([`${SERVICE_PATH}/Nothing`, '/reticle.other.v1.Service/CreateSession'])(
    'G8: %s is not implemented',
    async (path) => {
      expect((await kit.unary(client, path, create())).status.code).toBe(12);
    },
  );

  test('garbage for the health service is refused too', async () => {
    const outcome = await kit.unary(client, '/grpc.health.v1.Health/Check', Uint8Array.of(0xff, 0xff));
    expect(wanted(outcome)).toMatchObject({ grpc: 3, code: 'invalid_request' });
  });

  test('garbage in ReplayTurn ends that stream', async () => {
    const replay = client.makeServerStreamRequest(
      `${SERVICE_PATH}/ReplayTurn`,
      identity,
      identity,
      Uint8Array.of(0xff),
      kit.metadata(),
    );
    replay.resume();
    expect(wanted(await ended(replay))).toMatchObject({ grpc: 3, code: 'invalid_request' });
  });
});

describe('bad messages of a stream', () => {
  test.each([
    { name: 'StartTurn', message: { startTurn: { turnId: 't1' } } },
    { name: 'Flow', message: { flow: { turnId: 't1' } } },
    { name: 'nothing', message: {} },
  ])('G13: the first message is $name', async ({ message }) => {
    const stream = kit.converse(client);
    stream.write(request(message));
    expect(wanted(await ended(stream))).toEqual({ grpc: 9, code: 'session_not_open', param: '' });
  });

  test('G13: the client half-closes before Attach', async () => {
    const stream = kit.converse(client);
    stream.end();
    expect(wanted(await ended(stream))).toMatchObject({ grpc: 9, code: 'session_not_open' });
  });

  test.each([
    {
      name: 'neither session nor token',
      attach: {},
      want: { code: 'missing_required_parameter', param: 'attach.session_id' },
    },
    {
      name: 'an id that is none',
      attach: { sessionId: 'x' },
      want: { code: 'invalid_request', param: 'attach.session_id' },
    },
    {
      name: 'a bad cursor',
      attach: { sessionId: SESSION_ID, cursors: [{ turnId: 'a b' }] },
      want: { code: 'invalid_request', param: 'attach.cursors[0].turn_id' },
    },
    {
      name: 'a negative delay',
      attach: { sessionId: SESSION_ID, framePolicy: { maxDelay: { seconds: -1 } } },
      want: { code: 'value_out_of_range', param: 'attach.frame_policy.max_delay' },
    },
  ])('Attach with $name', async ({ attach, want }) => {
    const stream = kit.converse(client);
    stream.write(request({ attach }));
    expect(wanted(await ended(stream))).toEqual({ grpc: 3, ...want });
  });

  const start = (change: object): Uint8Array => request({ seq: 1, startTurn: { turnId: 't1', ...change } });
  test.each([
    {
      id: 'G14',
      name: 'a second Attach',
      input: request({ attach: { sessionId: SESSION_ID } }),
      want: { grpc: 9, code: 'session_already_open' },
    },
    {
      id: 'G1',
      name: 'five MiB',
      input: start({ input: [{ itemJson: 'x'.repeat(5 * MIB) }] }),
      want: { grpc: 8, code: 'request_too_large' },
    },
    { id: 'G3', name: 'garbage', input: Uint8Array.of(0xff), want: { grpc: 3, code: 'invalid_request' } },
    {
      id: 'G4',
      name: 'invalid UTF-8',
      input: Uint8Array.of(0x1a, 4, 0x0a, 2, 0xc3, 0x28),
      want: { grpc: 3, code: 'invalid_request', param: 'start_turn.turn_id' },
    },
    {
      id: 'G5',
      name: 'a wrong wire type',
      input: Uint8Array.of(0x1a, 2, 0x08, 1),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'start_turn.turn_id' },
    },
    {
      id: 'G6',
      name: 'an unknown enum value',
      input: Uint8Array.of(0x22, 2, 0x10, 77),
      want: { grpc: 3, code: 'invalid_request', param: 'interrupt.mode' },
    },
    {
      id: 'G7',
      name: 'max tokens of 2^63-1',
      input: Uint8Array.of(0x1a, 10, 0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
      want: { grpc: 3, code: 'invalid_request', param: 'start_turn.max_output_tokens' },
    },
    {
      id: '§0',
      name: 'a turn id outside its alphabet',
      input: start({ turnId: 'a/b' }),
      want: { grpc: 3, code: 'invalid_request', param: 'start_turn.turn_id' },
    },
    {
      id: '§0',
      name: 'no turn id',
      input: start({ turnId: '' }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'start_turn.turn_id' },
    },
    {
      id: '§0',
      name: 'a signal id of its own making',
      input: request({ seq: 1, interrupt: { turnId: 't1', signalId: 'mine' } }),
      want: { grpc: 3, code: 'invalid_request', param: 'interrupt.signal_id' },
    },
    {
      id: 'R3',
      name: 'a redirect without its cut',
      input: request({ seq: 1, redirect: { successor: { turnId: 't2' } } }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'redirect.cut' },
    },
    {
      id: 'R3',
      name: 'a redirect without its successor',
      input: request({ seq: 1, redirect: { cut: { turnId: 't1' } } }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'redirect.successor' },
    },
    {
      id: '§1',
      name: 'no message',
      input: request({ seq: 1 }),
      want: { grpc: 3, code: 'missing_required_parameter', param: 'message' },
    },
  ])('$id: $name ends the stream and refuses the attachment once', async ({ input, want }) => {
    const { stream, attachment, ended: end } = await kit.attached(client);
    stream.write(input);
    stream.write(start({}));
    expect(wanted(await end)).toEqual({ param: '', ...want });
    expect(attachment.said).toEqual(['refuse']);
  });

  test('a client that resets its stream leaves its session alone', async () => {
    const { stream, attachment } = await kit.attached(client);
    const gone = once(attachment, 'disconnected');
    stream.cancel();
    await gone;
    expect(attachment.said).toEqual(['disconnected']);
  });
});
