import { describe, expect, test } from '@jest/globals';
import { RecordingSink } from './scripted-engine.ts';
import { caller, policy, SessionsRig, start } from './sessions-rig.ts';

describe('the first attach of a session', () => {
  test('is the open of the creation, for the same holder: one epoch, one Open', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const first = await rig.attach();
    expect(rig.engine.opens).toMatchObject([{ minEpoch: 0 }]);
    expect(first.last('attached')).toMatchObject({ session: { epoch: 1 } });
    const second = await rig.attach();
    expect(first.log.at(-1)).toBe('end epoch_stale');
    expect(second.last('attached')).toMatchObject({ session: { epoch: 2 } });
    expect(rig.engine.opens).toMatchObject([{ minEpoch: 0 }, { minEpoch: 2 }]);
  });

  test('and a turn that starts at once tell the token of the creation; a later one tells one that lasts longer', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const { token } = rig;
    const sink = await rig.attach();
    rig.send({ kind: 'start-turn', start: start('t1') });
    rig.engine.started('t1');
    expect([sink.last('attached')?.resumeToken, sink.last('turn-started')?.resumeToken]).toEqual([token, token]);
    await rig.elapse(5_000);
    rig.send({ kind: 'start-turn', start: start('t2') });
    rig.engine.started('t2');
    const later = sink.last('turn-started')?.resumeToken ?? '';
    const [early, late] = [token, later].map((each) => rig.tokens.open(each, caller.tenant));
    expect(late).toEqual({ ...early, expiresMs: (early?.expiresMs ?? 0) + 5_000 });
  });

  test('opens again for another holder', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const byId = { sessionId: rig.sessionId, cursors: [], defaultCreditTokens: 0, framePolicy: policy };
    const sink = new RecordingSink();
    await rig.sessions.attach(caller, byId, sink);
    expect(sink.last('attached')).toMatchObject({ session: { epoch: 2 } });
    expect(rig.engine.opens).toMatchObject([{ minEpoch: 0 }, { minEpoch: 2 }]);
  });

  test('two at once with the token of the creation: the later one has the session', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const { token } = rig;
    const [first, second] = await Promise.all([rig.attach({ resumeToken: token }), rig.attach({ resumeToken: token })]);
    expect(first.log.at(-1)).toBe('end epoch_stale');
    expect(second.last('attached')).toMatchObject({ session: { epoch: 2 } });
  });
});
