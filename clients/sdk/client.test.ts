import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { CutMode } from '@reticle/proto/gen/session/v1/CutMode';
import { OutputLength } from '@reticle/proto/gen/session/v1/OutputLength';
import { TurnStatus } from '@reticle/proto/gen/session/v1/TurnStatus';
import { API_KEY, applied, ClientKit, codeOf, completed, letters } from './client-kit.ts';
import { FAKE_MODEL, refusal } from './fake-gateway.ts';
import { connect } from './index.ts';

let kit: ClientKit;
beforeEach(async () => {
  kit = await ClientKit.start();
});
afterEach(() => kit[Symbol.asyncDispose]());

describe('createSession', () => {
  test('sends what it was given, with the key, and attaches by the token', async () => {
    const opening = kit.client.createSession({
      tier: 'ultrafast',
      prefix: 'hello',
      idleTtlMs: 1_500,
      creditTokens: 64,
    });
    const stream = await kit.gateway.streams.take();
    const attach = await stream.attach();
    const session = await opening;
    expect(kit.gateway.created).toMatchObject([
      {
        model: FAKE_MODEL,
        tier: 1,
        idleTtl: { seconds: 1, nanos: 500_000_000 },
        prefix: [{ itemJson: '{"type":"message","role":"user","content":"hello"}' }],
      },
    ]);
    expect(attach).toMatchObject({ seq: 0, attach: { resumeToken: 'token-created', defaultCreditTokens: 64 } });
    expect(stream.authorization).toBe(`Bearer ${API_KEY}`);
    expect([session.resumeToken, session.info.contextLimit]).toEqual(['token-attached', 4_096]);
  });

  test.each([
    { name: 'a code of the registry', refuse: refusal('model_not_found'), want: 'model_not_found' },
    { name: 'a status without details', refuse: Object.assign(new Error('x'), { code: 16 }), want: 'invalid_api_key' },
    { name: 'an unavailable service', refuse: Object.assign(new Error('x'), { code: 14 }), want: 'region_lost' },
  ])('rejects with $name', async ({ refuse, want }) => {
    kit.gateway.create = () => ({ refuse });
    expect(await codeOf(kit.client.createSession())).toBe(want);
  });

  test('rejects when nobody answers at the address', async () => {
    const nobody = connect({ target: '127.0.0.1:1', apiKey: API_KEY, model: FAKE_MODEL });
    expect(await codeOf(nobody.createSession())).toBe('region_lost');
    nobody.close();
  });

  test('rejects when the attach is refused', async () => {
    const opening = kit.client.createSession();
    const stream = await kit.gateway.streams.take();
    stream.fail(refusal('session_not_found'));
    expect(await codeOf(opening)).toBe('session_not_found');
  });

  test('rejects a first message that is not Attached', async () => {
    const opening = kit.client.createSession();
    const stream = await kit.gateway.streams.take();
    stream.tokens('t', 0, ['a']);
    expect(await codeOf(opening)).toBe('upstream_protocol_error');
  });
});

describe('a turn', () => {
  test('sends its options', async () => {
    const { session, stream } = await kit.attached();
    session.turn([{ role: 'developer', content: 'be brief' }, { tokens: [7, 8] }], {
      turnId: 'mine',
      parent: 'before',
      maxOutputTokens: 9,
      outputLength: 'exact',
      seed: 3,
      stop: ['END'],
      choice: 2,
      textFormat: { type: 'json_object' },
    });
    expect(await stream.received.take()).toMatchObject({
      seq: 1,
      startTurn: {
        turnId: 'mine',
        parentTurnId: 'before',
        maxOutputTokens: 9,
        params: {
          seed: 3,
          stop: ['END'],
          outputLength: OutputLength.OUTPUT_LENGTH_EXACT,
          choice: 2,
          textFormatJson: '{"type":"json_object"}',
        },
        input: [
          { itemJson: '{"type":"message","role":"developer","content":"be brief"}' },
          { tokens: { tokenIds: [7, 8] } },
        ],
      },
    });
  });

  test('gives text, holding the bytes of a split code point, and its end', async () => {
    const { stream, turn } = await kit.started();
    const euro = Buffer.from('€');
    stream.tokens(turn.turnId, 0, ['a', euro.subarray(0, 1)]);
    stream.tokens(turn.turnId, 2, [euro.subarray(1), 'z']);
    stream.send({
      turnEnded: {
        turnId: turn.turnId,
        endOffset: 4,
        status: TurnStatus.TURN_STATUS_COMPLETED,
        finishReason: 'stop',
        usage: { outputTokens: 4 },
        timing: { firstToken: { seconds: 0, nanos: 2_500_000 } },
      },
    });
    const texts: string[] = [];
    for await (const frame of turn) texts.push(frame.text);
    expect(texts).toEqual(['a', '€z']);
    expect(await turn.started).toMatchObject({ promptTokens: 20, prefilledTokens: 5 });
    const end = await turn.ended;
    expect(end).toMatchObject({ status: 'completed', finishReason: 'stop', usage: { outputTokens: 4 } });
    expect(end.timing.firstTokenMs).toBe(2.5);
  });

  test('is the parent of the next one', async () => {
    const { session, stream, turn } = await kit.started();
    stream.send(completed(turn.turnId, 0));
    await turn.ended;
    session.turn('more');
    session.turn('apart', { parent: null });
    expect((await stream.received.take()).startTurn?.parentTurnId).toBe(turn.turnId);
    expect((await stream.received.take()).startTurn?.parentTurnId).toBe('');
  });

  test('grants credit as its reader reads, not as tokens arrive', async () => {
    const { stream, turn } = await kit.started({ creditTokens: 8 });
    const reader = turn[Symbol.asyncIterator]();
    stream.tokens(turn.turnId, 0, letters(0, 3));
    stream.tokens(turn.turnId, 3, letters(3, 5));
    await reader.next();
    await reader.next();
    expect(await stream.received.take()).toMatchObject({
      seq: 2,
      flow: { turnId: turn.turnId, receivedThroughOffset: 8, creditTokens: 8 },
    });
  });

  test.each([
    { name: 'a gap', second: 3 },
    { name: 'a double', second: 1 },
  ])('fails alone on $name', async ({ second }) => {
    const { session, stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, ['a', 'b']);
    stream.tokens(turn.turnId, second, ['c']);
    expect(await codeOf(turn.ended)).toBe('upstream_protocol_error');
    const other = session.turn('still here');
    stream.send(completed(other.turnId, 0));
    expect((await other.ended).status).toBe('completed');
  });

  test('gives what arrived before it failed, then the error with its delay', async () => {
    const { stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, ['a']);
    const error = { code: 'engine_lost', message: 'gone', retryDelay: { seconds: 2, nanos: 0 } };
    stream.send({ turnEnded: { turnId: turn.turnId, status: TurnStatus.TURN_STATUS_FAILED, endOffset: 5, error } });
    const reader = turn[Symbol.asyncIterator]();
    expect(await reader.next()).toMatchObject({ value: { text: 'a' } });
    await expect(reader.next()).rejects.toMatchObject({ code: 'engine_lost', retryAfterMs: 2_000 });
  });

  test('fails by an ack when its start is refused for a turn that is known', async () => {
    const { session, stream } = await kit.attached();
    const turn = session.turn('x', { turnId: 'taken' });
    const { seq } = await stream.received.take();
    const outcome = ControlOutcome.CONTROL_OUTCOME_REFUSED;
    stream.send({ controlAck: { seq, turnId: 'taken', outcome, code: 'idempotency_conflict' } });
    expect(await codeOf(turn.started)).toBe('idempotency_conflict');
  });

  test('is not started with a signal that is aborted already', async () => {
    const { session } = await kit.attached();
    expect(() => session.turn('x', { signal: AbortSignal.abort(new Error('no')) })).toThrow('no');
  });

  test('is interrupted where its reader stands when its signal aborts', async () => {
    const { session, stream } = await kit.attached();
    const abort = new AbortController();
    const turn = session.turn('x', { signal: abort.signal });
    await stream.received.take();
    stream.tokens(turn.turnId, 0, ['a', 'b']);
    const reader = turn[Symbol.asyncIterator]();
    await reader.next();
    abort.abort(new Error('enough'));
    await expect(reader.next()).rejects.toThrow('enough');
    expect((await stream.received.take()).interrupt).toMatchObject({
      turnId: turn.turnId,
      mode: CutMode.CUT_MODE_KEEP_THROUGH_OFFSET,
      keepThroughOffset: 2,
    });
  });
});

describe('interrupt', () => {
  test('answers with the receipt and gives the reader nothing past E', async () => {
    const { stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, letters(0, 4));
    stream.tokens(turn.turnId, 4, letters(4, 4));
    const reader = turn[Symbol.asyncIterator]();
    await reader.next();
    const cut = turn.interrupt({ keepThroughOffset: 6, reason: 'test' });
    const sent = (await stream.received.take()).interrupt;
    expect(sent).toMatchObject({ keepThroughOffset: 6, reason: 'test' });
    stream.send(applied({ turnId: turn.turnId, signalId: sent?.signalId ?? '', effective: 6, generated: 9 }), {
      turnEnded: { turnId: turn.turnId, status: TurnStatus.TURN_STATUS_INTERRUPTED, endOffset: 6 },
    });
    const receipt = await cut;
    expect(receipt).toEqual({
      outcome: 'applied',
      effectiveOffset: 6,
      generatedOffset: 9,
      deliveredOffset: 9,
      wastedTokens: 3,
      kvAction: 'cut-in-place',
      kvKeptTokens: 26,
    });
    expect(await reader.next()).toMatchObject({ value: { firstOffset: 4, tokenCount: 2, text: 'ef' } });
    expect((await reader.next()).done).toBe(true);
    expect(await turn.ended).toMatchObject({ status: 'interrupted', endOffset: 6, receipt });
  });

  test('leaves out of text() what was read and then cut away', async () => {
    const { stream, turn } = await kit.started();
    const text = turn.text();
    stream.tokens(turn.turnId, 0, letters(0, 8));
    stream.send({ turnEnded: { turnId: turn.turnId, status: TurnStatus.TURN_STATUS_INTERRUPTED, endOffset: 3 } });
    expect(await text).toBe('abc');
  });

  test('waits past PENDING for the cut itself', async () => {
    const { stream, turn } = await kit.started();
    const cut = turn.interrupt({ mode: 'at-item-boundary' });
    const signalId = (await stream.received.take()).interrupt?.signalId ?? '';
    const pending = applied({ turnId: turn.turnId, signalId: signalId, effective: 0, generated: 3 }).controlAck;
    stream.send({ controlAck: { ...pending, outcome: ControlOutcome.CONTROL_OUTCOME_PENDING } });
    stream.send(applied({ turnId: turn.turnId, signalId: signalId, effective: 0, generated: 5 }));
    expect(await cut).toMatchObject({ outcome: 'applied', generatedOffset: 5 });
  });

  test.each([
    { outcome: ControlOutcome.CONTROL_OUTCOME_NOT_FOUND, code: '', want: 'turn_not_found' },
    { outcome: ControlOutcome.CONTROL_OUTCOME_STALE, code: '', want: 'turn_stale' },
    { outcome: ControlOutcome.CONTROL_OUTCOME_UNSUPPORTED, code: '', want: 'interrupt_not_supported' },
    { outcome: ControlOutcome.CONTROL_OUTCOME_REFUSED, code: 'no_active_turn', want: 'no_active_turn' },
  ])('rejects with $want', async ({ outcome, code, want }) => {
    const { stream, turn } = await kit.started();
    const cut = turn.interrupt();
    const signalId = (await stream.received.take()).interrupt?.signalId ?? '';
    stream.send({ controlAck: { turnId: turn.turnId, signalId, outcome, code } });
    expect(await codeOf(cut)).toBe(want);
  });

  test('makes room for the tokens below E that are due, so that the end needs no reader', async () => {
    const { stream, turn } = await kit.started({ creditTokens: 4 });
    const cut = turn.interrupt({ mode: 'keep-generated' });
    const signalId = (await stream.received.take()).interrupt?.signalId ?? '';
    stream.send(applied({ turnId: turn.turnId, signalId: signalId, effective: 10, generated: 10 }));
    await cut;
    expect((await stream.received.take()).flow).toMatchObject({ receivedThroughOffset: 0, creditTokens: 10 });
  });

  test('works from outside the stream', async () => {
    kit.gateway.signal = ({ interrupt }) => ({
      ack: applied({ turnId: interrupt?.turnId ?? '', signalId: interrupt?.signalId ?? '', effective: 2, generated: 4 })
        .controlAck,
    });
    const receipt = await kit.client.signal({ turnId: 't', sessionId: 's'.repeat(26), mode: 'keep-generated' });
    expect(receipt.wastedTokens).toBe(2);
    kit.gateway.signal = () => ({ refuse: refusal('session_not_found') });
    expect(await codeOf(kit.client.signal({ turnId: 't', sessionId: 'x' }))).toBe('session_not_found');
  });
});

describe('redirect', () => {
  test('is one message; the successor runs on', async () => {
    const { stream, turn } = await kit.started();
    const redirecting = turn.redirect('other way', { maxOutputTokens: 5 });
    const sent = (await stream.received.take()).redirect;
    expect(sent).toMatchObject({ cut: { turnId: turn.turnId }, successor: { parentTurnId: '', maxOutputTokens: 5 } });
    const turnId = sent?.successor?.turnId ?? '';
    stream.send(applied({ turnId: turn.turnId, signalId: sent?.cut?.signalId ?? '', effective: 0, generated: 1 }));
    const { receipt, turn: successor } = await redirecting;
    expect([receipt.wastedTokens, successor.turnId]).toEqual([1, turnId]);
    stream.tokens(turnId, 0, ['x']);
    stream.send(completed(turnId, 1));
    expect(await successor.text()).toBe('x');
  });

  test('fails with its successor when the cut is refused', async () => {
    const { session, stream, turn } = await kit.started();
    const redirecting = turn.redirect('other way', { turnId: 'next' });
    const signalId = (await stream.received.take()).redirect?.cut?.signalId ?? '';
    const outcome = ControlOutcome.CONTROL_OUTCOME_REFUSED;
    stream.send({ controlAck: { turnId: turn.turnId, signalId, outcome, code: 'concurrency_exceeded' } });
    expect(await codeOf(redirecting)).toBe('concurrency_exceeded');
    expect(session.turns.map(({ turnId }) => turnId)).toEqual([turn.turnId]);
  });
});
