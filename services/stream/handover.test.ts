/** What an engine is handed of turns that end while a session moves to it: a later gateway reads it there (PROTOCOL E6). */
import { describe, expect, test } from '@jest/globals';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { ENGINE, OTHER } from './scripted-engine.ts';
import { caller, interrupt, SessionsRig, start } from './sessions-rig.ts';

const error = { grpcCode: 14, code: 'draining', message: '', param: '', retryable: true, retryDelay: null };

/** Records of a turn that the second engine got, in order. */
function handed(rig: SessionsRig, turnId: string): Transcript__Input[] {
  return rig.other.requests.flatMap(({ record }) => (record?.turnId === turnId ? [record] : []));
}

/** Turn t1 with 10 tokens, and a second engine that nobody has asked yet. */
async function pair(): Promise<SessionsRig> {
  const rig = new SessionsRig();
  await rig.running('t1', 10);
  rig.present = [ENGINE, OTHER];
  rig.other.kvTokens = 0;
  return rig;
}

/** The session leaves its engine, and the second one has not answered yet. */
async function leaving(): Promise<SessionsRig> {
  const rig = await pair();
  rig.other.answersOpen = false;
  rig.engine.table.message({ drain: { timeLeft: { seconds: 0, nanos: 0 }, reason: 'roll' } } as never);
  await rig.elapse(50);
  expect(rig.other.opens).toHaveLength(1);
  return rig;
}

function answer(rig: SessionsRig): Promise<void> {
  rig.other.answerOpen(rig.other.opens[0] ?? {});
  return rig.settle();
}

describe('an engine that a session moves to', () => {
  test('is handed every turn as it is when the Open leaves', async () => {
    const rig = await pair();
    rig.send({ kind: 'start-turn', start: start('t2') });
    rig.send({ kind: 'start-turn', start: start('t3') });
    rig.engine.fault({ sid: 1, lane: rig.engine.lane('t2'), error });
    // The link to the other engine is not there yet.
    rig.engine.ended('t1', { endOffset: 10 });
    expect(rig.sink.last('turn-ended')).toMatchObject({ turnId: 't1', endOffset: 10 });
    await rig.settle();
    expect(handed(rig, 't1')).toMatchObject([{ ended: { endOffset: 10 } }]);
    expect(handed(rig, 't3')[0]).not.toHaveProperty('ended');
    expect(rig.other.opens[0]?.lastClientSeq).toBe(3);
  });

  test('is handed a turn again that ended on the way', async () => {
    const rig = await leaving();
    rig.engine.ended('t1', { endOffset: 10 });
    expect(rig.sink.last('turn-ended')).toMatchObject({ turnId: 't1', endOffset: 10 });
    expect(handed(rig, 't1')).toHaveLength(1);
    await answer(rig);
    expect(handed(rig, 't1')[0]).not.toHaveProperty('ended');
    expect(handed(rig, 't1')[1]).toMatchObject({ ended: { endOffset: 10 }, last: true });
    expect(rig.other.starts).toEqual([]);
  });

  test('is handed a turn again whose cut was told on the way, before it makes the rest', async () => {
    const rig = await leaving();
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { mode: 'keep-generated' }) });
    rig.engine.cutDone('t1', { signalId: 'elsewhere', effectiveOffset: 14, generatedOffset: 14 });
    await answer(rig);
    const kinds = rig.other.requests.flatMap(({ record, start: begun }) =>
      record ? ['record'] : begun ? ['start'] : [],
    );
    expect(kinds).toEqual(['record', 'record', 'start']);
    const told = { effectiveOffset: 14 };
    expect(handed(rig, 't1')[1]).toMatchObject({ ended: { endOffset: 14 }, cuts: [told, told] });
    expect(rig.other.starts[0]).toMatchObject({ turnId: 't1', maxOutputTokens: 14 });
  });

  test('is handed a turn again that it would not take', async () => {
    const rig = await pair();
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    const refusal = { ...error, grpcCode: 3, code: 'invalid_request' };
    rig.other.fault({ sid: 1, lane: rig.other.lane('t1'), error: refusal });
    expect(rig.sink.last('turn-ended')).toMatchObject({ error: { code: 'invalid_request' } });
    expect(handed(rig, 't1')[1]).toMatchObject({ ended: { endOffset: 10, error: { code: 'invalid_request' } } });
  });

  test('is handed nothing again of a turn that it has brought to its end itself', async () => {
    const rig = await pair();
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    rig.other.started('t1', 100, 0, 10);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { keepThroughOffset: 5 }) });
    rig.other.cutDone('t1', { effectiveOffset: 5, generatedOffset: 10 });
    rig.other.ended('t1', { status: 2, endOffset: 5 });
    rig.send({ kind: 'start-turn', start: start('t2') });
    await rig.settle();
    rig.other.started('t2');
    rig.other.ended('t2', {});
    await rig.sessions.closeSession(caller, rig.sessionId);
    expect(handed(rig, 't1')).toHaveLength(1);
  });

  test('that comes back after a turn was lost without it is handed the end then', async () => {
    const rig = await pair();
    rig.present = [OTHER];
    rig.engine.gone = true;
    rig.engine.die('silent');
    await rig.settle();
    rig.present = [];
    rig.other.gone = true;
    rig.other.die('transport');
    await rig.elapse(6_000);
    expect(rig.sink.last('turn-ended')).toMatchObject({ turnId: 't1', error: { code: 'engine_lost' } });
    rig.other.gone = false;
    rig.other.kvTokens = 1;
    rig.present = [OTHER];
    await rig.attach();
    expect(handed(rig, 't1')).toHaveLength(2);
    expect(handed(rig, 't1')[1]).toMatchObject({ ended: { error: { code: 'engine_lost' } } });
  });
});
