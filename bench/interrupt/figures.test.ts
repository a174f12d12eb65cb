import { describe, expect, test } from '@jest/globals';
import type { CutRecord } from './client-process.ts';
import { figuresOf, goalsOf, ratiosOf } from './figures.ts';

const cut = (given: Partial<CutRecord> = {}): CutRecord => ({
  due: 100,
  after: 1,
  wasted: 2,
  stale: 0,
  ackMicros: 1_500,
  ...given,
});

describe('figuresOf', () => {
  test('counts shares and takes percentiles in their units', () => {
    const cuts = [
      cut({ after: 1, due: 30 }),
      cut({ after: 3, stale: 2 }),
      cut({ after: 4, due: 210, ackMicros: 9_000 }),
    ];
    expect(figuresOf(cuts)).toMatchObject({
      cuts: 3,
      generatedAfterSendP50: 3,
      generatedAfterSendMax: 4,
      shareWithinOne: 1 / 3,
      shareWithinThree: 2 / 3,
      receiptMsP50: 1.5,
      receiptMsP99: 9,
      staleTokens: 2,
      offsetsFrom: 30,
      offsetsTo: 210,
    });
  });

  test('no cuts are no figures', () => {
    expect(() => figuresOf([])).toThrow(RangeError);
  });
});

describe('ratiosOf', () => {
  test('is ours over bare', () => {
    const ours = [cut({ after: 3, ackMicros: 3_000 })];
    const bare = [cut({ after: 2, ackMicros: 1_500 })];
    expect(ratiosOf(ours, bare)).toEqual({
      generatedAfterSendP50OverBare: 1.5,
      generatedAfterSendP99OverBare: 1.5,
      receiptMsP50OverBare: 2,
    });
  });

  test('a bare count of 0 has no ratio', () => {
    expect(ratiosOf([cut()], [cut({ after: 0 })])).toMatchObject({ generatedAfterSendP50OverBare: 'none: bare is 0' });
  });
});

describe('goalsOf', () => {
  const bare = [cut({ ackMicros: 1_000 })];
  const row = { after: 1, stale: 0, ackMicros: 1_500, decidable: true, want: [true, true, true, true] };
  test.each([
    { ...row, name: 'at every limit' },
    { ...row, name: 'a median of two', after: 2, want: [false, true, true, true] },
    { ...row, name: 'four tokens', after: 4, want: [false, false, true, true] },
    { ...row, name: 'a receipt above the ratio', ackMicros: 1_501, want: [true, true, false, true] },
    { ...row, name: 'a stale token', stale: 1, want: [true, true, true, false] },
    { ...row, name: 'too few cuts: only the count is decided', decidable: false, want: [null, null, null, true] },
  ])('$name', ({ after, stale, ackMicros, decidable, want }) => {
    const goals = goalsOf([cut({ after, stale, ackMicros })], bare, decidable);
    expect(goals.map((goal) => goal.met)).toEqual(want);
  });
});
