/** Taking a session over whose turns were being moved, or made again, when its gateway was lost (PROTOCOL E6, §7). */
import { describe, expect, test } from '@jest/globals';
import type { Transcript__Input } from '@reticle/proto/gen/engine/v1/Transcript';
import { codeOf, ENGINE, OTHER } from './scripted-engine.ts';
import { interrupt, SessionsRig } from './sessions-rig.ts';

const ids = (count: number): number[] => Array.from({ length: count }, (_, offset) => 1_000 + offset);
const LANE = 2 ** 31;
const started = { promptTokens: 30, cachedTokens: 0, startOffset: 0 };

function turn(turnId: string, over: Transcript__Input = {}): Transcript__Input {
  const start = { turnId, maxOutputTokens: 40, bodyDigest: `start ${turnId}`, ...over.start };
  return { turnId, last: true, started: { turnId, ...started }, ...over, start };
}

/** A gateway that has the token of another one's session, whose engine holds these records. */
async function heir(records: readonly Transcript__Input[]): Promise<SessionsRig> {
  const first = new SessionsRig();
  await first.create();
  const rig = new SessionsRig();
  rig.token = first.token;
  rig.engine.records = [{ turnId: '', last: true }, ...records];
  return rig;
}

describe('a session that is taken over', () => {
  test('with a turn that is being made again up to an end that was told, tells every control that end', async () => {
    const told = { signalId: 's0', outcome: 2, effectiveOffset: 12, generatedOffset: 12, kvAction: 5 } as const;
    const rig = await heir([turn('t1', { tokenIds: ids(10), generatedOffset: 10, cuts: [told] })]);
    rig.engine.hosted = [{ lane: LANE, turnId: 't1', replayFrom: 0, generatedOffset: 10, ended: false }];
    const sink = await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 0, creditTokens: 0 }] });
    rig.send({ kind: 'interrupt', interrupt: interrupt('t1', { mode: 'keep-generated' }) });
    expect(sink.last('control-ack')).toMatchObject({ outcome: 'already-ended', effectiveOffset: 12 });
    expect(rig.engine.cuts).toEqual([]);
  });

  test('continues a cut turn only when all that it keeps was made again', async () => {
    const ended = { status: 3, endOffset: 12, finishReason: 'redirected' } as const;
    const rig = await heir([
      turn('t1', { cold: true, tokenIds: ids(10), generatedOffset: 12, ended }),
      turn('t2', { cold: true, started: null, start: { turnId: 't2', parentTurnId: 't1' } }),
    ]);
    await rig.attach({ cursors: [{ turnId: 't1', nextOffset: 10, creditTokens: 0 }] });
    await rig.settle();
    expect(rig.engine.starts).toMatchObject([{ turnId: 't1', forcedTokenIds: ids(10), maxOutputTokens: 12 }]);
    rig.engine.started('t1', 30, 0, 10);
    rig.engine.tokens('t1', 10, 12);
    rig.engine.ended('t1', { status: 4, endOffset: 12, finishReason: 'length' });
    await rig.settle();
    expect(rig.engine.starts.slice(1)).toMatchObject([{ turnId: 't2', parentTurnId: 't1' }]);
    expect(rig.sink.last('turn-ended')).toMatchObject({ turnId: 't1', status: 'redirected', endOffset: 12 });
  });
});

describe('a token whose engine does not know the session', () => {
  /** At a gateway that finds the session, if anywhere, at the other engine. */
  async function claimed({ found, replicaEpoch = ENGINE.replicaEpoch }: { found?: number; replicaEpoch?: number }) {
    const first = new SessionsRig();
    await first.create();
    const located = found === undefined ? undefined : { engineId: OTHER.engineId, epoch: found, tier: undefined };
    const signal = () => Promise.reject(new Error('nothing is signalled'));
    const rig = new SessionsRig({ remote: { signal, locate: () => Promise.resolve(located) } });
    rig.token = first.token;
    rig.present = [{ ...ENGINE, replicaEpoch }, OTHER];
    return rig;
  }

  test.each([
    { case: 'ended it', at: {}, code: 'session_not_found' },
    { case: 'was started again', at: { replicaEpoch: 2 }, code: 'engine_lost' },
    { case: 'is not the one that has a copy from before', at: { found: 0 }, code: 'session_not_found' },
  ])('because it $case: $code', async ({ at, code }) => {
    const rig = await claimed(at);
    expect(await codeOf(rig.attach())).toBe(code);
    expect(rig.other.opens).toEqual([]);
  });

  test('because its gateway moved it: it is taken where it went', async () => {
    const rig = await claimed({ found: 2 });
    rig.other.records = [{ turnId: '', last: true }];
    await rig.attach();
    expect(rig.other.opens).toMatchObject([{ minEpoch: 3, wantTranscript: true }]);
  });

  test('because it is being moved: it is not gone for whoever asks again', async () => {
    const rig = await claimed({ found: 2 });
    expect(await codeOf(rig.attach())).toBe('engine_lost');
  });
});
