import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import type { Caller } from './front.ts';
import { caller, interrupt, policy, SessionsRig, start } from './sessions-rig.ts';
import { codeOf, ENGINE, RecordingSink } from './scripted-engine.ts';

const create = { requestId: 'r1', model: ENGINE.model, allowedRegions: [], cacheKey: '', prefix: [], bodyDigest: 'b' };
const item = { kind: 'item', json: '{"type":"message","role":"user","content":"hi"}' } as const;

describe('createSession', () => {
  test('evaluates its prefix and says what it holds', async () => {
    const rig = new SessionsRig();
    rig.engine.kvTokens = 0;
    const { session } = await rig.sessions.createSession(caller, { ...create, prefix: [item] });
    expect(rig.engine.prefills).toMatchObject([
      { sid: 1, parentTurnId: '', draftId: '', append: [{ itemJson: item.json }] },
    ]);
    expect(session).toMatchObject({
      model: 'spark-ref',
      region: 'eu-test',
      epoch: 1,
      tier: 'ultrafast',
      contextTokens: 64,
      contextLimit: 131_072,
    });
    expect(session.expireTimeMs).toBe(rig.clock.wallMs() + 30 * 60_000);
  });

  test('is one session for one request id and body, and a conflict for another body', async () => {
    const rig = new SessionsRig();
    const [first, again] = await Promise.all([
      rig.sessions.createSession(caller, create),
      rig.sessions.createSession(caller, create),
    ]);
    expect(again.session.sessionId).toBe(first.session.sessionId);
    expect(rig.sessions.size).toBe(1);
    expect(await codeOf(rig.sessions.createSession(caller, { ...create, bodyDigest: 'c' }))).toBe(
      'idempotency_conflict',
    );
    const other: Caller = { ...caller, tenant: 'other' };
    const foreign = await rig.sessions.createSession(other, create);
    expect(foreign.session.sessionId).not.toBe(first.session.sessionId);
  });

  test.each([
    { name: 'a model the key may not use', who: { models: ['other'] }, over: {}, want: 'model_not_found' },
    { name: 'a tier the key has not', who: {}, over: { tier: 'flex' as const }, want: 'tier_required' },
    { name: 'another region', who: {}, over: { allowedRegions: ['us-test'] }, want: 'region_unavailable' },
    {
      name: 'a prefix that is no text',
      who: {},
      over: { prefix: [{ kind: 'item' as const, json: '[]' }] },
      want: 'invalid_request',
    },
  ])('refuses $name and keeps nothing', async ({ who, over, want }) => {
    const rig = new SessionsRig();
    expect(await codeOf(rig.sessions.createSession({ ...caller, ...who }, { ...create, ...over }))).toBe(want);
    expect(rig.sessions.size).toBe(0);
  });
});

describe('a foreign session', () => {
  test('answers exactly as one that does not exist, on every call', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 3);
    const other: Caller = { ...caller, tenant: 'other' };
    const ask = (who: Caller, sessionId: string): Promise<unknown>[] => [
      rig.sessions.getSession(who, sessionId),
      rig.sessions.closeSession(who, sessionId),
      rig.sessions.attach(
        who,
        { sessionId, cursors: [], defaultCreditTokens: 0, framePolicy: policy },
        new RecordingSink(),
      ),
      rig.sessions.signalTurn(who, { sessionId, signal: interrupt('t1') }),
      rig.sessions.replayTurn(
        who,
        { sessionId, turnId: 't1', nextOffset: 0, framePolicy: policy },
        new RecordingSink(),
      ),
      rig.sessions.warmSession(who, { sessionId, requestId: 'w', parentTurnId: '', prefix: [item], bodyDigest: 'w' }),
    ];
    const texts = async (promises: Promise<unknown>[]): Promise<string[]> =>
      (await Promise.allSettled(promises)).map((each) =>
        each.status === 'rejected' ? inspect(each.reason, { compact: true }).replace(/\n\s+at .*/g, '') : 'resolved',
      );
    const foreign = await texts(ask(other, rig.sessionId));
    expect(foreign).toEqual(await texts(ask(caller, 'a'.repeat(26))));
    expect(new Set(foreign).size).toBe(1);
    expect(foreign[0]).toContain('session_not_found');
    expect(rig.sink.ended).toBe(false);
  });

  test('a token of another tenant is as unknown', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const other: Caller = { ...caller, tenant: 'other' };
    const request = { resumeToken: rig.token, cursors: [], defaultCreditTokens: 0, framePolicy: policy };
    expect(await codeOf(rig.sessions.attach(other, request, new RecordingSink()))).toBe('session_not_found');
  });
});

describe('signalTurn', () => {
  test('cuts on the same path as the stream; the stream learns of the end, the caller of the receipt', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 40);
    const answer = rig.sessions.signalTurn(caller, {
      sessionId: rig.sessionId,
      signal: interrupt('t1', { keepThroughOffset: 30 }),
    });
    await rig.settle();
    rig.engine.cutDone('t1', { effectiveOffset: 30, generatedOffset: 44 });
    rig.engine.ended('t1', { status: 2, endOffset: 30 });
    expect(await answer).toMatchObject({
      seq: 0,
      outcome: 'applied',
      effectiveOffset: 30,
      deliveredOffset: 40,
      wastedTokens: 14,
    });
    expect(rig.sink.log.slice(-1)).toEqual(['turn-ended']);
    expect(rig.sink.last('control-ack')).toBeUndefined();
  });

  test('gives up after a second without an answer', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 4);
    const answer = codeOf(rig.sessions.signalTurn(caller, { sessionId: rig.sessionId, signal: interrupt('t1') }));
    await rig.settle();
    rig.clock.advance(1_000);
    expect(await answer).toBe('engine_lost');
  });

  test('of a turn whose client is gone opens the session for it and lets it go again', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 40);
    rig.attachment?.disconnected();
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { sid: 1, mode: 'RELEASE_MODE_DETACH' } });
    const signal = interrupt('t1', { mode: 'keep-generated' });
    const answer = rig.sessions.signalTurn(caller, { resumeToken: rig.token, signal });
    await rig.settle();
    expect(rig.engine.opens.at(-1)).toMatchObject({ sid: 2, minEpoch: 2, adopt: [{ turnId: 't1', nextOffset: 0 }] });
    rig.engine.cutDone('t1', { effectiveOffset: 40, generatedOffset: 40 });
    rig.engine.ended('t1', { status: 2, endOffset: 40 });
    expect(await answer).toMatchObject({ outcome: 'applied', effectiveOffset: 40 });
    await rig.settle();
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { sid: 2, mode: 'RELEASE_MODE_DETACH' } });
  });
});

describe('warmSession', () => {
  test('makes a context that a turn can continue, and tells the stream nothing', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const sink = await rig.attach();
    const request = { sessionId: rig.sessionId, requestId: 'w1', parentTurnId: '', prefix: [item], bodyDigest: 'w' };
    const warmed = await rig.sessions.warmSession(caller, request);
    expect(warmed).toMatchObject({ prefilledTokens: 60, cachedTokens: 4 });
    expect(rig.engine.prefills).toMatchObject([{ draftId: warmed.turnId }]);
    expect(await rig.sessions.warmSession(caller, request)).toEqual(warmed);
    rig.send({ kind: 'start-turn', start: start('t1', { parentTurnId: warmed.turnId }) });
    expect(rig.engine.starts).toMatchObject([{ parentTurnId: warmed.turnId }]);
    expect(sink.log).toEqual(['attached']);
  });

  test('during an attach does not take the epoch that the engine raised for it for that of another gateway', async () => {
    const located = { engineId: ENGINE.engineId, epoch: 2, tier: undefined } as const;
    const signal = (): Promise<never> => Promise.reject(new Error('not asked for'));
    const rig = new SessionsRig({ remote: { signal, locate: () => Promise.resolve(located) } });
    await rig.create();
    await rig.attach();
    rig.attachment?.disconnected();
    rig.engine.answersOpen = false;
    const attaching = rig.attach();
    await rig.settle();
    const request = { sessionId: rig.sessionId, requestId: 'w1', parentTurnId: '', prefix: [item], bodyDigest: 'w' };
    const warming = codeOf(rig.sessions.warmSession(caller, request));
    await rig.settle();
    rig.engine.answersOpen = true;
    rig.engine.answerOpen(rig.engine.opens.at(-1) ?? {});
    expect((await attaching).last('attached')?.session.epoch).toBe(2);
    expect(await warming).not.toBe('epoch_stale');
  });

  test('a prefill-only turn of the stream ends without output', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const sink = await rig.attach();
    rig.send({ kind: 'start-turn', start: start('t1', { prefillOnly: true }) });
    await rig.settle();
    expect(sink.log).toEqual(['attached', 'turn-started', 'turn-ended']);
    expect(sink.last('turn-ended')).toMatchObject({
      status: 'completed',
      endOffset: 0,
      usage: { inputTokens: 64, cachedTokens: 4, outputTokens: 0 },
    });
  });

  test.each([
    { name: 'an unknown parent', over: { parentTurnId: 'nobody' }, want: 'turn_not_found' },
    { name: 'input that is no text', over: { prefix: [{ kind: 'item' as const, json: '{' }] }, want: 'invalid_json' },
  ])('refuses $name', async ({ over, want }) => {
    const rig = new SessionsRig();
    await rig.create();
    const request = {
      sessionId: rig.sessionId,
      requestId: 'w1',
      parentTurnId: '',
      prefix: [item],
      bodyDigest: 'w',
      ...over,
    };
    expect(await codeOf(rig.sessions.warmSession(caller, request))).toBe(want);
  });
});

describe('replayTurn', () => {
  const replay = async (rig: SessionsRig, nextOffset: number, sink = new RecordingSink()) => {
    const request = { sessionId: rig.sessionId, turnId: 't1', nextOffset, framePolicy: policy };
    return { sink, reader: await rig.sessions.replayTurn(caller, request, sink) };
  };

  test('reads the past, follows the live tail and ends with the turn; the epoch and the bill of others stay', async () => {
    const rig = new SessionsRig();
    await rig.running('t1');
    rig.engine.mark('t1', {});
    rig.engine.tokens('t1', 0, 10);
    const { sink } = await replay(rig, 4);
    expect(sink.log).toEqual(['turn-started', 'item-mark', '4-10']);
    rig.engine.tokens('t1', 10, 12);
    rig.engine.ended('t1', { endOffset: 12 });
    expect(sink.log.slice(3)).toEqual(['10-12', 'turn-ended', 'end']);
    expect(rig.engine.opens.length).toBe(1);
    expect(rig.ledger.billedTokens(rig.sessionId, 't1')).toBe(12);
  });

  test('its close changes nothing, and a full reader holds nobody up', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 5);
    const slow = new RecordingSink();
    slow.full = true;
    const { reader } = await replay(rig, 0, slow);
    rig.engine.tokens('t1', 5, 300);
    expect([slow.position, rig.sink.position]).toEqual([5, 300]);
    reader.close();
    reader.drained();
    rig.engine.tokens('t1', 300, 301);
    expect([slow.position, rig.sink.position]).toEqual([5, 301]);
    await rig.settle();
    expect(rig.engine.credits).toEqual([]);
  });

  test('of a finished turn works for 60 s; then its tokens are gone and its end is known', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.engine.ended('t1', { endOffset: 10 });
    rig.clock.advance(59_999);
    expect((await replay(rig, 0)).sink.log).toEqual(['turn-started', '0-10', 'turn-ended', 'end']);
    rig.clock.advance(1);
    await expect(replay(rig, 3)).rejects.toMatchObject({
      code: 'resume_window_exceeded',
      details: { oldest_offset: '10' },
    });
    const { sink } = await replay(rig, 10);
    expect(sink.log).toEqual(['turn-started', 'turn-ended', 'end']);
    expect(sink.last('turn-ended')?.usage.outputTokens).toBe(10);
  });

  test.each([
    { name: 'an unknown turn', nextOffset: 0, turnId: 'nobody', want: 'turn_not_found' },
    { name: 'a future offset', nextOffset: 11, turnId: 't1', want: 'value_out_of_range' },
  ])('refuses $name', async ({ nextOffset, turnId, want }) => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    const request = { sessionId: rig.sessionId, turnId, nextOffset, framePolicy: policy };
    expect(await codeOf(rig.sessions.replayTurn(caller, request, new RecordingSink()))).toBe(want);
  });
});

describe('the life of a session', () => {
  test('an engine that does not open the session refuses the attach in bounded time, and a later one succeeds', async () => {
    const rig = new SessionsRig();
    await rig.create();
    await rig.attach();
    rig.attachment?.disconnected();
    rig.engine.answersOpen = false;
    const refused = codeOf(rig.attach());
    await rig.elapse(4_000);
    expect(await refused).toBe('engine_lost');
    rig.engine.answersOpen = true;
    expect((await rig.attach()).log).toEqual(['attached']);
  });

  test('a half-closed stream finishes its turn, with everything the client is owed, then ends OK', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 1);
    rig.attachment?.halfClose();
    rig.sink.full = true;
    rig.engine.tokens('t1', 1, 2);
    rig.engine.tokens('t1', 2, 4);
    rig.engine.ended('t1', { endOffset: 4 });
    expect(rig.sink.ended).toBe(false);
    rig.attachment?.drained();
    expect(rig.sink.log.slice(-3)).toEqual(['2-4', 'turn-ended', 'end']);
  });

  test('a session that nobody uses for idle_ttl is dropped at its engine too', async () => {
    const rig = new SessionsRig();
    await rig.sessions.createSession(caller, { ...create, idleTtlMs: 5_000 });
    rig.clock.advance(4_999);
    expect(rig.sessions.size).toBe(1);
    rig.clock.advance(1);
    expect(rig.sessions.size).toBe(0);
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { mode: 'RELEASE_MODE_DROP' } });
  });

  test('an attached session is not idle', async () => {
    const rig = new SessionsRig();
    await rig.create();
    await rig.attach();
    rig.clock.advance(45 * 60_000);
    expect(rig.sessions.size).toBe(1);
  });

  test('a stream is told to go 30 s before its age, ends OK, and can be resumed with the token it was given', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 4);
    rig.clock.advance(60 * 60_000 - 30_000);
    const away = rig.sink.last('go-away');
    expect(away).toMatchObject({ timeLeftMs: 30_000, reason: 'age' });
    rig.clock.advance(30_000);
    expect(rig.sink.log.at(-1)).toBe('end');
    const cursors = [{ turnId: 't1', nextOffset: 4, creditTokens: 0 }];
    const sink = await rig.attach({ resumeToken: away?.resumeToken ?? '', cursors });
    expect(sink.log).toEqual(['attached']);
  });

  test('closing ends running turns with what was sent, ends the stream and forgets the session', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 7);
    await rig.sessions.closeSession(caller, rig.sessionId);
    expect(rig.sink.log.slice(-2)).toEqual(['turn-ended', 'end']);
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 7 });
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { mode: 'RELEASE_MODE_DROP' } });
    expect(await codeOf(rig.sessions.getSession(caller, rig.sessionId))).toBe('session_not_found');
  });

  test('a stop refuses new work, waits for turns, then ends the streams', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 7);
    const stopped = rig.sessions.stop(1_000);
    expect(rig.sink.last('go-away')).toMatchObject({ reason: 'drain', timeLeftMs: 1_000 });
    expect(await codeOf(rig.sessions.createSession(caller, { ...create, requestId: 'r2' }))).toBe('draining');
    rig.clock.advance(250);
    await rig.settle();
    expect(rig.sink.ended).toBe(false);
    rig.engine.ended('t1', { endOffset: 7 });
    rig.clock.advance(250);
    await stopped;
    expect(rig.sink.log.slice(-2)).toEqual(['turn-ended', 'end']);
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { mode: 'RELEASE_MODE_DETACH' } });
    expect([rig.sessions.size, rig.clock.pending]).toEqual([0, 0]);
  });

  test('getSession names the turns that run and where they stand', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 7);
    const { session, liveTurns } = await rig.sessions.getSession(caller, rig.sessionId);
    expect(session.sessionId).toBe(rig.sessionId);
    expect(liveTurns).toEqual([{ turnId: 't1', nextOffset: 7, creditTokens: 512 }]);
  });
});
