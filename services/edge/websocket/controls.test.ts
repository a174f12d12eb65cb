import { describe, expect, test } from '@jest/globals';
import { runOf } from '../grpc/edge-kit.ts';
import { SessionRig, settled } from './websocket-kit.ts';

const interrupted = { status: 'interrupted', finishReason: 'interrupted' } as const;
const discard = { type: 'response.interrupt', mode: 'discard_partial_items' };

async function steer(rig: SessionRig, input: unknown = 'Shorter'): Promise<void> {
  await rig.say({ type: 'response.steer', previous_response_id: rig.responseId, input });
}

describe('response.interrupt', () => {
  test('policy discard: receipt, the item that goes, the terminal', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    const before = rig.told.length;
    await rig.say({ ...discard, response_id: rig.responseId });
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: { mode: 'discard-partial-items' } }]);
    rig.answer({ effectiveOffset: 0, generatedOffset: 7, deliveredOffset: 5, wastedTokens: 7 });
    rig.end(0, interrupted);
    expect(rig.told.slice(before)).toMatchObject([
      {
        type: 'response.interrupt.accepted',
        response_id: rig.responseId,
        sequence_number: 5 * 64,
        stream_id: 'a',
        receipt: { effective_offset: 0, generated_offset: 7, delivered_offset: 5, wasted_tokens: 7 },
      },
      { type: 'response.output_item.interrupted', output_index: 0, item_id: expect.stringMatching(/^msg_/) },
      { type: 'response.incomplete', response: { incomplete_details: { reason: 'interrupted' }, output: [] } },
    ]);
  });

  test('policy keep: what was written stays, on a border of code points, and is told before the terminal', async () => {
    const rig = new SessionRig({ partialOnInterrupt: 'keep' });
    await rig.running({}, 'he');
    const split = Buffer.from('é');
    const { turnId } = rig.lastStart;
    rig.raw({ ...runOf(turnId, 2, 'x'), text: split.subarray(0, 1) });
    const before = rig.told.length;
    await rig.say(discard);
    const cut = { turnId, mode: 'keep-through-offset', keepThroughOffset: 2 };
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: cut }]);
    rig.answer({ effectiveOffset: 2, generatedOffset: 4 });
    rig.end(2, interrupted);
    expect(rig.types().slice(before)).toEqual([
      'interrupt.accepted',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'incomplete',
    ]);
    expect(rig.told.find(({ type }) => type === 'response.output_text.done')).toMatchObject({ text: 'he' });
  });

  test.each(['reasoning', 'function-call'] as const)(
    'policy keep: open %s is discarded all the same',
    async (itemKind) => {
      const rig = new SessionRig({ partialOnInterrupt: 'keep' });
      await rig.create();
      rig.start();
      rig.open({ itemKind });
      rig.tokens(0, 'hm');
      await rig.say(discard);
      expect(rig.of('interrupt')).toMatchObject([{ interrupt: { mode: 'discard-partial-items' } }]);
    },
  );

  test('without an offset keep_through_offset keeps what was written', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say({ type: 'response.interrupt', mode: 'keep_through_offset' });
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: { keepThroughOffset: 5 } }]);
  });

  test('twice: one cut, and the same receipt for both', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say(discard);
    await rig.say(discard);
    rig.answer({ effectiveOffset: 0 });
    await rig.say(discard);
    rig.end(0, interrupted);
    expect(rig.of('interrupt')).toHaveLength(1);
    const receipts = rig.told.filter(({ type }) => type === 'response.interrupt.accepted');
    expect(receipts).toHaveLength(3);
    expect(new Set(receipts.map(({ receipt }) => JSON.stringify(receipt))).size).toBe(1);
  });

  test('the response of a lane, when only the lane is named', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    const first = rig.lastStart.turnId;
    await rig.create({ stream_id: 'b' });
    rig.start();
    await rig.say(discard);
    const error = { code: 'response_not_active' };
    expect(rig.told.at(-1)).toMatchObject({ type: 'response.interrupt.failed', error });
    await rig.say({ ...discard, stream_id: 'a' });
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: { turnId: first } }]);
  });

  test('a name that is too long for one is not repeated', async () => {
    const rig = new SessionRig();
    await rig.say({ ...discard, response_id: 'x'.repeat(300) });
    expect(rig.told).toMatchObject([{ type: 'response.interrupt.failed', error: { code: 'response_not_found' } }]);
    expect(rig.told[0]).not.toHaveProperty('response_id');
  });

  test('one that waits for a border gives way to one that does not', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say({ type: 'response.interrupt', mode: 'at_item_boundary' });
    rig.answer({ outcome: 'pending' });
    await settled();
    await rig.say(discard);
    expect(rig.of('interrupt').map(({ interrupt }) => interrupt.mode)).toEqual([
      'at-item-boundary',
      'discard-partial-items',
    ]);
    rig.answer({ effectiveOffset: 0 });
    rig.end(0, interrupted);
    expect(rig.types().filter((type) => type === 'interrupt.accepted')).toHaveLength(2);
  });

  test('W15: a completion that came first is answered by its own terminal', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say(discard);
    rig.answer({ outcome: 'already-ended', effectiveOffset: 5 });
    rig.end(5);
    await settled();
    expect(rig.types().slice(-4)).toEqual(['output_text.done', 'content_part.done', 'output_item.done', 'completed']);
  });

  test('an engine that cannot cut this way: failed, and the response goes on', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say({ type: 'response.interrupt', mode: 'at_item_boundary', response_id: rig.responseId });
    rig.answer({ outcome: 'unsupported' });
    await settled();
    const error = { code: 'interrupt_not_supported' };
    expect(rig.told.at(-1)).toMatchObject({ type: 'response.interrupt.failed', response_id: rig.responseId, error });
    rig.end(5);
    expect(rig.types().at(-1)).toBe('completed');
  });
});

describe('a redirect', () => {
  const redirect = { ...discard, successor: { input: 'Rather ships' } };

  test('is one command; the successor is told after the terminal, in the same lane, with what it asks for', async () => {
    const rig = new SessionRig();
    await rig.running({ stream_id: 'a' });
    const first = rig.responseId;
    await rig.say(redirect);
    expect(rig.of('interrupt')).toEqual([]);
    const [asked] = rig.of('redirect');
    expect(asked?.redirect).toMatchObject({
      cut: { mode: 'discard-partial-items' },
      successor: { prefillOnly: false },
    });
    const { turnId, successor } = { ...asked?.redirect.cut, successor: asked?.redirect.successor } as never as {
      turnId: string;
      successor: { turnId: string };
    };
    rig.answer({ effectiveOffset: 0 });
    rig.end(0, { ...interrupted, status: 'redirected', turnId });
    expect(rig.types().at(-1)).toBe('incomplete');
    rig.clock.advance(1_000);
    expect(rig.types().at(-1)).toBe('incomplete');
    rig.start(successor.turnId);
    expect(rig.told.slice(-2)).toMatchObject([
      { type: 'response.created', stream_id: 'a', response: { previous_response_id: first, model: 'spark-ref' } },
      { type: 'response.in_progress' },
    ]);
  });

  test('whose successor cannot start: the cut stands, and one error tells of it', async () => {
    const rig = new SessionRig();
    await rig.running();
    const turnId = rig.lastStart.turnId;
    await rig.say(redirect);
    rig.answer({ effectiveOffset: 0 });
    rig.end(0, { ...interrupted, turnId });
    rig.end(0, { status: 'failed', error: { code: 'context_length_exceeded', message: 'too long', param: 'input' } });
    expect(rig.types().slice(-2)).toEqual(['incomplete', 'error']);
    await rig.create();
    expect(rig.starts).toHaveLength(3);
  });

  test('W16: ten in a row: each goes to the successor of the one before, eight at most', async () => {
    const rig = new SessionRig();
    await rig.running();
    const response_id = rig.responseId;
    for (let count = 0; count < 10; count += 1) {
      await rig.say({ ...redirect, response_id, successor: { input: `R${count}` } });
    }
    const failed = rig.told.filter(({ type }) => type === 'response.interrupt.failed');
    expect(failed).toMatchObject([
      { error: { code: 'too_many_pending_steers' } },
      { error: { code: 'too_many_pending_steers' } },
    ]);
    for (let count = 0; count < 8; count += 1) {
      expect(rig.of('redirect')).toHaveLength(count + 1);
      const { cut } = rig.of('redirect')[count]?.redirect ?? {};
      rig.answer({ effectiveOffset: 0 });
      rig.end(0, { ...interrupted, status: 'redirected', turnId: cut?.turnId ?? '' });
    }
    rig.start();
    const inputs = rig.starts.map(({ input: [item] }) => (item?.kind === 'item' ? item.json : ''));
    expect(inputs.map((json) => (JSON.parse(json) as { content: string }).content)).toEqual([
      'Hi',
      ...Array.from({ length: 8 }, (_, count) => `R${count}`),
    ]);
    expect(rig.types().filter((type) => type === 'created')).toHaveLength(9);
    expect(rig.types().filter((type) => type === 'incomplete')).toHaveLength(8);
  });

  test('that is refused changes nothing', async () => {
    const rig = new SessionRig();
    await rig.running();
    const turnId = rig.lastStart.turnId;
    await rig.say(redirect);
    rig.answer({ outcome: 'refused', code: 'idempotency_conflict' });
    await settled();
    expect(rig.told.at(-1)).toMatchObject({
      type: 'response.interrupt.failed',
      error: { code: 'idempotency_conflict' },
    });
    rig.end(5, { turnId });
    expect(rig.types().at(-1)).toBe('completed');
  });

  test.each([
    { name: 'no input', successor: {}, want: 'missing_required_parameter' },
    { name: 'another parent', successor: { input: 'x', previous_response_id: 'resp_x' }, want: 'invalid_request' },
    { name: 'a prewarm', successor: { input: 'x', generate: false }, want: 'invalid_request' },
  ])('with $name is refused, and nothing is cut', async ({ successor, want }) => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say({ ...discard, successor });
    expect(rig.told.at(-1)).toMatchObject({ type: 'response.interrupt.failed', error: { code: want } });
    expect([rig.of('interrupt'), rig.of('redirect')]).toEqual([[], []]);
  });
});

describe('response.steer', () => {
  test('cuts once at the border; the successor has every steer in order and the settings of the first', async () => {
    const rig = new SessionRig();
    await rig.running({ max_output_tokens: 50, temperature: 0.5 });
    const first = rig.lastStart.turnId;
    await steer(rig, 'One');
    await steer(rig, [{ role: 'user', content: 'Two' }]);
    expect(rig.of('interrupt')).toMatchObject([{ interrupt: { mode: 'at-item-boundary' } }]);
    rig.answer({ outcome: 'pending' });
    rig.answer({ effectiveOffset: 5 });
    rig.end(5, interrupted);
    expect(rig.told.at(-1)).toMatchObject({ response: { incomplete_details: { reason: 'steered' } } });
    await settled();
    expect(rig.lastStart).toMatchObject({ parentTurnId: first, maxOutputTokens: 50, params: { temperature: 0.5 } });
    const texts = rig.lastStart.input.map((item) => (item.kind === 'item' ? item.json : ''));
    expect(texts.map((json) => (JSON.parse(json) as { content: string }).content)).toEqual(['One', 'Two']);
  });

  test('a response that completes first is followed all the same', async () => {
    const rig = new SessionRig();
    await rig.running();
    await steer(rig);
    rig.answer({ outcome: 'already-ended' });
    rig.end(5);
    await settled();
    expect(rig.types().at(-1)).toBe('completed');
    expect(rig.starts).toHaveLength(2);
  });

  test('that meets outstanding calls waits for the request that brings their outputs', async () => {
    const rig = new SessionRig();
    await rig.create();
    const first = rig.lastStart.turnId;
    rig.start();
    rig.open({ itemKind: 'function-call', callId: 'call_1', toolName: 'exec' });
    rig.tokens(0, '{}');
    await steer(rig);
    rig.event({
      kind: 'item-mark',
      turnId: first,
      itemIndex: 0,
      itemKind: 'function-call',
      atOffset: 2,
      closed: true,
      itemId: '',
      callId: 'call_1',
      toolName: 'exec',
    });
    rig.end(2);
    await settled();
    const pending = { type: 'response.steer.pending', reason: 'waiting_for_required_input' };
    const required_input = [{ type: 'function_call_output', call_id: 'call_1' }];
    expect(rig.told.at(-1)).toMatchObject({ ...pending, required_input });
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'ok' };
    await rig.create({ previous_response_id: rig.responseId, input: [output] });
    expect(rig.lastStart.input.map((item) => (item.kind === 'item' ? (JSON.parse(item.json) as object) : {}))).toEqual([
      output,
      { type: 'message', role: 'user', content: 'Shorter' },
    ]);
  });

  test.each([
    { name: 'the turn fails', end: { status: 'failed', error: { code: 'engine_lost', message: 'l', param: '' } } },
    { name: 'the client interrupts', end: interrupted },
  ] as const)('is given back when $name', async ({ end }) => {
    const rig = new SessionRig();
    await rig.running();
    await steer(rig);
    if (end.status === 'interrupted') await rig.say(discard);
    rig.end(end.status === 'failed' ? 5 : 0, end);
    await settled();
    const error = { code: 'successor_creation_failed' };
    expect(rig.told.at(-1)).toMatchObject({ type: 'response.steer.failed', steer: { input: 'Shorter' }, error });
    expect(rig.starts).toHaveLength(1);
  });

  test('of a response that is over, or is being cut, is refused', async () => {
    const rig = new SessionRig();
    await rig.running();
    await rig.say(discard);
    await steer(rig);
    expect(rig.told.at(-1)).toMatchObject({ type: 'response.steer.failed', error: { code: 'response_not_active' } });
    rig.end(5);
    await steer(rig);
    expect(rig.told.at(-1)).toMatchObject({ error: { code: 'response_already_completed' } });
  });

  test('a client that leaves takes its steers along', async () => {
    const rig = new SessionRig();
    await rig.running();
    await steer(rig);
    rig.session.gone();
    rig.end(5);
    await settled();
    expect(rig.starts).toHaveLength(1);
  });
});
