import { describe, expect, test } from '@jest/globals';
import type { Start__Input } from '@reticle/proto/gen/engine/v1/Start';
import { codeOf, ENGINE, OTHER, RecordingSink, tokenText } from './scripted-engine.ts';
import { caller, interrupt, policy, SessionsRig, start } from './sessions-rig.ts';

const forcedOf = (turn: Start__Input | undefined): number[] => turn?.forcedTokenIds ?? [];
const ids = (count: number): number[] => Array.from({ length: count }, (_, offset) => 1_000 + offset);

/** A running turn with 10 tokens received, and a second engine. */
async function pair(tokens = 10): Promise<SessionsRig> {
  const rig = new SessionsRig();
  await rig.running('t1', tokens);
  rig.present = [ENGINE, OTHER];
  return rig;
}

/** The first engine is gone for good. */
async function lose(rig: SessionsRig): Promise<void> {
  rig.engine.gone = true;
  rig.other.kvTokens = 0;
  rig.present = [OTHER];
  rig.engine.die('silent');
  await rig.settle();
}

describe('a turn whose engine is lost', () => {
  test('goes on at another engine from what was received, under a higher epoch', async () => {
    const rig = await pair();
    await lose(rig);
    expect(rig.other.opens.at(-1)).toMatchObject({ minEpoch: 2, adopt: [], wantTranscript: false });
    expect(rig.other.starts).toHaveLength(1);
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(10));
    rig.other.started('t1', 100, 0, 10);
    expect(rig.sink.last('turn-started')).toMatchObject({
      turnId: 't1',
      epoch: 2,
      startOffset: 10,
      reason: 'failover',
      replica: OTHER.engineId,
    });
    rig.other.tokens('t1', 10, 30);
    rig.other.ended('t1', { endOffset: 30 });
    expect(rig.sink.text).toBe(Array.from({ length: 30 }, (_, at) => tokenText(at)).join(''));
    expect(rig.sink.log.filter((word) => word === 'turn-ended')).toHaveLength(1);
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'completed', endOffset: 30 });
    expect(rig.suspected).toContain(ENGINE.engineId);
  });

  test('waits for an engine while there is none, then goes on', async () => {
    const rig = await pair();
    rig.present = [];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.elapse(2_000);
    rig.present = [OTHER];
    rig.other.kvTokens = 0;
    await rig.elapse(200);
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(10));
  });

  test('ends engine_lost when no engine comes, with what was received', async () => {
    const rig = await pair();
    rig.present = [];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.elapse(6_000);
    expect(rig.sink.last('turn-ended')).toMatchObject({ endOffset: 10, error: { code: 'engine_lost' } });
    expect(rig.sink.ended).toBe(false);
  });

  test('moves three times and no more', async () => {
    const rig = await pair();
    rig.present = [ENGINE];
    rig.engine.kvTokens = 0;
    rig.engine.unknownTurns.add('t1');
    for (let move = 1; move <= 3; move++) {
      rig.engine.die('transport');
      await rig.elapse(100);
      expect(rig.engine.starts).toHaveLength(1 + move);
      rig.engine.started('t1', 100, 0, 10);
    }
    rig.engine.die('transport');
    await rig.elapse(100);
    expect(rig.engine.starts).toHaveLength(4);
    expect(rig.sink.last('turn-ended')).toMatchObject({ error: { code: 'engine_lost' } });
  });

  test('is asked for at one more engine when the first choice has no room', async () => {
    const rig = await pair();
    rig.other.kvTokens = 0;
    rig.engine.kvTokens = 0;
    rig.engine.die('hung');
    await rig.settle();
    const error = { grpcCode: 8, code: 'no_capacity', message: '', param: '', retryable: true, retryDelay: null };
    rig.other.fault({ sid: 1, lane: rig.other.lane('t1'), error });
    await rig.settle();
    expect(forcedOf(rig.engine.starts.at(-1))).toEqual(ids(10));
    expect(rig.sink.last('turn-ended')).toBeUndefined();
  });

  test('gets back what it continues: the root, and ended turns with exactly what they kept', async () => {
    const rig = await pair(20);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { keepThroughOffset: 5 }) });
    rig.engine.cutDone('t1', { effectiveOffset: 5, generatedOffset: 20 });
    rig.engine.ended('t1', { status: 2, endOffset: 5 });
    rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    rig.engine.started('t2');
    rig.engine.tokens('t2', 0, 3);
    await lose(rig);
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1']);
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(5));
    rig.other.started('t1', 100, 0, 5);
    expect(rig.other.cuts[0]).toMatchObject({ keepThroughOffset: 5 });
    rig.other.ended('t1', { status: 2, endOffset: 5 });
    await rig.settle();
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1', 't2']);
    expect(forcedOf(rig.other.starts[1])).toEqual(ids(3));
  });

  test('a new turn brings its parents to an engine that lacks them', async () => {
    const rig = await pair();
    rig.engine.ended('t1', { endOffset: 10 });
    await lose(rig);
    expect(rig.other.starts).toEqual([]);
    rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    await rig.settle();
    rig.other.ended('t1', { status: 2, endOffset: 10 });
    await rig.settle();
    rig.other.started('t2');
    expect(rig.sink.last('turn-started')).toMatchObject({ turnId: 't2', reason: 'tenant-default' });
  });

  test('is not moved while nobody waits for it; the attach moves it', async () => {
    const rig = await pair();
    rig.attachment?.disconnected();
    await lose(rig);
    expect(rig.other.opens).toEqual([]);
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 7, creditTokens: 0 }] });
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(10));
    expect(sink.log).toEqual(['attached', '7-10']);
  });
});

describe('a broken link to an engine that lives', () => {
  test('is dialled once more, and the turn runs on without a failover', async () => {
    const rig = await pair();
    rig.engine.die('transport');
    await rig.settle();
    expect(rig.other.opens).toEqual([]);
    expect(rig.engine.opens.at(-1)?.adopt).toMatchObject([{ turnId: 't1' }]);
    rig.engine.tokens('t1', 10, 12);
    expect(rig.sink.log.filter((word) => word === 'turn-started')).toHaveLength(1);
    expect(rig.sink.position).toBe(12);
  });

  test('a control that may have been lost with it is asked again, under its own id', async () => {
    const rig = await pair();
    rig.send({ kind: 'redirect', redirect: { cut: interrupt('t1'), successor: start('t2') } });
    rig.engine.unknownTurns.add('t2');
    rig.engine.die('transport');
    await rig.settle();
    expect(rig.engine.cuts.map(({ signalId }) => signalId)).toEqual(['s1', 's1']);
    expect(rig.engine.cuts[1]?.successor).toMatchObject({ turnId: 't2' });
  });

  test('a session that another gateway has taken meanwhile is let go: the stream ends, its turn does not', async () => {
    const rig = await pair();
    rig.engine.answersOpen = false;
    rig.engine.die('transport');
    await rig.settle();
    const error = { grpcCode: 10, code: 'epoch_stale', message: '', param: '', retryable: false, retryDelay: null };
    rig.engine.fault({ sid: 1, epoch: 9, error });
    await rig.settle();
    expect(rig.sink.log.at(-1)).toBe('end epoch_stale');
    expect(rig.sink.last('turn-ended')).toBeUndefined();
    expect(rig.sessions.size).toBe(0);
  });
});

describe('a cut under way when the engine dies', () => {
  test('is applied by the gateway over what it received, at once', async () => {
    const rig = await pair(40);
    rig.present = [];
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { keepThroughOffset: 25 }) });
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    expect(rig.sink.last('control-ack')).toMatchObject({
      outcome: 'applied',
      effectiveOffset: 25,
      generatedOffset: 40,
      kvAction: 'none',
    });
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 25 });
    expect(rig.other.starts).toEqual([]);
  });

  test('a redirect’s successor starts at the other engine, behind what the cut kept', async () => {
    const rig = await pair(40);
    rig.send({
      kind: 'redirect',
      redirect: { cut: interrupt('t1', { keepThroughOffset: 25 }), successor: start('t2') },
    });
    await lose(rig);
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'redirected', endOffset: 25, successorTurnId: 't2' });
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(25));
    rig.other.ended('t1', { status: 2, endOffset: 25 });
    await rig.settle();
    expect(rig.other.starts.at(-1)).toMatchObject({ turnId: 't2', parentTurnId: 't1' });
    rig.other.started('t2');
    expect(rig.sink.last('turn-started')).toMatchObject({ turnId: 't2' });
  });

  test('tokens below E that had not arrived are made again', async () => {
    const rig = await pair(40);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { mode: 'keep-generated' }) });
    rig.engine.cutDone('t1', { effectiveOffset: 60, generatedOffset: 60 });
    await lose(rig);
    expect(rig.other.starts[0]).toMatchObject({ turnId: 't1', maxOutputTokens: 60 });
    rig.other.started('t1', 100, 0, 40);
    rig.other.tokens('t1', 40, 60);
    rig.other.ended('t1', { status: 4, endOffset: 60, finishReason: 'length' });
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 60 });
    expect(rig.sink.position).toBe(60);
  });

  test('a cut that came by signal bars what is past it, though no control here asked', async () => {
    const rig = await pair(40);
    rig.sink.full = true;
    rig.engine.cutDone('t1', { signalId: 'elsewhere', effectiveOffset: 30, generatedOffset: 41 });
    rig.engine.ended('t1', { status: 2, endOffset: 30 });
    expect(rig.sink.last('turn-ended')).toMatchObject({
      status: 'interrupted',
      endOffset: 30,
      usage: { outputTokens: 40, discardedTokens: 11 },
    });
  });
});

describe('a draining engine', () => {
  test('is left by an idle session at once and by a running turn in half of its time', async () => {
    const rig = await pair();
    rig.other.kvTokens = 0;
    rig.engine.table.message({ drain: { timeLeft: { seconds: 4, nanos: 0 }, reason: 'roll' } } as never);
    await rig.elapse(1_900);
    expect(rig.other.opens).toEqual([]);
    await rig.elapse(200);
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(10));
    rig.other.started('t1', 100, 0, 10);
    expect(rig.sink.last('turn-started')).toMatchObject({ reason: 'drain', replica: OTHER.engineId });
    expect(rig.engine.requests.at(-1)).toMatchObject({ release: { mode: 'RELEASE_MODE_DROP' } });
  });

  test('a session without a client leaves as well', async () => {
    const rig = await pair();
    rig.attachment?.disconnected();
    rig.other.kvTokens = 0;
    rig.sessions.leaveEngine(ENGINE.engineId);
    await rig.settle();
    expect(forcedOf(rig.other.starts[0])).toEqual(ids(10));
  });

  test('is kept while there is no other', async () => {
    const rig = await pair();
    rig.present = [ENGINE];
    rig.engine.table.message({ drain: { timeLeft: { seconds: 4, nanos: 0 }, reason: 'roll' } } as never);
    await rig.elapse(3_000);
    rig.engine.tokens('t1', 10, 20);
    expect(rig.sink.position).toBe(20);
  });
});

describe('a session of another gateway', () => {
  /** Another gateway's session `t0` (ended, 4 tokens) and `t1` (running, 10 tokens, the ring from 2 on). */
  async function left(): Promise<{ first: SessionsRig; second: SessionsRig }> {
    const first = new SessionsRig();
    await first.create();
    const second = new SessionsRig();
    const none = { input: [], params: null, maxDuration: null, bodyDigest: 'start t1' };
    const plain = { promptTokens: 30, cachedTokens: 0, startOffset: 0 };
    second.engine.records = [
      { turnId: '', last: true, prefill: null },
      {
        turnId: 't0',
        last: true,
        start: { ...none, turnId: 't0', maxOutputTokens: 100 },
        started: { turnId: 't0', ...plain },
        ended: { status: 1, endOffset: 4, finishReason: 'stop' },
        tokenIds: ids(4),
        generatedOffset: 4,
      },
      {
        turnId: 't1',
        last: false,
        start: { ...none, turnId: 't1', parentTurnId: 't0', maxOutputTokens: 100 },
        started: { turnId: 't1', ...plain },
        tokenIds: ids(6),
        generatedOffset: 10,
      },
      { turnId: 't1', first_position: 6, last: true, tokenIds: ids(10).slice(6) } as never,
    ];
    second.token = first.token;
    return { first, second };
  }

  test('is taken over with its token: turns, tokens and the right to continue them', async () => {
    const { second } = await left();
    second.engine.answersOpen = false;
    const attaching = second.attach({ cursors: [{ turnId: 't1', nextOffset: 8, creditTokens: 0 }] });
    await second.settle();
    const open = second.engine.opens[0];
    expect(open).toMatchObject({ wantTranscript: true, minEpoch: 2, adopt: [] });
    const { table } = second.engine;
    const lane = 2 ** 31;
    const codec = second.engine.records;
    second.engine.answersOpen = true;
    second.engine.epoch = 1;
    second.engine.hosted = [{ lane, turnId: 't1', replayFrom: 2, generatedOffset: 10, ended: false }];
    second.engine.answerOpen(open ?? {}, table);
    const sink = await attaching;
    expect(codec).toHaveLength(4);
    expect(sink.last('attached')).toMatchObject({ session: { epoch: 2 }, lastAppliedSeq: 0 });
    second.engine.step(lane, {
      from: 2,
      ids: Uint32Array.from(ids(12).slice(2)),
      lengths: new Uint32Array(10).fill(1),
      text: Buffer.from('cdefghijkl'),
    });
    expect(sink.text).toBe('ijkl');
    second.send({ kind: 'start-turn', start: start('t9', { parentTurnId: 't0' }) });
    expect(second.engine.starts.at(-1)).toMatchObject({ turnId: 't9', parentTurnId: 't0' });
    // And it can go on elsewhere, like any other.
    second.present = [OTHER];
    second.other.kvTokens = 0;
    second.engine.gone = true;
    second.engine.die('silent');
    await second.settle();
    expect(forcedOf(second.other.starts[0])).toEqual(ids(4));
    second.other.ended('t0', { status: 2, endOffset: 4 });
    await second.settle();
    expect(forcedOf(second.other.starts.find(({ turnId }) => turnId === 't1'))).toEqual(ids(12));
  });

  test('that its engine has forgotten is told so, and leaves nothing behind', async () => {
    const { second } = await left();
    second.engine.records = [];
    expect(await codeOf(second.attach())).toBe('session_not_found');
    expect(second.sessions.size).toBe(0);
    second.present = [{ ...ENGINE, replicaEpoch: 2 }];
    expect(await codeOf(second.attach())).toBe('engine_lost');
  });

  test('whose engine is gone is engine_lost', async () => {
    const { second } = await left();
    second.engine.gone = true;
    expect(await codeOf(second.attach())).toBe('engine_lost');
    second.present = [];
    expect(await codeOf(second.attach())).toBe('engine_lost');
  });

  test('of another tenant is as unknown as one that does not exist', async () => {
    const { second } = await left();
    const sink = second.sink;
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy: policy, resumeToken: second.token };
    const foreign = { ...caller, tenant: 'other' };
    expect(await codeOf(second.sessions.attach(foreign, request, sink))).toBe('session_not_found');
    expect(second.engine.opens).toEqual([]);
  });

  test('that was taken elsewhere since is taken back with the newer token', async () => {
    const { first } = await left();
    await first.attach();
    const older = first.token;
    // Another gateway raised the epoch; its token comes back here.
    const claims = { epoch: 7 };
    const token = first.mint(claims);
    first.engine.records = [{ turnId: '', last: true }];
    await first.attach({ resumeToken: token });
    expect(first.engine.opens.at(-1)).toMatchObject({ wantTranscript: true, minEpoch: 8 });
    expect(older).not.toBe(token);
  });

  test('that is evicted while it is opened here tells nobody that it is attached, and lets the engine know', async () => {
    const { first } = await left();
    await first.attach();
    first.attachment?.disconnected();
    first.engine.answersOpen = false;
    const early = new RecordingSink();
    const request = { cursors: [], defaultCreditTokens: 0, framePolicy: policy };
    const opening = codeOf(first.sessions.attach(caller, { ...request, resumeToken: first.token }, early));
    await first.settle();
    const { sid = 0, ...open } = first.engine.opens.at(-1) ?? {};
    first.engine.answersOpen = true;
    first.engine.records = [{ turnId: '', last: true }];
    await first.attach({ resumeToken: first.mint({ epoch: 7 }) });
    first.engine.answerOpen({ ...open, sid });
    expect(await opening).toBe('epoch_stale');
    expect(early.events).toEqual([]);
    expect(first.engine.requests).toContainEqual({ release: { sid, mode: 'RELEASE_MODE_DETACH' } });
  });
});
