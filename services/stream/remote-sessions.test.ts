import { describe, expect, test } from '@jest/globals';
import { ReticleError } from '@reticle/core/domain';
import { codeOf, ENGINE, OTHER } from './scripted-engine.ts';
import { caller, interrupt, SessionsRig } from './sessions-rig.ts';

describe('signals of a session that is open elsewhere', () => {
  test('go to the engine that the token names', async () => {
    const rig = new SessionsRig();
    await rig.create();
    const asked: unknown[] = [];
    const second = new SessionsRig({
      remote: {
        signal: (target) => {
          asked.push(target);
          return Promise.reject(new ReticleError('engine_lost', 'no'));
        },
        locate: () => Promise.resolve(undefined),
      },
    });
    const signal = interrupt('t1');
    const answer = second.sessions.signalTurn(caller, { resumeToken: rig.token, signal });
    expect(await codeOf(answer)).toBe('engine_lost');
    expect(asked).toMatchObject([{ engineId: ENGINE.engineId, sessionId: rig.sessionId, tenant: 'acme', epoch: 1 }]);
    const unknown = second.sessions.signalTurn(caller, { sessionId: 'a'.repeat(26), signal });
    expect(await codeOf(unknown)).toBe('session_not_found');
  });

  test.each([
    { at: 'is gone', present: [] },
    { at: 'was started again', present: [{ ...ENGINE, replicaEpoch: 2 }] },
  ])('whose engine $at find it where it went, or may be repeated', async ({ present }) => {
    const rig = new SessionsRig();
    await rig.create();
    const asked: string[] = [];
    let located: { engineId: string; epoch: number; tier: undefined } | undefined;
    const second = new SessionsRig({
      remote: {
        signal: ({ engineId }) => {
          asked.push(engineId);
          return Promise.reject(new ReticleError('session_not_found', 'no'));
        },
        locate: () => Promise.resolve(located),
      },
    });
    second.present = [...present, OTHER];
    const send = () => codeOf(second.sessions.signalTurn(caller, { resumeToken: rig.token, signal: interrupt('t1') }));
    expect(await send()).toBe('engine_lost');
    expect(asked).toEqual([]);
    located = { engineId: OTHER.engineId, epoch: 2, tier: undefined };
    await send();
    expect(asked).toEqual([OTHER.engineId]);
  });
});
