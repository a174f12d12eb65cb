/** Controls of a session that its gateway has let go: the engine answers past it, and the answer binds (PROTOCOL §3, R2). */
import { describe, expect, test } from '@jest/globals';
import type { ControlAck } from '@reticle/services/session';
import { ENGINE, OTHER } from './scripted-engine.ts';
import { caller, interrupt, SessionsRig } from './sessions-rig.ts';

const ack: ControlAck = {
  kind: 'control-ack',
  seq: 0,
  signalId: 's1',
  turnId: 't1',
  outcome: 'applied',
  effectiveOffset: 6,
  generatedOffset: 14,
  deliveredOffset: 0,
  wastedTokens: 8,
  kvAction: 'cut-in-place',
  kvKeptTokens: 106,
};

/** Turn t1 has 10 tokens here, its client is away, and its engine answers signals. */
async function letGo(): Promise<SessionsRig> {
  const remote = { signal: () => Promise.resolve(ack), locate: () => Promise.resolve(undefined) };
  const rig = new SessionsRig({ remote });
  await rig.running('t1', 10);
  rig.attachment?.disconnected();
  return rig;
}

const cut = (rig: SessionsRig): Promise<ControlAck> =>
  rig.sessions.signalTurn(caller, { sessionId: rig.sessionId, signal: interrupt('t1', { keepThroughOffset: 6 }) });

describe('an E that the engine told past the session', () => {
  test('stands when the engine is lost before the client comes back', async () => {
    const rig = await letGo();
    expect(await cut(rig)).toEqual(ack);
    rig.engine.gone = true;
    rig.engine.die('silent');
    rig.present = [OTHER];
    rig.other.kvTokens = 0;
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 6, creditTokens: 0 }] });
    expect(sink.log).toEqual(['attached', 'turn-ended']);
    expect(sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 6 });
    expect(rig.other.starts).toEqual([]);
    const [record] = rig.other.requests.flatMap((request) => request.record ?? []);
    expect(record).toMatchObject({ ended: { endOffset: 6 }, cuts: [{ signalId: 's1', effectiveOffset: 6 }] });
  });

  test('is told by the engine itself when the client comes back there', async () => {
    const rig = await letGo();
    await cut(rig);
    rig.present = [ENGINE];
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 6, creditTokens: 0 }] });
    rig.engine.cutDone('t1', { effectiveOffset: 6, generatedOffset: 14 });
    rig.engine.ended('t1', { status: 2, endOffset: 6 });
    expect(sink.log).toEqual(['attached', 'turn-ended']);
    expect(sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 6 });
  });
});
