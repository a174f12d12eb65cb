import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { API_KEY, applied, ClientKit, codeOf, completed, letters } from './client-kit.ts';
import { FAKE_MODEL, refusal } from './fake-gateway.ts';
import { connect } from './index.ts';

let kit: ClientKit;
beforeEach(async () => {
  kit = await ClientKit.start();
});
afterEach(() => kit[Symbol.asyncDispose]());

describe('a lost stream', () => {
  test('is attached again with the newest token and cursors, and the reader sees each token once', async () => {
    const { stream, turn } = await kit.started();
    const text = turn.text();
    stream.tokens(turn.turnId, 0, letters(0, 5));
    // A control in flight proves that the tokens before it are read.
    const cut = turn.interrupt({ mode: 'at-item-boundary' });
    const { interrupt } = await stream.received.take();
    stream.fail(Object.assign(new Error('reset'), { code: 14, details: 'reset' }));
    const next = await kit.gateway.streams.take();
    const { attach } = await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 3 }], lastAppliedSeq: 1 });
    expect(attach?.resumeToken).toBe('token-turn');
    expect(attach?.cursors).toMatchObject([{ turnId: turn.turnId, nextOffset: 5 }]);
    expect(await next.received.take()).toMatchObject({ seq: 2, interrupt });
    next.tokens(turn.turnId, 3, letters(3, 4));
    next.send(
      applied({ turnId: turn.turnId, signalId: interrupt?.signalId ?? '', effective: 7, generated: 7 }),
      completed(turn.turnId, 7),
    );
    expect(await text).toBe('abcdefg');
    expect((await cut).effectiveOffset).toBe(7);
  });

  test('sends a start again that may not have arrived, and names its turn at 0', async () => {
    const { session, stream } = await kit.attached();
    const turn = session.turn('go');
    await stream.received.take();
    stream.end();
    const next = await kit.gateway.streams.take();
    const { attach } = await next.attach();
    expect(attach?.cursors).toMatchObject([{ turnId: turn.turnId, nextOffset: 0, creditTokens: 512 }]);
    expect(await next.received.take()).toMatchObject({ seq: 1, startTurn: { turnId: turn.turnId } });
  });

  test.each([
    { code: 'epoch_stale' as const },
    { code: 'invalid_resume_token' as const },
    { code: 'ack_out_of_range' as const },
  ])('is given up on $code, with every turn and control', async ({ code }) => {
    const { session, stream, turn } = await kit.started();
    const cut = turn.interrupt();
    await stream.received.take();
    stream.fail(refusal(code));
    expect(await Promise.all([codeOf(turn.ended), codeOf(cut)])).toEqual([code, code]);
    expect(() => session.turn('more')).toThrow(`refused: ${code}`);
  });

  test('is given up when the outage outlasts its bound', async () => {
    const hasty = connect({ target: kit.gateway.target, apiKey: API_KEY, model: FAKE_MODEL, reconnectMs: 10 });
    const opening = hasty.createSession();
    const stream = await kit.gateway.streams.take();
    stream.fail(refusal('draining', 5_000));
    expect(await codeOf(opening)).toBe('draining');
    hasty.close();
  });

  test('is replaced after GoAway, and the old one is not heard any more', async () => {
    const { stream, turn } = await kit.started();
    const text = turn.text();
    stream.tokens(turn.turnId, 0, ['a']);
    stream.send({ goAway: { timeLeft: { seconds: 30, nanos: 0 }, resumeToken: 'token-away', reason: 'age' } });
    const next = await kit.gateway.streams.take();
    const { attach } = await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 1 }], lastAppliedSeq: 1 });
    expect(attach?.resumeToken).toBe('token-away');
    await stream.halfClosed.promise;
    stream.tokens(turn.turnId, 1, ['!']);
    next.tokens(turn.turnId, 1, ['b']);
    next.send(completed(turn.turnId, 2));
    expect(await text).toBe('ab');
  });
});

describe('resume', () => {
  test('continues turns from cursors and numbers after those of the process before', async () => {
    const resuming = kit.client.resume('token-old', [{ turnId: 'old', nextOffset: 40 }]);
    const stream = await kit.gateway.streams.take();
    const { attach } = await stream.attach({ replay: [{ turnId: 'old', nextOffset: 40 }], lastAppliedSeq: 9 });
    expect(attach).toMatchObject({ resumeToken: 'token-old', cursors: [{ turnId: 'old', nextOffset: 40 }] });
    const session = await resuming;
    const [turn] = session.turns;
    stream.tokens('old', 40, ['x', 'y']);
    stream.send(completed('old', 42));
    expect(await turn?.text()).toBe('xy');
    session.turn('more');
    expect(await stream.received.take()).toMatchObject({ seq: 10, startTurn: { parentTurnId: 'old' } });
  });

  test('takes in a turn that another client started', async () => {
    const { session, stream } = await kit.attached();
    stream.send({ turnStarted: { turnId: 'theirs', resumeToken: '' } });
    stream.tokens('theirs', 0, ['q']);
    const mine = session.turn('x');
    stream.send(completed(mine.turnId, 0));
    await mine.ended;
    const theirs = session.turns.find(({ turnId }) => turnId === 'theirs');
    stream.send(completed('theirs', 1));
    expect(await theirs?.text()).toBe('q');
    expect(session.resumeToken).toBe('token-attached');
  });
});

describe('the end', () => {
  test('detach leaves the session on the service and tells how to resume', async () => {
    const { session, stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, ['a', 'b']);
    await turn[Symbol.asyncIterator]().next();
    expect(session.detach()).toEqual({
      resumeToken: 'token-turn',
      cursors: [{ turnId: turn.turnId, nextOffset: 2 }],
    });
    await stream.halfClosed.promise;
    expect(await codeOf(turn.ended)).toBe('session_not_open');
    expect(kit.gateway.closed).toEqual([]);
  });

  test('close ends the session on the service, once', async () => {
    const { session, stream } = await kit.attached();
    const closing = session.close();
    await stream.halfClosed.promise;
    stream.end();
    await closing;
    await session.close();
    expect(kit.gateway.closed).toEqual([session.sessionId]);
  });
});
