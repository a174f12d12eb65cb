/** Controls that a gateway applied for an engine out of reach (PROTOCOL E7), and that engine afterwards. */
import { describe, expect, test } from '@jest/globals';
import { interrupt, SessionsRig, start } from './sessions-rig.ts';

const ids = (count: number): number[] => Array.from({ length: count }, (_, offset) => 1_000 + offset);

/** Turn t1 has 40 tokens here; its engine cannot be reached, and may have made more. */
async function outOfReach(): Promise<SessionsRig> {
  const rig = new SessionsRig();
  await rig.running('t1', 40);
  rig.engine.gone = true;
  rig.engine.die('transport');
  await rig.settle();
  return rig;
}

describe('an engine that comes back after a control was applied without it', () => {
  test('drops the session and gets it as it was told to the client', async () => {
    const rig = new SessionsRig();
    await rig.running('t1', 40);
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { keepThroughOffset: 25 }) });
    rig.engine.gone = true;
    rig.engine.die('transport');
    await rig.settle();
    expect(rig.sink.last('turn-ended')).toMatchObject({ status: 'interrupted', endOffset: 25 });
    const opens = rig.engine.opens.length;
    rig.engine.gone = false;
    await rig.elapse(100);
    expect(rig.engine.opens.slice(opens)).toMatchObject([{ adopt: [] }, { records: 1 }]);
    const [dropped] = rig.engine.opens.slice(opens);
    expect(rig.engine.requests).toContainEqual({ release: { sid: dropped?.sid, mode: 'RELEASE_MODE_DROP' } });
    rig.send({ kind: 'start-turn', start: start('t2', { parentTurnId: 't1' }) });
    await rig.settle();
    expect(rig.engine.starts.at(-1)).toMatchObject({ turnId: 't1', forcedTokenIds: ids(25) });
    rig.engine.ended('t1', { status: 2, endOffset: 25 });
    await rig.settle();
    expect(rig.engine.starts.at(-1)).toMatchObject({ turnId: 't2', parentTurnId: 't1' });
  });

  test('goes on with what it has when no control was under way', async () => {
    const rig = await outOfReach();
    const opens = rig.engine.opens.length;
    rig.engine.gone = false;
    await rig.elapse(100);
    expect(rig.engine.opens.slice(opens)).toMatchObject([{ adopt: [{ turnId: 't1' }], records: 0 }]);
    expect(rig.engine.requests.some(({ release }) => release?.mode === 'RELEASE_MODE_DROP')).toBe(false);
  });
});
