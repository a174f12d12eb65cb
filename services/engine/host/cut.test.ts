import { describe, expect, test } from '@jest/globals';
import { cutOffset, type CutFacts } from './cut.ts';

const facts: CutFacts = {
  mode: 'keep-through-offset',
  requested: undefined,
  acknowledged: 10,
  generated: 20,
  openItemAt: undefined,
};

describe('cutOffset', () => {
  test.each<{ name: string; given: Partial<CutFacts>; want: number | 'pending' }>([
    { name: 'keeps what was acknowledged when no offset is given', given: {}, want: 10 },
    { name: 'keeps through a requested offset', given: { requested: 15 }, want: 15 },
    { name: 'keeps through a requested 0', given: { requested: 0 }, want: 0 },
    { name: 'never keeps more than was generated', given: { requested: 21 }, want: 20 },
    { name: 'an acknowledgement ahead of a lost step counts as generated', given: { acknowledged: 25 }, want: 20 },
    { name: 'keeps all that was generated', given: { mode: 'keep-generated', requested: 3 }, want: 20 },
    { name: 'discards the open item', given: { mode: 'discard-partial-items', openItemAt: 7 }, want: 7 },
    { name: 'discards nothing when no item is open', given: { mode: 'discard-partial-items' }, want: 20 },
    { name: 'waits for the open item', given: { mode: 'at-item-boundary', openItemAt: 7 }, want: 'pending' },
    { name: 'does not wait without an open item', given: { mode: 'at-item-boundary' }, want: 20 },
    { name: 'cuts at the boundary', given: { mode: 'at-item-boundary', openItemAt: 7, boundary: 18 }, want: 18 },
    { name: 'a boundary past the last step is that step', given: { mode: 'at-item-boundary', boundary: 22 }, want: 20 },
    {
      name: 'does not wait when it must apply at once',
      given: { mode: 'at-item-boundary', openItemAt: 7, boundary: 'now' },
      want: 20,
    },
  ])('$name', ({ given, want }) => {
    expect(cutOffset({ ...facts, ...given })).toBe(want);
  });
});
