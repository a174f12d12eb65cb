/** Interrupt, redirect and steer over WebSocket, against a real engine (PROTOCOL §4.3). */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { HttpClient, OracleContext, type SocketEvent } from '../kit/index.ts';
import {
  answerOf,
  deltas,
  hiText,
  ITEM_EVERY,
  itemChain,
  root,
  running,
  textOf,
  userItem,
  WebSocketRig,
  type Answer,
} from './websocket-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(30_000);

const rig = new WebSocketRig();
beforeAll(() => rig.start());
afterAll(() => rig[Symbol.asyncDispose]());

describe('response.interrupt', () => {
  test('discard_partial_items: receipt, the item that goes, and nothing of it in the answer', async () => {
    const client = await rig.connect();
    const id = await running(client);
    client.send({ type: 'response.interrupt', response_id: id, mode: 'discard_partial_items' });
    const accepted = await client.until('response.interrupt.accepted');
    expect(accepted).toMatchObject({ response_id: id, receipt: { effective_offset: 0 } });
    const gone = await client.until('response.output_item.interrupted');
    expect(gone).toMatchObject({ response_id: id, output_index: 0 });
    const answer = answerOf(await client.terminal());
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'interrupted' }, output: [] });
    client.create({ model: 'single', input: 'More', max_output_tokens: 20, previous_response_id: id });
    const before = client.events.length;
    await client.terminal();
    const kept = root()
      .turn({ input: [userItem('Hi')] })
      .after(0);
    expect(deltas(client.events.slice(before))).toBe(textOf(kept.turn({ input: [userItem('More')] }), 20));
    await rig.platform.untilIdle();
  });

  test('keep_through_sequence keeps exactly what was seen, and the next turn goes on from there', async () => {
    const client = await rig.connect();
    client.create({ model: 'single', input: 'Hi' });
    const seen = await client.until((event) => Number(event['sequence_number']) > 50 * 64);
    const sequence = Number(seen['sequence_number']);
    const offset = Math.floor(sequence / 64);
    const { id } = answerOf(client.events[0] as SocketEvent);
    const mode = { mode: 'keep_through_offset', keep_through_sequence: sequence };
    client.send({ type: 'response.interrupt', response_id: id, ...mode });
    const accepted = await client.until('response.interrupt.accepted');
    expect(accepted['receipt']).toMatchObject({ effective_offset: offset });
    const done = await client.until('response.output_text.done');
    expect(done['text']).toBe(hiText(offset));
    await client.terminal();
    const before = client.events.length;
    client.create({ model: 'single', input: 'More', max_output_tokens: 20, previous_response_id: id });
    await client.terminal();
    const kept = root()
      .turn({ input: [userItem('Hi')] })
      .after(offset);
    expect(deltas(client.events.slice(before))).toBe(textOf(kept.turn({ input: [userItem('More')] }), 20));
  });

  test('with a successor: one message, and the successor goes on from the cut', async () => {
    const client = await rig.connect();
    const id = await running(client);
    const successor = { input: 'Rather ships', max_output_tokens: 40 };
    client.send({ type: 'response.interrupt', response_id: id, mode: 'keep_generated', successor });
    const accepted = await client.until('response.interrupt.accepted');
    const { effective_offset: offset } = accepted['receipt'] as { effective_offset: number };
    expect(answerOf(await client.terminal())).toMatchObject({ id, incomplete_details: { reason: 'interrupted' } });
    const created = await client.until('response.created');
    expect(answerOf(created)).toMatchObject({ previous_response_id: id });
    expect(answerOf(await client.terminal()).status).toBe('incomplete');
    const kept = root()
      .turn({ input: [userItem('Hi')] })
      .after(offset);
    const want = textOf(kept.turn({ input: [userItem('Rather ships')] }), 40);
    expect(deltas(client.events.slice(client.events.indexOf(created)))).toBe(want);
  });

  test('W15: no turn, a past turn, an unknown one, twice', async () => {
    const client = await rig.connect();
    client.send({ type: 'response.interrupt' });
    expect(await client.until('response.interrupt.failed')).toMatchObject({ error: { code: 'response_not_active' } });
    client.create({ model: 'single', input: 'Hi', max_output_tokens: 2 });
    const past = answerOf(await client.terminal()).id;
    client.send({ type: 'response.interrupt', response_id: past });
    const stale = await client.until('response.interrupt.failed');
    expect(stale).toMatchObject({ response_id: past, error: { code: 'response_already_completed' } });
    client.send({ type: 'response.interrupt', response_id: 'resp_x' });
    expect(await client.until('response.interrupt.failed')).toMatchObject({ error: { code: 'response_not_found' } });
    const id = await running(client);
    const interrupt = { type: 'response.interrupt', response_id: id, mode: 'keep_generated' };
    client.send(interrupt);
    client.send(interrupt);
    const first = await client.until('response.interrupt.accepted');
    const second = await client.until(({ type }) => type.startsWith('response.interrupt.'));
    // The second may find the response over: then it changes nothing, and says so without a receipt.
    expect([first['receipt'], undefined]).toContainEqual(second['receipt']);
    expect(client.events.filter(({ type }) => type === 'error')).toEqual([]);
  });

  test('of a response that runs elsewhere: it is cut there, and the receipt is told here', async () => {
    const created = await new HttpClient(rig.platform.httpOf(), rig.platform.keyOf('acme')).post('/v1/responses', {
      model: 'single',
      input: 'Hi',
      background: true,
    });
    const { id } = (await created.json()) as Answer;
    const foreign = await rig.connect({}, 'globex');
    foreign.send({ type: 'response.interrupt', response_id: id });
    expect(await foreign.until('response.interrupt.failed')).toMatchObject({ error: { code: 'response_not_found' } });
    const client = await rig.connect();
    client.send({ type: 'response.interrupt', response_id: id, mode: 'keep_generated' });
    const accepted = await client.until('response.interrupt.accepted');
    expect(accepted).toMatchObject({ response_id: id, receipt: { kv_action: 'cut-in-place' } });
    await rig.platform.untilIdle();
  });

  test('an unknown mode is no error', async () => {
    const client = await rig.connect();
    const id = await running(client, { max_output_tokens: 300 });
    client.send({ type: 'response.interrupt', response_id: id, mode: 'sideways' });
    const failed = await client.until('response.interrupt.failed');
    expect(failed).toMatchObject({ error: { code: 'interrupt_not_supported', param: 'mode' } });
    expect(answerOf(await client.terminal()).incomplete_details).toEqual({ reason: 'max_output_tokens' });
  });
});

describe('response.steer', () => {
  test('the answer ends at the border of its item, and its successor takes the message in', async () => {
    const client = await rig.connect();
    const id = await running(client, { model: 'items' });
    client.send({ type: 'response.steer', previous_response_id: id, input: 'Shorter' });
    const accepted = await client.until('response.steer.accepted');
    expect(accepted['steer']).toMatchObject({ previous_response_id: id });
    const answer = answerOf(await client.terminal());
    expect(answer).toMatchObject({ id, status: 'incomplete', incomplete_details: { reason: 'steered' } });
    const { effective_offset: offset } = answer.reticle.receipt;
    expect(offset % ITEM_EVERY).toBe(0);
    const created = await client.until('response.created');
    expect(answerOf(created)).toMatchObject({ previous_response_id: id });
    client.send({ type: 'response.interrupt', mode: 'keep_generated' });
    const last = answerOf(await client.terminal());
    const kept = OracleContext.root(itemChain)
      .turn({ input: [userItem('Hi')] })
      .after(offset);
    const want = textOf(kept.turn({ input: [userItem('Shorter')] }), last.reticle.receipt.effective_offset);
    expect(deltas(client.events.slice(client.events.indexOf(created)))).toBe(want);
  });

  test('W16: ten in a row are taken in order, eight at most', async () => {
    const client = await rig.connect();
    const id = await running(client, { model: 'single', max_output_tokens: 600 });
    for (let count = 0; count < 10; count += 1) {
      client.send({ type: 'response.steer', previous_response_id: id, input: `S${count}` });
    }
    const failures = [await client.until('response.steer.failed'), await client.until('response.steer.failed')];
    expect(failures).toMatchObject([
      { steer: { input: 'S8' }, error: { code: 'too_many_pending_steers' } },
      { steer: { input: 'S9' }, error: { code: 'too_many_pending_steers' } },
    ]);
    expect(client.events.filter(({ type }) => type === 'response.steer.accepted')).toHaveLength(8);
    const first = answerOf(await client.terminal());
    const created = await client.until('response.created');
    const last = await client.terminal();
    const told = client.events.slice(client.events.indexOf(created), client.events.indexOf(last));
    const input = Array.from({ length: 8 }, (_, count) => userItem(`S${count}`));
    const tokens = first.usage.output_tokens;
    const context = root()
      .turn({ input: [userItem('Hi')] })
      .after(tokens);
    expect(deltas(told)).toBe(textOf(context.turn({ input }), 600));
  });

  test.each([
    { name: 'no user message', input: [{ type: 'message', role: 'assistant', content: 'x' }], want: 'invalid_input' },
    { name: 'an unknown response', input: 'x', id: 'resp_x', want: 'response_not_found' },
  ])('$name is refused and given back', async ({ input, id, want }) => {
    const client = await rig.connect();
    const own = await running(client, { max_output_tokens: 300 });
    client.send({ type: 'response.steer', previous_response_id: id ?? own, input });
    expect(await client.until('response.steer.failed')).toMatchObject({ steer: { input }, error: { code: want } });
    expect(answerOf(await client.terminal()).incomplete_details).toEqual({ reason: 'max_output_tokens' });
  });
});
