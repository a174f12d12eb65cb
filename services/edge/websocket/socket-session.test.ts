import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { mark } from '../openai/openai-kit.ts';
import { SessionRig, settled, until } from './websocket-kit.ts';

const MINUTE = 60_000;

describe('a response', () => {
  test('is told in order, and its lane is free then', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.end(5);
    expect(rig.types()).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ]);
    await rig.create();
    expect(rig.starts).toHaveLength(2);
  });

  test('that is refused before it starts is one error, and nothing was told of it', async () => {
    const rig = new SessionRig();
    await rig.create({ stream_id: 'a' });
    rig.end(0, { status: 'failed', error: { code: 'context_length_exceeded', message: 'too long', param: 'input' } });
    expect(rig.told).toMatchObject([
      { type: 'error', status: 400, stream_id: 'a', error: { code: 'context_length_exceeded', param: 'input' } },
    ]);
  });

  test.each([
    { name: 'Codex is stopped by the form that stops it', dialect: 'codex', want: ['failed'] },
    { name: 'others by an error', dialect: 'openai', want: ['error'] },
  ] as const)('that no retry helps: $name', async ({ dialect, want }) => {
    const rig = new SessionRig({ dialect });
    await rig.create();
    rig.end(0, { status: 'failed', error: { code: 'unsupported_modality', message: 'images', param: 'input' } });
    expect(rig.types()).toEqual(want);
    await rig.create();
    rig.end(0, { status: 'failed', error: { code: 'context_length_exceeded', message: 'long', param: 'input' } });
    await rig.create({ input: undefined, previous_response_id: 'resp_x' });
    await rig.say('{"type":');
    expect(rig.types().slice(1)).toEqual([want[0], want[0], 'error']);
  });

  test('W13: whose session is no more asks for the whole input', async () => {
    const rig = new SessionRig();
    await rig.running();
    rig.end(5);
    await rig.say({ type: 'nope' });
    rig.clock.advance(MINUTE);
    rig.front.failNext = new ReticleError('session_not_found', 'no session has this id');
    await rig.create({ previous_response_id: rig.responseId });
    const error = { code: 'previous_response_not_found', retryable: true };
    expect(rig.told.at(-1)).toMatchObject({ type: 'error', status: 400, error });
  });

  test('that would go on from a draft is refused: nothing of it may be lost', async () => {
    const rig = new SessionRig();
    await rig.create({ draft: { draft_id: 'd', revision: 1 } });
    expect(rig.told).toMatchObject([{ type: 'error', error: { code: 'unknown_parameter', param: 'draft' } }]);
  });

  test('that is neither started nor refused for a moment is told as queued', async () => {
    const rig = new SessionRig();
    await rig.create();
    rig.clock.advance(99);
    expect(rig.types()).toEqual([]);
    rig.clock.advance(1);
    expect(rig.told).toMatchObject([{ type: 'response.created', response: { status: 'queued' } }]);
    rig.end(0, { status: 'failed', error: { code: 'no_capacity', message: 'none', param: '' } });
    expect(rig.types()).toEqual(['created', 'failed']);
  });

  test('a refusal that may be tried again says when', async () => {
    const rig = new SessionRig();
    rig.front.failNext = new ReticleError('no_capacity', 'none', { retryAfterMs: 1_500 });
    await rig.create();
    expect(rig.told).toMatchObject([{ status: 503, headers: { 'retry-after': '2', 'retry-after-ms': '1500' } }]);
  });

  test('is kept alive after 15 s of silence, with its last number, until it ends', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    rig.clock.advance(10_000);
    rig.tokens(5, '!');
    rig.clock.advance(14_999);
    expect(rig.types()).not.toContain('keepalive');
    rig.clock.advance(1);
    expect(rig.told.at(-1)).toEqual({ type: 'keepalive', sequence_number: 6 * 64, stream_id: 'a' });
    rig.clock.advance(15_000);
    rig.end(6);
    rig.clock.advance(2 * 15_000);
    expect(rig.types().filter((type) => type === 'keepalive')).toHaveLength(2);
  });
});

describe('lanes', () => {
  test('what waits in a lane begins after the terminal before it', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    await rig.create({ stream_id: 'a' });
    expect(rig.starts).toHaveLength(1);
    rig.end(5);
    await settled();
    expect(rig.starts).toHaveLength(2);
  });

  test('eight wait in a lane, and eight lanes run', async () => {
    const rig = new SessionRig();
    for (let count = 0; count < 10; count += 1) await rig.create({ stream_id: 'a' });
    expect(rig.told).toMatchObject([{ type: 'error', stream_id: 'a', error: { code: 'response_in_flight' } }]);
    for (let lane = 0; lane < 8; lane += 1) await rig.create({ stream_id: `b${lane}` });
    expect(rig.told.slice(1)).toMatchObject([
      { type: 'error', status: 429, stream_id: 'b7', error: { code: 'rate_limit_exceeded' } },
    ]);
  });

  test('what waits is bounded by its bytes', async () => {
    const rig = new SessionRig();
    const input = 'x'.repeat(1_500_000);
    for (let count = 0; count < 4; count += 1) await rig.create({ stream_id: 'a', input });
    const refused = { type: 'error', error: { code: 'response_in_flight' } };
    await until(() => rig.told.length > 0 && rig.starts.length > 0);
    expect(rig.told).toMatchObject([refused]);
    rig.start();
    rig.end(0);
    await settled();
    await rig.create({ stream_id: 'a', input });
    await rig.create({ stream_id: 'a', input });
    await until(() => rig.told.at(-1)?.type === 'error');
    expect(rig.told.at(-1)).toMatchObject(refused);
    expect(rig.told.filter(({ type }) => type === 'error')).toHaveLength(2);
  });
});

describe('a message of no known type', () => {
  test.each([
    { type: 'session.update', want: 'session.update.failed' },
    { type: 'response', want: 'request.failed' },
    { type: 'Not a type', want: 'request.failed' },
    { type: undefined, want: 'request.failed' },
  ])('W11: $type while a response runs is $want', async ({ type, want }) => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say({ type });
    expect(rig.told.at(-1)).toMatchObject({ type: want, error: { code: 'unknown_event' } });
    rig.end(5);
    await rig.say({ type });
    expect(rig.told.at(-1)).toMatchObject({ type: 'error', status: 400, error: { code: 'unknown_event' } });
  });
});

describe('prewarm', () => {
  const prewarm = { generate: false, input: 'Once' };

  test('is answered at once; what goes on from it waits for its work', async () => {
    const rig = new SessionRig();
    await rig.create(prewarm);
    expect(rig.told).toMatchObject([
      { type: 'response.created', sequence_number: 16 },
      { type: 'response.completed', sequence_number: 63, response: { status: 'completed', output: [], usage: null } },
    ]);
    const warm = rig.lastStart;
    expect(warm.prefillOnly).toBe(true);
    await rig.create({ previous_response_id: rig.responseId });
    expect(rig.starts).toHaveLength(1);
    rig.end(0);
    await settled();
    expect(rig.lastStart).toMatchObject({ parentTurnId: warm.turnId, prefillOnly: false, input: { length: 1 } });
  });

  test('that found no room is answered all the same, and the next request carries its input', async () => {
    const rig = new SessionRig();
    rig.front.failNext = new ReticleError('no_capacity', 'none');
    await rig.create({ prompt_cache_options: { prewarm: true }, input: 'Once' });
    expect(rig.types()).toEqual(['created', 'completed']);
    await rig.create({ previous_response_id: rig.responseId, input: 'Go on' });
    const texts = rig.lastStart.input.map((item) => (item.kind === 'item' ? item.json : ''));
    expect(texts.map((json) => (JSON.parse(json) as { content: string }).content)).toEqual(['Once', 'Go on']);
    expect(rig.lastStart.parentTurnId).toBe('');
  });

  test('whose work failed is made good by the next request', async () => {
    const rig = new SessionRig();
    await rig.create(prewarm);
    await rig.create({ previous_response_id: rig.responseId, input: 'Go on' });
    rig.end(0, { status: 'failed', error: { code: 'engine_lost', message: 'lost', param: '' } });
    await settled();
    expect(rig.lastStart).toMatchObject({ parentTurnId: '', input: { length: 2 } });
  });

  test('is refused for what no room would help', async () => {
    const rig = new SessionRig();
    rig.front.failNext = new ReticleError('model_not_found', 'none', { param: 'model' });
    await rig.create(prewarm);
    expect(rig.told).toMatchObject([{ type: 'error', status: 404, error: { code: 'model_not_found' } }]);
  });
});

describe('a thread of Codex', () => {
  const client = { dialect: 'codex', threadId: 'th1' } as const;
  const user = (content: string): object => ({ type: 'message', role: 'user', content });
  const said = (content: string): object => ({ type: 'message', role: 'assistant', content });

  /** A conversation of one turn, whose socket rests. */
  async function told(rig: SessionRig): Promise<void> {
    await rig.running({ input: [user('a')] });
    rig.event({ ...mark(5, { closed: true }), turnId: rig.lastStart.turnId });
    rig.end(5);
  }

  const again = { input: [user('a'), said('hello'), user('b')] };

  test('goes on from its last turn with what is new, also after its attachment was given up', async () => {
    const rig = new SessionRig(client);
    await told(rig);
    const first = rig.lastStart;
    rig.clock.advance(61_000);
    await rig.create(again);
    expect(rig.front.calls.filter(({ method }) => method === 'createSession')).toHaveLength(1);
    expect(rig.lastStart).toMatchObject({
      parentTurnId: first.turnId,
      input: [{ json: JSON.stringify({ type: 'message', role: 'user', content: 'b' }) }],
    });
  });

  test.each([
    { name: 'its session is gone', code: 'session_not_found' },
    { name: 'its session has forgotten the turn', code: 'turn_not_found' },
    { name: 'its engine is gone', code: 'engine_lost' },
  ] as const)('begins anew, in full, when $name', async ({ code }) => {
    const rig = new SessionRig(client);
    await told(rig);
    await rig.create(again);
    rig.end(0, { status: 'failed', error: { code, message: 'gone', param: '' } });
    await settled();
    expect(rig.front.calls.filter(({ method }) => method === 'createSession')).toHaveLength(2);
    expect(rig.lastStart.parentTurnId).toBe('');
    expect(rig.lastStart.input).toHaveLength(3);
    expect(rig.types().filter((type) => type === 'failed' || type === 'error')).toEqual([]);
  });

  test('tells a refusal of the request itself once, and stays where it is', async () => {
    const rig = new SessionRig(client);
    await told(rig);
    await rig.create(again);
    rig.end(0, { status: 'failed', error: { code: 'context_length_exceeded', message: 'long', param: 'input' } });
    await settled();
    expect(rig.types().at(-1)).toBe('failed');
    expect(rig.front.calls.filter(({ method }) => method === 'createSession')).toHaveLength(1);
    await rig.create(again);
    expect(rig.lastStart.input).toHaveLength(1);
  });

  test('cuts what runs in it, and does not wait for ever', async () => {
    const rig = new SessionRig(client);
    await rig.running({ input: [user('a')], stream_id: 'x' });
    await rig.create({ input: [user('b')], stream_id: 'y' });
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: { mode: 'discard-partial-items' } }]);
    expect(rig.starts).toHaveLength(1);
    rig.clock.advance(2_000);
    await settled();
    await settled();
    expect(rig.starts).toHaveLength(2);
    expect(rig.front.calls.filter(({ method }) => method === 'createSession')).toHaveLength(2);
  });
});
