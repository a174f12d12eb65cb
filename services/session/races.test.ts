import { describe, expect, test } from '@jest/globals';
import { acksOf, interrupt, refusalsOf, SessionRig, start, words } from './session-rig.ts';

type Race = { readonly name: string; readonly act: (rig: SessionRig) => void; readonly want: readonly string[] };

/** What a running turn `t1` with 8 tokens, 5 of them acknowledged, brings about. */
const races: readonly Race[] = [
  {
    name: 'interrupt, then its answer, then the end',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.cutDone('t1');
      rig.ended('t1', 5, 'interrupted');
    },
    want: ['cut t1', 'bar t1 5', 'ack applied 5', 'finish t1'],
  },
  {
    name: 'the natural end overtakes the interrupt',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.ended('t1', 8);
      rig.cutDone('t1', { outcome: 'already-ended', effectiveOffset: 8 });
    },
    want: ['cut t1', 'ack already-ended 8', 'finish t1'],
  },
  {
    name: 'an interrupt after the end',
    act: (rig) => {
      rig.ended('t1', 8);
      rig.interrupt(interrupt('t1'));
    },
    want: ['finish t1', 'ack already-ended 8'],
  },
  {
    name: 'copies of one interrupt: one cut, an answer for each',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.interrupt(interrupt('t1'));
      rig.cutDone('t1');
      rig.cutDone('t1');
      rig.interrupt(interrupt('t1'));
    },
    want: ['cut t1', 'bar t1 5', 'ack applied 5', 'ack applied 5', 'ack applied 5'],
  },
  {
    name: 'a second control before the first is answered',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.interrupt(interrupt('t1', { signalId: 's2', mode: 'keep-generated' }));
      rig.cutDone('t1');
      rig.cutDone('t1', { signalId: 's2', outcome: 'already-ended' });
    },
    want: ['cut t1', 'cut t1', 'bar t1 5', 'ack applied 5', 'ack already-ended 5'],
  },
  {
    name: 'a second control on a cut turn keeps E',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.cutDone('t1');
      rig.interrupt(interrupt('t1', { signalId: 's2', keepThroughOffset: 1 }));
    },
    want: ['cut t1', 'bar t1 5', 'ack applied 5', 'ack already-ended 5'],
  },
  {
    name: 'a cut that waits for its item, and its final answer',
    act: (rig) => {
      rig.interrupt(interrupt('t1', { mode: 'at-item-boundary' }));
      rig.cutDone('t1', { outcome: 'pending', effectiveOffset: 0 });
      rig.cutDone('t1', { effectiveOffset: 12, generatedOffset: 12 });
    },
    want: ['cut t1', 'ack pending 0', 'bar t1 12', 'ack applied 12'],
  },
  {
    name: 'a second control during PENDING applies at once',
    act: (rig) => {
      rig.interrupt(interrupt('t1', { mode: 'at-item-boundary' }));
      rig.cutDone('t1', { outcome: 'pending' });
      rig.interrupt(interrupt('t1', { signalId: 's2' }));
      rig.cutDone('t1', { signalId: 's2' });
      rig.cutDone('t1', { outcome: 'already-ended' });
    },
    want: ['cut t1', 'ack pending 0', 'cut t1', 'bar t1 5', 'ack applied 5', 'ack already-ended 5'],
  },
  {
    name: 'an acknowledgement after the cut is void, not fatal',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.cutDone('t1');
      rig.flow('t1', 7);
    },
    want: ['cut t1', 'bar t1 5', 'ack applied 5', 'credit t1'],
  },
  {
    name: 'the client goes while a cut is under way: the turn still ends once',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.step({ kind: 'disconnected', attachment: 1, nowMs: 0 });
      rig.cutDone('t1');
      rig.ended('t1', 5, 'interrupted');
      rig.ended('t1', 5, 'interrupted');
    },
    want: ['cut t1', 'release detach', 'bar t1 5', 'ack applied 5', 'finish t1'],
  },
  {
    name: 'the engine dies with a cut under way',
    act: (rig) => {
      rig.interrupt(interrupt('t1', { keepThroughOffset: 6 }));
      rig.turn('t1', { kind: 'lost', progress: rig.at('t1') });
    },
    want: ['cut t1', 'bar t1 6', 'ack applied 6', 'finish t1'],
  },
  {
    name: 'the engine refuses the cut and the turn runs on',
    act: (rig) => {
      rig.interrupt(interrupt('t1'));
      rig.cutDone('t1', { outcome: 'unsupported', effectiveOffset: 0 });
      rig.ended('t1', 20);
    },
    want: ['cut t1', 'ack unsupported 0', 'finish t1'],
  },
];

describe('races of a turn', () => {
  test.each(races)('$name', ({ act, want }) => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.flow('t1', 5);
    rig.effects = [];
    act(rig);
    expect(words(rig.effects)).toEqual(want);
  });

  test.each([
    { name: 'no offset: what the client acknowledged', cut: interrupt('t1'), want: 5 },
    { name: 'an offset of its own', cut: interrupt('t1', { keepThroughOffset: 2 }), want: 2 },
    { name: 'another mode needs none', cut: interrupt('t1', { mode: 'keep-generated' }), want: undefined },
  ])('KEEP_THROUGH_OFFSET with $name', ({ cut, want }) => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.flow('t1', 5);
    const effects = rig.interrupt(cut);
    expect(effects).toMatchObject([{ kind: 'cut', control: { keepThroughOffset: want } }]);
  });

  test('the receipt counts what was generated past E as wasted, and the bill is what was sent', () => {
    const rig = new SessionRig();
    rig.running('t1', 7);
    rig.interrupt(interrupt('t1', { keepThroughOffset: 5 }));
    const acks = acksOf(rig.cutDone('t1', { generatedOffset: 9 }));
    expect(acks).toMatchObject([{ seq: 2, deliveredOffset: 7, generatedOffset: 9, wastedTokens: 4 }]);
  });

  test.each([
    { phase: 'queued', prepare: (rig: SessionRig) => rig.start(start('t1')) },
    {
      phase: 'starting',
      prepare: (rig: SessionRig) => {
        rig.start(start('t1'));
        rig.turn('t1', { kind: 'dispatched' });
      },
    },
    { phase: 'running', prepare: (rig: SessionRig) => rig.running('t1') },
  ])('a disconnect and an attach while a turn is $phase leave it as it is', ({ phase, prepare }) => {
    const rig = new SessionRig();
    prepare(rig);
    rig.step({ kind: 'disconnected', attachment: 1, nowMs: 0 });
    rig.progress.set('t1', rig.at('t1'));
    rig.attachment = 2;
    const effects = rig.attach();
    expect(rig.state.live.get('t1')?.phase).toBe(phase);
    expect(words(effects)).toEqual(['credit t1', 'read t1']);
  });
});

describe('redirect', () => {
  const redirect = (over: Parameters<typeof start>[1] = {}) => ({ cut: interrupt('t1'), successor: start('t2', over) });

  test('is one cut with its successor, which holds the slot from then on', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    const effects = rig.redirect(redirect());
    expect(effects).toMatchObject([
      { kind: 'prepare', plan: { turnId: 't2' } },
      { kind: 'cut', turnId: 't1', seq: 2, successor: { turnId: 't2', parentTurnId: 't1' } },
    ]);
    expect([...rig.state.live.keys()]).toEqual(['t1', 't2']);
    rig.cutDone('t1');
    rig.ended('t1', 5, 'redirected');
    expect(rig.state.past.get('t1')?.successorTurnId).toBe('t2');
    expect(rig.state.live.get('t2')?.phase).toBe('starting');
  });

  test('of a turn that has ended is a no-op, and its successor ends by itself', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.ended('t1', 8);
    const effects = rig.redirect(redirect());
    expect(words(effects)).toEqual(['ack already-ended 8', 'turn-ended']);
    expect(refusalsOf(effects)).toMatchObject([{ turnId: 't2', error: { code: 'turn_stale' } }]);
  });

  test('of an unknown turn answers both of its halves', () => {
    const effects = new SessionRig().redirect(redirect());
    expect(acksOf(effects)).toMatchObject([{ outcome: 'not-found', code: 'turn_not_found' }]);
    expect(refusalsOf(effects)).toMatchObject([{ turnId: 't2', error: { code: 'turn_not_found' } }]);
  });

  test.each([
    { name: 'another parent', over: { parentTurnId: 't0' }, want: 'invalid_request' },
    { name: 'the id of the cut turn', over: { turnId: 't1' }, want: 'idempotency_conflict' },
  ])('with $name is refused and changes nothing', ({ over, want }) => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    const before = rig.state;
    const effects = rig.redirect(redirect(over));
    expect(acksOf(effects)).toMatchObject([{ outcome: 'refused', code: want, turnId: 't1' }]);
    expect(rig.state).toEqual({ ...before, lastSeq: 2 });
  });

  test('whose successor cannot start keeps its cut (R3)', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    const effects = rig.redirect(redirect({ maxOutputTokens: 0 }));
    expect(effects).toMatchObject([{ kind: 'cut', successor: undefined }, { kind: 'tell' }]);
    expect(refusalsOf(effects)).toMatchObject([{ turnId: 't2', error: { code: 'value_out_of_range' } }]);
  });

  test('that the engine refuses ends the successor and leaves the turn running', () => {
    const rig = new SessionRig();
    rig.running('t1', 8);
    rig.redirect(redirect());
    expect(words(rig.cutDone('t1', { outcome: 'refused', effectiveOffset: 0 }))).toEqual([
      'ack refused 0',
      'finish t2',
    ]);
    expect(rig.state.live.get('t1')?.phase).toBe('running');
  });
});
