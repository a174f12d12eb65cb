import { describe, expect, test } from '@jest/globals';
import { caller, interrupt, policy, SessionsRig, start } from './sessions-rig.ts';
import { codeOf, RecordingSink, tokenText, ENGINE } from './scripted-engine.ts';

const expectedText = (from: number, through: number): string =>
  Array.from({ length: through - from }, (_, at) => tokenText(from + at)).join('');

describe('a turn over a link', () => {
  test('streams from its first token to its terminal, and bills what was sent', async () => {
    const rig = new SessionsRig();
    await rig.running('t1');
    rig.engine.mark('t1', {});
    rig.engine.tokens('t1', 0, 1);
    rig.engine.tokens('t1', 1, 100);
    rig.engine.mark('t1', { atOffset: 100, closed: true });
    rig.engine.ended('t1', { endOffset: 100 });
    const want = ['attached', 'turn-started', 'item-mark', '0-1', '1-65', '65-100', 'item-mark', 'turn-ended'];
    expect(rig.sink.log).toEqual(want);
    expect(rig.sink.text).toBe(expectedText(0, 100));
    expect(rig.sink.last('turn-started')).toMatchObject({ epoch: 1, replica: 'e'.repeat(26), promptTokens: 100 });
    expect(rig.sink.last('turn-ended')).toMatchObject({
      status: 'completed',
      endOffset: 100,
      usage: { inputTokens: 100, outputTokens: 100, discardedTokens: 0 },
    });
    expect(rig.ledger.billedTokens(rig.sessionId, 't1')).toBe(100);
  });

  test('interrupt and redirect end to end (PROTOCOL §8 B)', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 418);
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 405, creditTokens: 512 } });
    const cut = interrupt('t1', { keepThroughOffset: 405 });
    rig.send({ kind: 'redirect', redirect: { cut, successor: start('t2') } });
    expect(rig.engine.cuts).toMatchObject([
      {
        lane: 1,
        clientSeq: 3,
        signalId: 's1',
        mode: 2,
        keepThroughOffset: 405,
        successor: { lane: 2, turnId: 't2', parentTurnId: 't1' },
      },
    ]);
    rig.engine.tokens('t1', 418, 419);
    rig.engine.cutDone('t1', { effectiveOffset: 405, generatedOffset: 421, kvKeptTokens: 505 });
    rig.engine.tokens('t1', 419, 421);
    rig.engine.ended('t1', { status: 3, endOffset: 405 });
    rig.engine.started('t2', 525, 505);
    rig.engine.tokens('t2', 0, 2);
    const after = rig.sink.log.slice(rig.sink.log.indexOf('418-419'));
    expect(after).toEqual(['418-419', 'control-ack', 'turn-ended', 'turn-started', '0-2']);
    expect(rig.sink.last('control-ack')).toEqual({
      kind: 'control-ack',
      seq: 3,
      signalId: 's1',
      turnId: 't1',
      outcome: 'applied',
      effectiveOffset: 405,
      generatedOffset: 421,
      deliveredOffset: 419,
      wastedTokens: 16,
      kvAction: 'cut-in-place',
      kvKeptTokens: 505,
    });
    expect(rig.sink.last('turn-ended')).toMatchObject({
      turnId: 't1',
      status: 'redirected',
      endOffset: 405,
      successorTurnId: 't2',
      usage: { outputTokens: 419, discardedTokens: 16 },
    });
    expect(rig.sink.last('turn-started')).toMatchObject({ turnId: 't2', promptTokens: 525, cachedTokens: 505 });
  });

  test('after the ack of a cut nothing at or past E is sent: not on the stream, a replay, or a later attachment', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 50);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { keepThroughOffset: 30 }) });
    rig.engine.cutDone('t1', { effectiveOffset: 30, generatedOffset: 60 });
    rig.engine.tokens('t1', 50, 60);
    rig.engine.ended('t1', { status: 2, endOffset: 30 });
    expect(rig.sink.log.slice(-2)).toEqual(['control-ack', 'turn-ended']);
    const observer = new RecordingSink();
    const replay = { sessionId: rig.sessionId, turnId: 't1', nextOffset: 0, framePolicy: policy };
    await rig.sessions.replayTurn(caller, replay, observer);
    expect(observer.log).toEqual(['turn-started', '0-30', 'turn-ended', 'end']);
    const again = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 50, creditTokens: 0 }] });
    expect(again.log).toEqual(['attached', 'turn-ended']);
  });

  test('tokens below E that are still due arrive before the terminal, as the client grants them', async () => {
    const rig = new SessionsRig();
    await rig.create();
    await rig.attach({ defaultCreditTokens: 10 });
    rig.send({ kind: 'start-turn', start: start('t1') });
    rig.engine.started('t1');
    rig.engine.tokens('t1', 0, 25);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { mode: 'keep-generated' }) });
    rig.engine.cutDone('t1', { effectiveOffset: 25, generatedOffset: 25 });
    rig.engine.ended('t1', { status: 2, endOffset: 25 });
    expect(rig.sink.log).toEqual(['attached', 'turn-started', '0-10', 'control-ack']);
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 10, creditTokens: 100 } });
    expect(rig.sink.log.slice(4)).toEqual(['10-25', 'turn-ended']);
  });
});

describe('credit and back-pressure', () => {
  test('a client that pauses gets no more, and its engine is told so once per loop turn', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 20);
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 10, creditTokens: 30 } });
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 20, creditTokens: 0 } });
    await rig.settle();
    expect(rig.engine.credits).toEqual(['1 20+0']);
    rig.engine.tokens('t1', 20, 25);
    expect(rig.sink.position).toBe(20);
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 20, creditTokens: 3 } });
    expect(rig.sink.position).toBe(23);
  });

  test('a full socket stops the engine at what was received and lets it go on when it has drained', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 1);
    rig.sink.full = true;
    rig.engine.tokens('t1', 1, 2);
    rig.engine.tokens('t1', 2, 30);
    await rig.settle();
    expect(rig.engine.credits).toEqual([]);
    rig.engine.tokens('t1', 30, 280);
    await rig.settle();
    expect(rig.engine.credits).toEqual(['1 0+280']);
    expect(rig.sink.position).toBe(2);
    rig.sink.full = false;
    rig.attachment?.drained();
    await rig.settle();
    expect(rig.sink.log.slice(-2)).toEqual(['194-258', '258-280']);
    expect(rig.engine.credits).toEqual(['1 0+280', '1 0+512']);
  });

  test('an ack overtakes tokens that wait behind a full socket', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 1);
    rig.sink.full = true;
    rig.engine.tokens('t1', 1, 2);
    rig.engine.tokens('t1', 2, 40);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { mode: 'keep-generated' }) });
    rig.engine.cutDone('t1', { effectiveOffset: 40, generatedOffset: 40 });
    rig.engine.ended('t1', { status: 2, endOffset: 40 });
    expect(rig.sink.log.slice(-2)).toEqual(['1-2', 'control-ack']);
    expect(rig.sink.last('control-ack')?.deliveredOffset).toBe(2);
    rig.sink.full = false;
    rig.attachment?.drained();
    expect(rig.sink.log.slice(-2)).toEqual(['2-40', 'turn-ended']);
  });

  test('an ack past what was sent ends the stream, and the session goes on', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 20);
    rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset: 21, creditTokens: 1 } });
    expect(rig.sink.log.at(-1)).toBe('end ack_out_of_range');
    rig.engine.tokens('t1', 20, 30);
    const again = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 20, creditTokens: 0 }] });
    expect(again.log).toEqual(['attached', '20-30']);
  });
});

describe('attach', () => {
  test.each([
    { name: 'the past', nextOffset: 3, want: ['attached', '3-40'] },
    { name: 'where the stream stands', nextOffset: 40, want: ['attached'] },
    { name: 'the start', nextOffset: 0, want: ['attached', 'turn-started', '0-40'] },
  ])('resumes a running turn from $name without gap or repeat', async ({ nextOffset, want }) => {
    const rig = new SessionsRig();
    await rig.running('t1', 40);
    rig.attachment?.disconnected();
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset, creditTokens: 0 }] });
    expect(sink.last('attached')?.replay).toEqual([{ turnId: 't1', nextOffset, creditTokens: 512 }]);
    expect(sink.log).toEqual(want);
    rig.engine.tokens('t1', 0, 50);
    rig.engine.ended('t1', { endOffset: 50 });
    expect(sink.text).toBe(expectedText(nextOffset, 50));
    expect(sink.log.slice(-2)).toEqual(['40-50', 'turn-ended']);
  });

  test.each([
    { name: 'the future', nextOffset: 41, want: 'value_out_of_range' },
    { name: 'what has left the ring', nextOffset: 0, tokens: 9_000, want: 'resume_window_exceeded' },
  ])(
    'refuses a cursor in $name and leaves the attachment before in place',
    async ({ nextOffset, tokens = 40, want }) => {
      const rig = new SessionsRig();
      await rig.create();
      await rig.attach({ defaultCreditTokens: 8_192 });
      rig.send({ kind: 'start-turn', start: start('t1') });
      rig.engine.started('t1');
      for (let from = 0; from < tokens; from += 1_000) {
        rig.engine.tokens('t1', from, Math.min(tokens, from + 1_000));
        const receivedThroughOffset = Math.min(tokens, from + 1_000);
        rig.send({ kind: 'flow', flow: { turnId: 't1', receivedThroughOffset, creditTokens: 8_192 } });
      }
      const opens = rig.engine.opens.length;
      const before = rig.sink;
      const cursors = [{ turnId: 't1', nextOffset, creditTokens: 0 }];
      expect(await codeOf(rig.attach({ cursors }))).toBe(want);
      expect(rig.engine.opens.length).toBe(opens);
      rig.engine.tokens('t1', tokens, tokens + 1);
      expect(before.position).toBe(tokens + 1);
    },
  );

  test('raises the epoch, ends the older attachment, and the older one can do nothing more', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    const [older, olderSink] = [rig.attachment, rig.sink];
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 10, creditTokens: 0 }] });
    expect(olderSink.log.at(-1)).toBe('end epoch_stale');
    expect(sink.last('attached')).toMatchObject({ session: { epoch: 2 }, lastAppliedSeq: 1 });
    older?.command({ seq: 2, kind: 'interrupt', interrupt: interrupt('t1') });
    older?.disconnected();
    expect(rig.engine.cuts).toEqual([]);
    rig.engine.tokens('t1', 10, 12);
    expect([olderSink.position, sink.position]).toEqual([10, 12]);
  });

  test('a session id alone is a new holder: seq starts again and the older token is stale', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 5);
    const token = rig.token;
    const { resumeToken: _unused, ...byId } = { resumeToken: '', sessionId: rig.sessionId };
    const sink = new RecordingSink();
    const request = { ...byId, cursors: [], defaultCreditTokens: 0, framePolicy: policy };
    await rig.sessions.attach(caller, request, sink);
    expect(sink.log).toEqual(['attached', 'turn-started', '0-5']);
    expect(sink.last('attached')?.lastAppliedSeq).toBe(0);
    expect(await codeOf(rig.attach({ resumeToken: token }))).toBe('epoch_stale');
  });

  test('the same holder resumes with a token of any epoch, and resends what was not applied', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 5);
    const first = rig.token;
    await rig.attach();
    const sink = await rig.attach({ resumeToken: first, cursors: [{ turnId: 't1', nextOffset: 5, creditTokens: 0 }] });
    expect(sink.last('attached')?.lastAppliedSeq).toBe(1);
    rig.attachment?.command({ seq: 1, kind: 'start-turn', start: start('t1') });
    rig.attachment?.command({ seq: 2, kind: 'start-turn', start: start('t2') });
    expect(rig.engine.starts.map(({ turnId }) => turnId)).toEqual(['t1', 't2']);
  });

  test('a terminal that reached nobody is told to the next attachment, once', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.sink.full = true;
    rig.engine.tokens('t1', 10, 11);
    rig.engine.tokens('t1', 11, 12);
    rig.engine.ended('t1', { endOffset: 12 });
    rig.attachment?.disconnected();
    expect(rig.sink.last('turn-ended')).toBeUndefined();
    rig.clock.advance(120_000);
    const sink = await rig.attach();
    expect(sink.log).toEqual(['attached', 'turn-started', '0-12', 'turn-ended']);
    const next = await rig.attach();
    expect(next.log).toEqual(['attached']);
  });
});

describe('the engine side', () => {
  test.each([
    { name: 'a gap', from: 12, first: 1_012 },
    { name: 'another token where one is held', from: 9, first: 5 },
  ])(
    '$name in the rows of a lane is a fault of the link, and without another engine its turns are lost',
    async ({ from, first }) => {
      const rig = new SessionsRig();
      await rig.running('t1', 10);
      rig.engine.step(1, { from, ids: Uint32Array.of(first), lengths: Uint32Array.of(1), text: Buffer.from('x') });
      expect(rig.engine.faults).toEqual(['a row does not continue its lane']);
      expect(rig.suspected).toEqual([ENGINE.engineId]);
      await rig.elapse(6_000);
      expect(rig.sink.last('turn-ended')).toMatchObject({
        status: 'failed',
        endOffset: 10,
        error: { code: 'engine_lost' },
      });
      expect(rig.sink.ended).toBe(false);
    },
  );

  test('a refused start ends its turn with the code of the engine', async () => {
    const rig = new SessionsRig();
    await rig.create();
    await rig.attach();
    rig.send({ kind: 'start-turn', start: start('t1') });
    const error = {
      grpcCode: 14,
      code: 'no_capacity',
      message: 'full',
      param: '',
      retryable: true,
      retryDelay: { seconds: 1, nanos: 0 },
    };
    rig.engine.fault({ sid: 1, lane: 1, error });
    expect(rig.sink.last('turn-ended')).toMatchObject({
      status: 'failed',
      error: { code: 'no_capacity', retryDelayMs: 1_000 },
      usage: { inputTokens: 0, outputTokens: 0 },
    });
  });

  test('a successor that comes with a cut under way survives the attach that overtakes it', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.send({ kind: 'redirect', redirect: { cut: interrupt('t1'), successor: start('t2') } });
    rig.attachment?.disconnected();
    rig.engine.unknownTurns.add('t2');
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 10, creditTokens: 0 }] });
    expect(sink.log).toEqual(['attached']);
    rig.engine.cutDone('t1', { effectiveOffset: 0, generatedOffset: 12 });
    rig.engine.ended('t1', { status: 3, endOffset: 0 });
    expect(sink.last('turn-ended')).toMatchObject({ turnId: 't1', status: 'redirected', successorTurnId: 't2' });
    const lane = rig.engine.cuts[0]?.successor?.lane ?? 0;
    const plain = { lane, sid: 2, promptTokens: 20, cachedTokens: 0, startOffset: 0, continuation: 0 } as const;
    rig.engine.table.message({ started: { ...plain, turnId: 't2' } });
    expect(sink.last('turn-started')).toMatchObject({ turnId: 't2', epoch: 2 });
  });

  test('a link that died before it could be used refuses the attach, and a later one succeeds', async () => {
    const rig = new SessionsRig();
    await rig.create();
    rig.engine.table.lost('transport');
    const refused = codeOf(rig.attach());
    await rig.elapse(3_000);
    expect(await refused).toBe('engine_lost');
    rig.engine.die();
    expect((await rig.attach()).log).toEqual(['attached']);
  });

  test('another gateway that takes the session ends the stream', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    const error = {
      grpcCode: 10,
      code: 'epoch_stale',
      message: 'taken',
      param: '',
      retryable: false,
      retryDelay: null,
    };
    rig.engine.fault({ sid: 1, epoch: 9, error });
    expect(rig.sink.log.at(-1)).toBe('end epoch_stale');
  });
});

describe('a session of a key that may use more', () => {
  const fewer = { ...caller, keyId: 'k2', tiers: ['default'], defaultTier: 'default' } as const;

  test('is not for a key that may not use its tier', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy: policy, sessionId: rig.sessionId };
    expect(await codeOf(rig.sessions.attach(fewer, request, new RecordingSink()))).toBe('tier_required');
  });

  test('gives a key with the same tier no other one', async () => {
    const rig = new SessionsRig();
    const only = { ...caller, keyId: 'k3', tiers: ['ultrafast'] } as const;
    await rig.create();
    const sink = new RecordingSink();
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy: policy, sessionId: rig.sessionId };
    const attachment = await rig.sessions.attach(only, request, sink);
    attachment.command({ seq: 1, kind: 'start-turn', start: start('t1', { tier: 'default' }) });
    expect(sink.last('turn-ended')).toMatchObject({ turnId: 't1', error: { code: 'tier_required' } });
  });
});
