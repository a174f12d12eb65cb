/** What a session that is on its way to another engine must not do, whatever comes in between. */
import { describe, expect, test } from '@jest/globals';
import { codeOf, ENGINE, OTHER } from './scripted-engine.ts';
import { caller, SessionsRig, start } from './sessions-rig.ts';

/** A turn with 10 tokens whose engine is gone, while no other one is there. */
async function searching(): Promise<SessionsRig> {
  const rig = new SessionsRig();
  await rig.running('t1', 10);
  rig.present = [];
  rig.engine.gone = true;
  rig.other.kvTokens = 0;
  rig.engine.die('silent');
  await rig.elapse(200);
  return rig;
}

describe('a session that looks for an engine', () => {
  test('and is closed meanwhile is opened at none', async () => {
    const rig = await searching();
    await rig.sessions.closeSession(caller, rig.sessionId);
    rig.present = [OTHER];
    await rig.elapse(500);
    expect(rig.other.opens).toEqual([]);
  });

  test('and is attached to meanwhile is opened once, by the attach', async () => {
    const rig = await searching();
    rig.present = [OTHER, ENGINE];
    await rig.attach();
    await rig.elapse(500);
    expect(rig.other.opens).toHaveLength(1);
    expect(rig.engine.opens.at(-1)).not.toMatchObject({ minEpoch: 3 });
  });
});

describe('a session whose move to another engine is overtaken by an attach', () => {
  test('takes nothing for known there that the engine before had', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.engine.ended('t1', { endOffset: 10 });
    rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    rig.engine.started('t2');
    rig.engine.tokens('t2', 0, 3);
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.other.answersOpen = false;
    rig.engine.die('silent');
    await rig.settle();
    expect(rig.other.opens).toHaveLength(1);
    // The Open arrived and its prefix is evaluated; the answer to it is not heard any more.
    rig.other.answersOpen = true;
    await rig.attach({ cursors: [{ turnId: 't2', nextOffset: 3, creditTokens: 0 }] });
    expect(rig.other.opens).toHaveLength(2);
    expect(rig.other.opens[1]).toMatchObject({ adopt: [] });
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1']);
    rig.other.ended('t1', { status: 2, endOffset: 10 });
    await rig.settle();
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1', 't2']);
  });
});

describe('a session that its client leaves while what its turn continues is made again elsewhere', () => {
  /** `t1` is being made again at the other engine, and `t2` waits for it. */
  async function leaving(isRunning: boolean): Promise<SessionsRig> {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.engine.ended('t1', { endOffset: 10 });
    if (isRunning) {
      rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
      rig.engine.started('t2');
      rig.engine.tokens('t2', 0, 3);
    }
    rig.other.kvTokens = 0;
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    if (!isRunning) rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    await rig.settle();
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1']);
    rig.attachment?.disconnected();
    return rig;
  }
  const again = { case: 'made', said: (rig: SessionsRig) => rig.other.ended('t1', { status: 2, endOffset: 10 }) };
  const error = { grpcCode: 10, code: 'epoch_stale', message: '', param: '', retryable: false, retryDelay: null };
  const stale = {
    case: 'refused to a gateway that has let go',
    said: (rig: SessionsRig) => rig.other.fault({ lane: rig.other.lane('t1'), error }),
  };

  test.each([
    { isRunning: true, ...again },
    { isRunning: true, ...stale },
    { isRunning: false, ...again },
    { isRunning: false, ...stale },
  ])('goes on when it comes back: $case, had begun: $isRunning', async ({ isRunning, said }) => {
    const rig = await leaving(isRunning);
    said(rig);
    await rig.settle();
    rig.other.kvTokens = 64;
    const nextOffset = isRunning ? 3 : 0;
    const sink = await rig.attach({ cursors: [{ turnId: 't2', nextOffset, creditTokens: 0 }] });
    await rig.settle();
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1', 't1']);
    rig.other.ended('t1', { status: 2, endOffset: 10 });
    await rig.settle();
    expect(rig.other.starts.map(({ turnId }) => turnId)).toEqual(['t1', 't1', 't2']);
    expect(sink.last('turn-ended')).toBeUndefined();
  });
});

describe('contexts that a session asks for while it has no engine', () => {
  test('are made once when it has one, and the turn that waits for them goes on', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.engine.ended('t1', { endOffset: 10 });
    rig.other.kvTokens = 0;
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    // The other one has the record of t1 and nothing more, and goes before anything needed it.
    rig.present = [];
    rig.other.gone = true;
    rig.other.die('silent');
    await rig.elapse(100);
    rig.engine.gone = false;
    rig.engine.kvTokens = 0;
    const before = rig.engine.starts.length;
    const again = (): unknown[] => rig.engine.starts.slice(before).map(({ turnId }) => turnId);
    const prefix = [{ kind: 'item', json: '{"type":"message","role":"user","content":"warm"}' }] as const;
    const warm = { sessionId: rig.sessionId, requestId: 'w1', parentTurnId: 't1', prefix, bodyDigest: 'warm' };
    const warmed = codeOf(rig.sessions.warmSession(caller, warm));
    rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    rig.present = [ENGINE];
    await rig.elapse(200);
    expect(again()).toEqual(['t1']);
    rig.engine.started('t1', 100, 0, 10);
    rig.engine.ended('t1', { status: 2, endOffset: 10 });
    // A warm-up does not move.
    expect(await warmed).toBe('engine_lost');
    await rig.settle();
    expect(again()).toEqual(['t1', 't2']);
  });
});

describe('an engine that does not come to an answer', () => {
  test('is told to let the session go, should the Open still reach it', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 10);
    rig.attachment?.disconnected();
    rig.engine.answersOpen = false;
    rig.present = [ENGINE, OTHER];
    rig.other.kvTokens = 0;
    const attaching = rig.attach();
    await rig.elapse(1_500);
    await attaching;
    const { sid } = rig.engine.opens.at(-1) ?? {};
    expect(rig.other.opens).toHaveLength(1);
    expect(rig.engine.requests.at(-1)).toEqual({ release: { sid, mode: 'RELEASE_MODE_DETACH' } });
  });
});
