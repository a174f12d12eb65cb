/** Answers that an engine gave past the session, which its gateway had let go (PROTOCOL §3, R2). */
import { describe, expect, test } from '@jest/globals';
import type { ControlAck } from './commands.ts';
import { acksOf, interrupt, SessionRig, start, words } from './session-rig.ts';

const ack: ControlAck = {
  kind: 'control-ack',
  seq: 0,
  signalId: 's9',
  turnId: 't1',
  outcome: 'applied',
  effectiveOffset: 5,
  generatedOffset: 9,
  deliveredOffset: 0,
  wastedTokens: 4,
  kvAction: 'cut-in-place',
  kvKeptTokens: 15,
};

/** A running turn `t1` with 8 tokens whose client has left, after what its engine said elsewhere. */
function left(over: Partial<ControlAck>): { readonly rig: SessionRig; readonly effects: string[] } {
  const rig = new SessionRig();
  rig.running('t1', 8);
  rig.step({ kind: 'disconnected', attachment: 1, nowMs: 0 });
  return { rig, effects: words(rig.step({ kind: 'noted', ack: { ...ack, ...over }, progress: rig.at('t1') })) };
}

const lose = (rig: SessionRig): string[] => words(rig.turn('t1', { kind: 'orphaned', progress: rig.at('t1') }));

describe('an answer from outside a session', () => {
  test.each([
    { name: 'a cut', over: {}, bars: ['bar t1 5'], after: ['finish t1'], ends: 5 },
    {
      name: 'a cut past what came',
      over: { effectiveOffset: 9 },
      bars: ['bar t1 9'],
      after: ['restart t1'],
      ends: undefined,
    },
    {
      name: 'a cut before the first token',
      over: { effectiveOffset: 0 },
      bars: ['bar t1 0'],
      after: ['finish t1'],
      ends: 0,
    },
    {
      name: 'an end',
      over: { outcome: 'already-ended', effectiveOffset: 9 },
      bars: ['bar t1 9'],
      after: ['restart t1'],
      ends: undefined,
    },
    {
      name: 'an end before the first token',
      over: { outcome: 'already-ended', effectiveOffset: 0 },
      bars: ['bar t1 0'],
      after: ['bar t1 0', 'finish t1'],
      ends: 0,
    },
    {
      name: 'nothing yet',
      over: { outcome: 'pending', effectiveOffset: 0 },
      bars: [],
      after: ['restart t1'],
      ends: undefined,
    },
    { name: 'a refusal', over: { outcome: 'refused' }, bars: [], after: ['restart t1'], ends: undefined },
    { name: 'an end of another turn', over: { turnId: 't7' }, bars: [], after: ['restart t1'], ends: undefined },
  ] as const)('that told $name binds the turn when its engine is lost', ({ over, bars, after, ends }) => {
    const { rig, effects } = left(over);
    expect(effects).toEqual(bars);
    expect(lose(rig)).toEqual(after);
    expect(rig.state.past.get('t1')?.ending?.endOffset).toBe(ends);
  });

  test('is the answer of every later copy, and another control gets the same E', () => {
    const { rig } = left({});
    rig.attachment = 2;
    rig.attach();
    const copy = interrupt('t1', { signalId: 's9', bodyDigest: 'whatever' });
    expect(acksOf(rig.interrupt(copy))).toMatchObject([{ outcome: 'applied', effectiveOffset: 5, generatedOffset: 9 }]);
    expect(acksOf(rig.interrupt(interrupt('t1')))).toMatchObject([{ outcome: 'already-ended', effectiveOffset: 5 }]);
  });

  test('is remembered too when its engine tells it on the lane of the turn', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    expect(words(rig.cutDone('t1', { signalId: 's9' }))).toEqual(['bar t1 5']);
    const copy = interrupt('t1', { signalId: 's9' });
    expect(acksOf(rig.interrupt(copy))).toMatchObject([
      { seq: 2, outcome: 'applied', effectiveOffset: 5, wastedTokens: 3 },
    ]);
    expect(acksOf(rig.interrupt(interrupt('t1')))).toMatchObject([{ outcome: 'already-ended', effectiveOffset: 5 }]);
  });

  test('never moves an E that was told', () => {
    const { rig } = left({});
    expect(
      words(rig.step({ kind: 'noted', ack: { ...ack, signalId: 's8', effectiveOffset: 7 }, progress: rig.at('t1') })),
    ).toEqual([]);
    expect(rig.state.live.get('t1')?.receipt?.effectiveOffset).toBe(5);
  });

  test('answers the control of the stream that asked for the same', () => {
    const rig = new SessionRig();
    rig.start(start('t1'));
    rig.turn('t1', { kind: 'dispatched' });
    rig.interrupt(interrupt('t1', { signalId: 's9' }));
    expect(words(rig.step({ kind: 'noted', ack: { ...ack, effectiveOffset: 0 }, progress: rig.at('t1') }))).toEqual([
      'bar t1 0',
      'ack applied 0',
    ]);
  });
});
