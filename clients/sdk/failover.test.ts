/** Two gateways, one of which dies; engines that are lost under a running turn. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { systemEnv } from '@reticle/core/process';
import { Continuation } from '@reticle/proto/gen/session/v1/Continuation';
import { ControlOutcome } from '@reticle/proto/gen/session/v1/ControlOutcome';
import { ServeReason } from '@reticle/proto/gen/session/v1/ServeReason';
import type { TurnStarted__Input } from '@reticle/proto/gen/session/v1/TurnStarted';
import { applied, ClientKit, codeOf, completed, letters } from './client-kit.ts';
import { FakeGateway, refusal } from './fake-gateway.ts';
import type { ConnectionEvent, Moved, Session } from './index.ts';

let kit: ClientKit;
let other: FakeGateway;
beforeEach(async () => {
  ({ kit, other } = await ClientKit.pair());
});
afterEach(() => kit[Symbol.asyncDispose]());

const RESET = Object.assign(new Error('reset'), { code: 14, details: 'reset' });

function eventsOf(session: Session): ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  session.onConnection((event) => events.push(event));
  return events;
}

/** A TurnStarted of a further epoch. */
function movedTo(turnId: string, started: TurnStarted__Input) {
  return {
    turnStarted: {
      turnId,
      epoch: 4,
      replica: 'engine-2',
      reason: ServeReason.SERVE_REASON_FAILOVER,
      continuation: Continuation.CONTINUATION_EXACT,
      ...started,
    },
  };
}

describe('a dead gateway', () => {
  test('is left for the other one, which replays from the cursor, and the reader sees each token once', async () => {
    const { session, stream, turn } = await kit.started();
    const events = eventsOf(session);
    const text = turn.text();
    stream.tokens(turn.turnId, 0, letters(0, 5));
    const cut = turn.interrupt({ mode: 'at-item-boundary' });
    await stream.received.take();
    kit.gateway.kill();
    const next = await other.streams.take();
    const { attach } = await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 5 }] });
    expect(attach).toMatchObject({ resumeToken: 'token-turn', cursors: [{ turnId: turn.turnId, nextOffset: 5 }] });
    // A new gateway counts from 0: the control that has no answer becomes its first command.
    const { seq, interrupt } = await next.received.take();
    expect(seq).toBe(1);
    next.tokens(turn.turnId, 5, letters(5, 3));
    const signalId = interrupt?.signalId ?? '';
    next.send(applied({ turnId: turn.turnId, signalId, effective: 8, generated: 8 }), completed(turn.turnId, 8));
    expect(await text).toBe('abcdefgh');
    expect((await cut).effectiveOffset).toBe(8);
    expect(events).toMatchObject([
      { kind: 'lost', target: kit.gateway.target, error: { code: 'region_lost' } },
      { kind: 'attached', target: other.target },
    ]);
  });

  test('took a start that no engine had yet: it is sent again, as the first command of the other gateway', async () => {
    const { session, stream } = await kit.attached();
    const turn = session.turn('go');
    await stream.received.take();
    stream.send({ turnQueued: { turnId: turn.turnId, position: 3 } });
    stream.fail(RESET);
    const next = await other.streams.take();
    await next.attach();
    expect(await next.received.take()).toMatchObject({ seq: 1, startTurn: { turnId: turn.turnId } });
    next.send({ turnStarted: { turnId: turn.turnId, epoch: 2 } });
    next.tokens(turn.turnId, 0, ['a']);
    next.send(completed(turn.turnId, 1));
    expect(await turn.text()).toBe('a');
  });

  test('started a turn without telling: the other one tells, and a start sent again is not sent a third time', async () => {
    const { session, stream } = await kit.attached();
    const turn = session.turn('go');
    await stream.received.take();
    stream.fail(RESET);
    const next = await other.streams.take();
    const { attach } = await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 0 }] });
    expect(attach?.cursors).toMatchObject([{ turnId: turn.turnId, nextOffset: 0 }]);
    const again = { turnStarted: { turnId: turn.turnId, epoch: 2, replica: 'engine-1' } };
    next.send(again);
    next.tokens(turn.turnId, 0, letters(0, 4));
    // The answer to the repeated start, in the middle of the turn.
    next.send(again);
    next.tokens(turn.turnId, 4, letters(4, 2));
    await turn.started;
    const cut = turn.interrupt();
    expect(await next.received.take()).toMatchObject({ seq: 1, startTurn: { turnId: turn.turnId } });
    expect(await next.received.take()).toMatchObject({ seq: 2, interrupt: { turnId: turn.turnId } });
    next.fail(RESET);
    const third = await kit.gateway.streams.take();
    await third.attach({ replay: [{ turnId: turn.turnId, nextOffset: 6 }] });
    const { seq, interrupt } = await third.received.take();
    expect(seq).toBe(1);
    const signalId = interrupt?.signalId ?? '';
    third.send(applied({ turnId: turn.turnId, signalId, effective: 6, generated: 6 }), completed(turn.turnId, 6));
    expect(await turn.text()).toBe('abcdef');
    await cut;
    expect((await turn.ended).moves).toEqual([]);
  });

  test('and a replay that overlaps: what was received is dropped', async () => {
    const { stream, turn } = await kit.started();
    const reader = turn[Symbol.asyncIterator]();
    stream.tokens(turn.turnId, 0, letters(0, 6));
    await reader.next();
    stream.fail(RESET);
    const next = await other.streams.take();
    await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 2 }] });
    next.tokens(turn.turnId, 2, letters(2, 3));
    next.tokens(turn.turnId, 5, letters(5, 3));
    next.send(completed(turn.turnId, 8));
    expect((await reader.next()).value?.text).toBe('gh');
    expect((await turn.ended).endOffset).toBe(8);
  });

  test('is passed over while it asks for a delay', async () => {
    const opening = kit.client.createSession();
    (await kit.gateway.streams.take()).fail(refusal('draining', 60_000));
    (await other.streams.take()).fail(RESET);
    await (await other.streams.take()).attach();
    expect((await opening).resumeToken).toBe('token-attached');
  });

  test('that comes back on its port is attached again', async () => {
    const alone = new ClientKit([await FakeGateway.start()]);
    const { session } = await alone.attached();
    const events = eventsOf(session);
    const { port } = alone.gateway;
    alone.gateway.kill();
    const again = await FakeGateway.start(port);
    const next = await again.streams.take();
    await next.attach();
    const turn = session.turn('go');
    expect(await next.received.take()).toMatchObject({ seq: 1, startTurn: { turnId: turn.turnId } });
    expect(events.map(({ kind }) => kind)).toEqual(['lost', 'attached']);
    await alone[Symbol.asyncDispose]();
    await again[Symbol.asyncDispose]();
  });

  test('and the engine too: a turn that nobody knows any more fails, others go on', async () => {
    const { session, stream, turn } = await kit.started();
    const second = session.turn('more', { parent: null });
    await stream.received.take();
    stream.fail(RESET);
    const next = await other.streams.take();
    await next.attach();
    expect(await codeOf(turn.ended)).toBe('engine_lost');
    expect(await next.received.take()).toMatchObject({ startTurn: { turnId: second.turnId } });
    next.send(completed(second.turnId, 0));
    expect((await second.ended).status).toBe('completed');
  });
});

describe('a gateway that hangs', () => {
  const clockOfNow = (): VirtualClock => new VirtualClock({ wallMs: systemEnv().clock.wallMs() });

  /** A turn whose gateway has sent tokens up to 4 and falls silent; the reader has read `reads` frames of 2. */
  async function silentAfter(options: { reads: number; creditTokens: number }) {
    const clock = clockOfNow();
    const hung = await ClientKit.pair(clock);
    const { stream, session, turn } = await hung.kit.started({ creditTokens: options.creditTokens });
    const events = eventsOf(session);
    stream.tokens(turn.turnId, 0, letters(0, 2));
    stream.tokens(turn.turnId, 2, letters(2, 2));
    // An ack proves that everything before it was read.
    const cut = turn.interrupt({ mode: 'at-item-boundary' });
    const { interrupt } = await stream.received.take();
    const outcome = ControlOutcome.CONTROL_OUTCOME_STALE;
    stream.send({ controlAck: { turnId: turn.turnId, signalId: interrupt?.signalId ?? '', outcome } });
    await codeOf(cut);
    const reader = turn[Symbol.asyncIterator]();
    for (let read = 0; read < options.reads; read++) await reader.next();
    return { ...hung, clock, events, stream, turn };
  }

  test('is left when it is silent while tokens are due', async () => {
    const { kit: two, other: next, clock, events, turn } = await silentAfter({ reads: 2, creditTokens: 512 });
    clock.advance(10_000);
    expect(events).toEqual([]);
    clock.advance(5_000);
    expect(events).toMatchObject([{ kind: 'lost', error: { code: 'region_lost' } }]);
    clock.advance(0);
    const stream = await next.streams.take();
    await stream.attach({ replay: [{ turnId: turn.turnId, nextOffset: 4 }] });
    stream.send(completed(turn.turnId, 4));
    expect((await turn.ended).endOffset).toBe(4);
    await two[Symbol.asyncDispose]();
  });

  test.each([
    { name: 'its turn has no credit', reads: 0, creditTokens: 4 },
    { name: 'its turn has ended', reads: 2, creditTokens: 512, ends: true },
  ])('is not suspected while $name', async ({ reads, creditTokens, ends }) => {
    const { kit: two, clock, events, stream, turn } = await silentAfter({ reads, creditTokens });
    if (ends === true) {
      stream.send(completed(turn.turnId, 4));
      await turn.ended;
    }
    clock.advance(60_000);
    expect(events).toEqual([]);
    await two[Symbol.asyncDispose]();
  });

  test('is left when it does not answer an attach', async () => {
    const clock = clockOfNow();
    const { kit: two, other: next } = await ClientKit.pair(clock);
    const opening = two.client.createSession();
    await (await two.gateway.streams.take()).received.take();
    clock.advance(10_000);
    clock.advance(0);
    await (await next.streams.take()).attach();
    expect((await opening).resumeToken).toBe('token-attached');
    await two[Symbol.asyncDispose]();
  });
});

describe('a stale epoch', () => {
  test('after an attach whose answer was lost is this client’s own, and forgiven once', async () => {
    const { stream, turn } = await kit.started();
    stream.fail(RESET);
    // The attach arrives, its answer does not.
    const silent = await other.streams.take();
    await silent.received.take();
    silent.fail(RESET);
    const replay = [{ turnId: turn.turnId, nextOffset: 0 }];
    const back = await kit.gateway.streams.take();
    await back.attach({ replay });
    back.fail(refusal('epoch_stale'));
    const next = await other.streams.take();
    await next.attach({ replay });
    next.fail(refusal('epoch_stale'));
    expect(await codeOf(turn.ended)).toBe('epoch_stale');
  });
});

describe('a second TurnStarted', () => {
  test('moves the turn: listeners, info, summary and the new token', async () => {
    const { session, stream, turn } = await kit.started();
    const heard: Moved[] = [];
    turn.onMoved((moved) => heard.push(moved));
    const text = turn.text();
    stream.tokens(turn.turnId, 0, letters(0, 6));
    stream.send(movedTo(turn.turnId, { startOffset: 6, resumeToken: 'token-moved', promptTokens: 20 }));
    stream.tokens(turn.turnId, 6, letters(6, 2));
    stream.send(completed(turn.turnId, 8));
    const want = { epoch: 4, replica: 'engine-2', reason: 'failover', startOffset: 6, continuation: 'exact' };
    expect(await text).toBe('abcdefgh');
    expect(heard).toEqual([want]);
    expect((await turn.ended).moves).toEqual([want]);
    expect(turn.info).toMatchObject({ replica: 'engine-2', promptTokens: 20 });
    expect((await turn.started).replica).toBe('');
    expect(session.resumeToken).toBe('token-moved');
  });

  test.each([
    { name: 'at what the reader has', startOffset: 6, first: 6, want: 'no error' },
    { name: 'below it, with repeats', startOffset: 3, first: 3, want: 'no error' },
    { name: 'below it, without repeats', startOffset: 3, first: 6, want: 'no error' },
    { name: 'above what the gateway had sent yet', startOffset: 9, first: 6, want: 'no error' },
    { name: 'above it, leaving a gap', startOffset: 9, first: 9, want: 'upstream_protocol_error' },
    { name: 'with repeats from below its start', startOffset: 5, first: 2, want: 'upstream_protocol_error' },
  ])('$name: $want', async ({ startOffset, first, want }) => {
    const { stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, letters(0, 6));
    stream.send(movedTo(turn.turnId, { startOffset }));
    stream.tokens(turn.turnId, first, letters(first, 10 - first));
    stream.send(completed(turn.turnId, 10));
    expect(await codeOf(turn.ended)).toBe(want);
    if (want === 'no error') expect(await turn.text()).toBe('abcdefghij');
  });

  test.each([
    { name: 'of the same epoch', started: { epoch: 0, startOffset: 3 } },
    { name: 'that tells the same place again', started: { epoch: 9, startOffset: 0, replica: '' } },
  ])('$name is no move', async ({ started }) => {
    const { stream, turn } = await kit.started();
    stream.tokens(turn.turnId, 0, letters(0, 4));
    stream.send(movedTo(turn.turnId, started));
    stream.tokens(turn.turnId, 4, letters(4, 1));
    stream.send(completed(turn.turnId, 5));
    expect((await turn.ended).moves).toEqual([]);
    expect(await turn.text()).toBe('abcde');
  });

  test('of a turn that is over opens nothing', async () => {
    const { session, stream, turn } = await kit.started();
    stream.send(completed(turn.turnId, 0), movedTo(turn.turnId, {}));
    const next = session.turn('more');
    stream.send(completed(next.turnId, 0));
    await next.ended;
    expect(session.turns).toEqual([]);
  });
});

describe('GoAway', () => {
  test('moves to another gateway, and tells so', async () => {
    const { session, stream, turn } = await kit.started();
    const events = eventsOf(session);
    const text = turn.text();
    stream.tokens(turn.turnId, 0, ['a']);
    stream.send({ goAway: { timeLeft: { seconds: 30, nanos: 0 }, resumeToken: 'token-away', reason: 'drain' } });
    const next = await other.streams.take();
    const { attach } = await next.attach({ replay: [{ turnId: turn.turnId, nextOffset: 1 }] });
    expect(attach?.resumeToken).toBe('token-away');
    next.tokens(turn.turnId, 1, ['b']);
    next.send(completed(turn.turnId, 2));
    expect(await text).toBe('ab');
    expect(events).toMatchObject([
      { kind: 'leaving', target: kit.gateway.target, reason: 'drain' },
      { kind: 'attached', target: other.target },
    ]);
  });
});

describe('a redirect whose gateway died', () => {
  test('gives receipt and successor by the other one, which had both', async () => {
    const { stream, turn } = await kit.started();
    const redirecting = turn.redirect('other way');
    const { redirect } = await stream.received.take();
    const successorId = redirect?.successor?.turnId ?? '';
    kit.gateway.kill();
    const next = await other.streams.take();
    const replay = [turn.turnId, successorId].map((turnId) => ({ turnId, nextOffset: 0 }));
    const { attach } = await next.attach({ replay });
    expect(attach?.cursors?.map(({ turnId }) => turnId)).toEqual([turn.turnId, successorId]);
    next.send({ turnStarted: { turnId: successorId, epoch: 2 } });
    const again = await next.received.take();
    expect(again).toMatchObject({ seq: 1, redirect });
    const signalId = again.redirect?.cut?.signalId ?? '';
    next.send(applied({ turnId: turn.turnId, signalId, effective: 0, generated: 3 }));
    const { receipt, turn: successor } = await redirecting;
    expect([receipt.wastedTokens, successor.turnId]).toEqual([3, successorId]);
  });

  test('keeps a successor that runs when the repeat is refused', async () => {
    const { session, stream, turn } = await kit.started();
    const redirecting = turn.redirect('other way');
    const { redirect } = await stream.received.take();
    const successorId = redirect?.successor?.turnId ?? '';
    stream.fail(RESET);
    const next = await other.streams.take();
    await next.attach({ replay: [turn.turnId, successorId].map((turnId) => ({ turnId, nextOffset: 0 })) });
    const again = await next.received.take();
    const signalId = again.redirect?.cut?.signalId ?? '';
    const refused = { turnId: turn.turnId, signalId, outcome: ControlOutcome.CONTROL_OUTCOME_REFUSED };
    next.send({ turnStarted: { turnId: successorId, epoch: 2 } }, { controlAck: refused });
    expect(await codeOf(redirecting)).toBe('internal');
    const successor = session.turns.find(({ turnId }) => turnId === successorId);
    next.tokens(successorId, 0, ['a']);
    next.send(completed(successorId, 1));
    expect(await successor?.text()).toBe('a');
  });
});

describe('a unary call', () => {
  test.each([
    { name: 'no gateway answers', refuse: Object.assign(new Error('x'), { code: 14 }) },
    { name: 'the gateway drains', refuse: refusal('draining', 5_000) },
    { name: 'it has no engine', refuse: refusal('no_capacity') },
  ])('goes to the other gateway when $name, and stays there', async ({ refuse }) => {
    kit.gateway.create = () => ({ refuse });
    const opening = kit.client.createSession();
    const stream = await other.streams.take();
    await stream.attach();
    const session = await opening;
    expect(kit.gateway.created[0]?.requestId).toBe(other.created[0]?.requestId);
    await session.close();
    expect([kit.gateway.closed, other.closed]).toEqual([[], [session.sessionId]]);
  });

  test.each([
    { code: 'invalid_request' as const },
    { code: 'model_not_found' as const },
    { code: 'tier_closed' as const },
    { code: 'engine_lost' as const },
  ])('is refused once and for all with $code', async ({ code }) => {
    kit.gateway.create = () => ({ refuse: refusal(code) });
    expect(await codeOf(kit.client.createSession())).toBe(code);
    expect(other.created).toEqual([]);
  });

  test('rejects when no gateway answers', async () => {
    kit.gateway.kill();
    other.kill();
    expect(await codeOf(kit.client.createSession())).toBe('region_lost');
  });
});
