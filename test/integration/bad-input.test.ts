/** Bad input over real sockets: the code of the registry, the connection and its neighbours alive, nothing echoed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { limits } from '@reticle/proto/contract';
import { messageCodec } from '@reticle/proto/load';
import {
  flatChain,
  flow,
  interrupt,
  modes,
  outcomes,
  randomId,
  start,
  startTestPlatform,
  statuses,
  turnOf,
  userItem,
  type ApiClient,
  type Command,
  type ConverseClient,
  type Outcome,
  type TestPlatform,
  type TokenChecker,
} from '../kit/index.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const CONTEXT_LIMIT = 20_000;
const OUTPUT_CAP = 8_000;
/** Stands in every refused text; no answer may repeat it. */
const MARK = 'zq7-do-not-echo';

const encode = (name: string, message: object): Uint8Array =>
  messageCodec(`reticle.session.v1.${name}`).encode(message);
const bytes = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Uint8Array.from(part)));

let platform: TestPlatform;
/** The connection that every row shares with a stream that must not notice. */
let client: ApiClient;
let neighbour: ConverseClient;
let neighbourTokens: TokenChecker;

beforeAll(async () => {
  const chain = flatChain(2_000, { contextTokens: CONTEXT_LIMIT, maxOutputTokens: OUTPUT_CAP });
  platform = await startTestPlatform({ chains: [chain] });
  client = platform.client();
});
afterAll(() => platform[Symbol.asyncDispose]());

beforeEach(async () => {
  ({ stream: neighbour } = await client.open({}, { acknowledges: false }));
  const turn = turnOf('n1', OUTPUT_CAP);
  neighbourTokens = neighbour.check('n1', platform.oracle().turn(turn));
  neighbour.send(start(turn));
  await neighbour.received('n1', 1);
});
afterEach(async () => {
  // The same connection still carries the neighbour's tokens.
  neighbour.send(flow('n1', neighbourTokens.position, limits.creditTokensDefault));
  await neighbour.received('n1', neighbourTokens.position + 1);
  neighbour.send(interrupt('n1', { mode: modes.keepThroughOffset, keepThroughOffset: neighbourTokens.position }));
  await neighbour.untilEnded('n1');
  expect(neighbourTokens.faults()).toEqual([]);
  neighbour.drop();
});

type Want = { readonly grpc: number; readonly code: string; readonly param?: string };

function expectRefusal(outcome: Outcome, want: Want): void {
  expect(outcome).toMatchObject(want);
  expect(JSON.stringify(outcome)).not.toContain(MARK);
}

describe('credentials', () => {
  const good = (): string => `Bearer ${platform.keyOf('acme')}`;
  const wrong = (): string => `${good().slice(0, -4)}AAAA`;
  const rows: readonly { name: string; fields: () => readonly (readonly [string, string])[] }[] = [
    { name: 'no key', fields: () => [] },
    { name: 'a wrong key', fields: () => [['authorization', wrong()]] },
    { name: 'a key that is none', fields: () => [['authorization', `Bearer ${MARK}`]] },
    { name: 'another scheme', fields: () => [['authorization', good().replace('Bearer', 'Basic')]] },
    { name: 'a key in x-api-key', fields: () => [['x-api-key', platform.keyOf('acme')]] },
    { name: 'a key in api-key', fields: () => [['api-key', platform.keyOf('acme')]] },
  ];

  test.each(rows)('$name: UNAUTHENTICATED invalid_api_key with one text, on calls and streams', async ({ fields }) => {
    const answers = [
      await client.call('CreateSession', { requestId: 'r', model: 'spark-ref' }, client.metadata(fields())),
      await client.converse({}, client.metadata(fields())).ended(),
    ];
    for (const answer of answers) {
      expectRefusal(answer, { grpc: 16, code: 'invalid_api_key' });
      expect(answer.message).toBe(answers[0]?.message);
      expect(JSON.stringify(answer)).not.toContain(platform.keyOf('acme').slice(8));
    }
  });

  test('one text for all', async () => {
    const texts = await Promise.all(
      rows.map(async ({ fields }) => (await client.call('GetSession', {}, client.metadata(fields()))).message),
    );
    expect(new Set(texts.slice(0, 4)).size).toBe(1);
  });
});

describe('bytes that are no message', () => {
  const session = encode('CreateSessionRequest', { requestId: 'r1', model: MARK });
  const padded = bytes([0x42, 0x80, 0x80, 0x80, 0x03], new Uint8Array(6 * 1024 * 1024));
  const rows: readonly { name: string; input: Uint8Array; want: Want }[] = [
    { name: 'garbage', input: bytes([0xff, 0xff, 0xff, 1, 2, 3]), want: { grpc: 3, code: 'invalid_request' } },
    { name: 'a message cut short', input: bytes([0x12, 5, 1]), want: { grpc: 3, code: 'invalid_request' } },
    { name: 'groups 200 deep', input: new Uint8Array(200).fill(0x4b), want: { grpc: 3, code: 'invalid_request' } },
    {
      name: 'six MiB',
      input: bytes(session, padded),
      want: { grpc: 8, code: 'request_too_large' },
    },
  ];

  test.each(rows)('$name, in a call', async ({ input, want }) => {
    expectRefusal(await client.call('CreateSession', input), want);
  });

  test.each(rows)('$name, first on a stream', async ({ input, want }) => {
    const stream = client.converse();
    stream.write(input);
    expectRefusal(await stream.ended(), want);
  });

  test.each(rows)('$name, within a session, which lives on', async ({ input, want }) => {
    const { stream, sessionId } = await client.open();
    stream.write(input);
    expectRefusal(await stream.ended(), want);
    const { stream: again } = await client.attach({ sessionId });
    again.send(start(turnOf('t1', 5)));
    expect(await again.untilEnded('t1')).toMatchObject({ endOffset: 5 });
  });

  test.each([
    { name: 'invalid UTF-8', input: bytes([0x0a, 2, 0xc3, 0x28]), want: { param: 'request_id' } },
    { name: 'an unknown tier', input: bytes(session, [0x18, 99]), want: { param: 'tier' } },
    {
      name: 'an id outside its alphabet',
      input: encode('CreateSessionRequest', { requestId: `${MARK} !`, model: 'spark-ref' }),
      want: { param: 'request_id' },
    },
    {
      name: 'an id of 65 characters',
      input: encode('CreateSessionRequest', { requestId: 'x'.repeat(65), model: 'spark-ref' }),
      want: { param: 'request_id' },
    },
  ])('$name names its field', async ({ input, want }) => {
    expectRefusal(await client.call('CreateSession', input), { grpc: 3, code: 'invalid_request', ...want });
  });

  test('a field of another wire type names the type, or the field as missing', async () => {
    const answer = await client.call('CreateSession', bytes([0x10, 1]));
    expect(answer.grpc).toBe(3);
    expect(['missing_required_parameter', 'invalid_request']).toContain(answer.code);
  });

  test('an unknown field is ignored', async () => {
    const request = encode('CreateSessionRequest', { requestId: randomId(), model: 'spark-ref' });
    expect(await client.call('CreateSession', bytes(request, [0xfa, 0x3f, 1, 7]))).toMatchObject({ grpc: 0 });
  });
});

describe('the order of a stream', () => {
  test.each([
    { name: 'a turn before Attach', first: { seq: 1, ...start(turnOf('t1', 5)) }, code: 'session_not_open', grpc: 9 },
    { name: 'an empty message', first: { seq: 0 }, code: 'session_not_open', grpc: 9 },
    { name: 'Attach to nothing', first: { attach: {} }, code: 'missing_required_parameter', grpc: 3 },
    { name: 'a malformed session id', first: { attach: { sessionId: MARK } }, code: 'invalid_request', grpc: 3 },
  ])('$name', async ({ first, code, grpc }) => {
    const stream = client.converse();
    stream.write(first);
    expectRefusal(await stream.ended(), { grpc, code });
  });

  test.each([
    {
      name: 'a second Attach',
      next: (sessionId: string) => ({ seq: 1, attach: { sessionId } }),
      code: 'session_already_open',
      grpc: 9,
    },
    { name: 'a gap in seq', next: () => ({ seq: 2, ...interrupt('t1') }), code: 'invalid_request', grpc: 3 },
    { name: 'a message without content', next: () => ({ seq: 1 }), code: 'missing_required_parameter', grpc: 3 },
    {
      name: 'an id of the wrong alphabet',
      next: () => ({ seq: 1, ...interrupt(`${MARK} `) }),
      code: 'invalid_request',
      grpc: 3,
    },
  ])('$name ends the stream, not the session', async ({ next, code, grpc }) => {
    const { stream, sessionId } = await client.open();
    stream.write(next(sessionId));
    expectRefusal(await stream.ended(), { grpc, code });
    expect(await client.call('GetSession', { sessionId })).toMatchObject({ grpc: 0 });
  });
});

describe('sessions of others', () => {
  test('a foreign id answers as an unknown one, on every method', async () => {
    const { sessionId } = await client.createSession();
    const stranger = platform.client({ tenant: 'globex' });
    const unknown = randomId();
    const calls = (id: string): Promise<Outcome>[] => {
      const stream = stranger.converse();
      stream.write({ seq: 0, attach: { sessionId: id } });
      return [
        stream.ended(),
        stranger.call('GetSession', { sessionId: id }),
        stranger.call('CloseSession', { sessionId: id }),
        stranger.call('WarmSession', { sessionId: id, requestId: 'r', prefix: [userItem('x')] }),
        stranger.call('SignalTurn', { sessionId: id, interrupt: { turnId: 't1' } }),
        stranger.replay({ sessionId: id, turnId: 't1' }).ended(),
      ];
    };
    const foreign = await Promise.all(calls(sessionId));
    expect(foreign).toEqual(await Promise.all(calls(unknown)));
    for (const outcome of foreign) expectRefusal(outcome, { grpc: 5, code: 'session_not_found' });
    expect(await client.call('GetSession', { sessionId })).toMatchObject({ grpc: 0 });
  });

  test.each([
    { name: 'an unknown model', more: { model: MARK }, want: { grpc: 5, code: 'model_not_found' } },
    { name: 'no model', more: { model: '' }, want: { grpc: 3, code: 'missing_required_parameter', param: 'model' } },
    { name: 'a region outside', more: { allowedRegions: ['else-1'] }, want: { grpc: 7, code: 'region_unavailable' } },
    {
      name: 'a prefix past the context',
      more: { prefix: [userItem('word '.repeat(CONTEXT_LIMIT + 10))] },
      want: { grpc: 11, code: 'context_length_exceeded' },
    },
    {
      name: 'an image in the prefix',
      more: { prefix: [imageItem()] },
      want: { grpc: 3, code: 'unsupported_modality' },
    },
  ])('CreateSession with $name', async ({ more, want }) => {
    const request = { requestId: randomId(), model: 'spark-ref', ...more };
    expectRefusal(await client.call('CreateSession', request), want);
  });
});

function imageItem(): { itemJson: string } {
  const content = [{ type: 'input_image', image_url: `https://example.test/${MARK}.png` }];
  return { itemJson: JSON.stringify({ role: 'user', content }) };
}

describe('turns that cannot start', () => {
  const rows: readonly { name: string; more: object; want: object; facts?: readonly string[] }[] = [
    { name: 'no output', more: { maxOutputTokens: 0 }, want: { code: 'value_out_of_range', grpcCode: 3 } },
    {
      name: 'more output than the model gives',
      more: { maxOutputTokens: OUTPUT_CAP + 1 },
      want: { code: 'value_out_of_range', grpcCode: 3 },
    },
    { name: 'a huge output', more: { maxOutputTokens: 4_294_967_295 }, want: { code: 'value_out_of_range' } },
    {
      name: 'input and output past the context limit',
      more: { input: [userItem('word '.repeat(CONTEXT_LIMIT - 100))], maxOutputTokens: 200 },
      want: { code: 'context_length_exceeded', grpcCode: 11 },
    },
    { name: 'an image', more: { input: [imageItem()] }, want: { code: 'unsupported_modality', grpcCode: 3 } },
    {
      name: 'text that is not JSON',
      more: { input: [{ itemJson: `{"role": ${MARK}` }] },
      want: { code: 'invalid_json', grpcCode: 3 },
    },
    {
      name: 'JSON 100 deep',
      more: { input: [{ itemJson: '['.repeat(100) + ']'.repeat(100) }] },
      want: { grpcCode: 3, code: 'json_too_deep' },
    },
    {
      name: 'a role that is none',
      more: { input: [{ itemJson: JSON.stringify({ role: MARK, content: 'x' }) }] },
      want: { grpcCode: 3 },
    },
    {
      name: 'a token id outside the vocabulary',
      more: { input: [{ tokens: { tokenIds: [4_000_000_000] } }] },
      want: { code: 'value_out_of_range', grpcCode: 3 },
    },
    { name: 'an unknown parent', more: { parentTurnId: 'nobody' }, want: { code: 'turn_not_found', grpcCode: 5 } },
    { name: 'a draft nobody typed', more: { draft: { draftId: 'd', revision: 1 } }, want: { code: 'draft_not_found' } },
  ];

  test.each(rows)('$name: TurnEnded FAILED, and the stream goes on', async ({ more, want }) => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', 10, more)));
    const ended = await stream.untilEnded('t1');
    expect(ended).toMatchObject({ status: statuses.failed, endOffset: 0, error: want });
    expect(JSON.stringify(ended)).not.toContain(MARK);
    stream.send(start(turnOf('t2', 10)));
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: 10 });
    expect(stream.log.all('turnStarted').map(({ turnId }) => turnId)).toEqual(['t2']);
  });

  test('past the context limit both numbers are told; exactly the limit is served', async () => {
    const { stream } = await client.open();
    const input = [userItem('a few words')];
    const { promptTokens } = platform.oracle().turn({ input });
    const body = [userItem('word '.repeat(CONTEXT_LIMIT - OUTPUT_CAP))];
    const long = platform.oracle().turn({ input: body }).promptTokens;
    stream.send(start(turnOf('t1', OUTPUT_CAP, { input: body })));
    const { error } = await stream.untilEnded('t1');
    expect(error?.message).toContain(String(CONTEXT_LIMIT));
    expect(error?.message).toContain(String(long + OUTPUT_CAP));
    const words = CONTEXT_LIMIT - 20 - promptTokens;
    const fits = { input: [userItem(`a few words${' on'.repeat(words)}`)] };
    const room = CONTEXT_LIMIT - platform.oracle().turn(fits).promptTokens;
    stream.send(start(turnOf('t2', room + 1, fits)));
    expect(await stream.untilEnded('t2')).toMatchObject({ error: { code: 'context_length_exceeded' } });
    stream.send(start(turnOf('t3', room, fits)));
    expect(await stream.untilEnded('t3')).toMatchObject({ status: statuses.incomplete, endOffset: room });
  });

  test('a parent that still runs: response_in_flight', async () => {
    const { stream } = await client.open();
    stream.send(start(turnOf('t1', OUTPUT_CAP)));
    stream.send(start(turnOf('t2', 10, { parentTurnId: 't1' })));
    expect(await stream.untilEnded('t2')).toMatchObject({ error: { code: 'response_in_flight', grpcCode: 9 } });
  });

  test('a ninth live turn: concurrency_exceeded with a delay, and the eight run on', async () => {
    const { stream } = await client.open();
    const turns = Array.from({ length: limits.liveTurnsMax }, (_, index) => turnOf(`t${index}`, 600));
    for (const turn of turns) stream.send(start(turn));
    stream.send(start(turnOf('ninth', 10)));
    const { error } = await stream.untilEnded('ninth');
    expect(error).toMatchObject({ code: 'concurrency_exceeded', grpcCode: 8, retryable: true });
    expect(error?.retryDelay).not.toBeNull();
    for (const turn of turns) expect(await stream.untilEnded(turn.turnId ?? '')).toMatchObject({ endOffset: 600 });
  });
});

describe('controls and acknowledgements', () => {
  const rows: readonly { name: string; command: Command; want: object }[] = [
    {
      name: 'a cut of an unknown turn',
      command: interrupt('nobody'),
      want: { outcome: outcomes.notFound, code: 'turn_not_found' },
    },
    {
      name: 'a cut of a finished turn',
      command: interrupt('done', { mode: modes.keepGenerated }),
      want: { outcome: outcomes.alreadyEnded, effectiveOffset: 7 },
    },
    {
      name: 'another body under a known turn id',
      command: start(turnOf('done', 8)),
      want: { outcome: outcomes.refused, code: 'idempotency_conflict' },
    },
  ];

  test.each(rows)('$name is answered, and the stream goes on', async ({ command, want }) => {
    const { stream } = await client.open();
    stream.send(start(turnOf('done', 7)));
    await stream.untilEnded('done');
    const seq = stream.send(command);
    expect(await stream.until('controlAck')).toMatchObject({ seq, ...want });
    stream.send(start(turnOf('t2', 10)));
    expect(await stream.untilEnded('t2')).toMatchObject({ endOffset: 10 });
  });

  test('an ack past what was sent ends the stream, not the session', async () => {
    const { stream, sessionId } = await client.open({}, { acknowledges: false });
    stream.send(start(turnOf('t1', 5)));
    await stream.untilEnded('t1');
    stream.send(start(turnOf('t2', OUTPUT_CAP)));
    await stream.received('t2', 1);
    stream.send(flow('t2', OUTPUT_CAP + 1, 10));
    expectRefusal(await stream.ended(), { grpc: 3, code: 'ack_out_of_range' });
    expect(await client.call('GetSession', { sessionId })).toMatchObject({ grpc: 0 });
  });

  test('an unknown cut mode ends the stream', async () => {
    const { stream } = await client.open();
    // Interrupt{turn_id: "t1", mode: 99} by hand, since the library's encoder knows its enums.
    stream.write(bytes([0x08, 1, 0x22, 6, 0x0a, 2, 0x74, 0x31, 0x10, 99]));
    expectRefusal(await stream.ended(), { grpc: 3, code: 'invalid_request', param: 'interrupt.mode' });
  });

  test('a draft with a gap answers draft_not_found', async () => {
    const { stream } = await client.open();
    stream.send({ draft: { draftId: 'd1', revision: 3, append: 'late' } });
    expect(await stream.until('draftState')).toMatchObject({ draftId: 'd1', code: 'draft_not_found' });
  });
});
