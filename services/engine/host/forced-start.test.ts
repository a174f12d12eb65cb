/** Turns that go on behind tokens of another engine (PROTOCOL E6), and gateways that come and go meanwhile. */
import { describe, expect, test } from '@jest/globals';
import { tokenText } from './fake-driver.ts';
import { FakeLink } from './fake-link.ts';
import { rig, SESSION } from './host-rig.ts';

const forced = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const text = (from: number, end: number): string =>
  forced(end - from)
    .map((at) => tokenText(0, from + at))
    .join('');
const Mode = { keepThrough: 2, keepGenerated: 3 } as const;

describe('a forced start', () => {
  test.each([
    { name: 'its first offset', nextOffset: 0, ringTokens: 8_192, want: 'replay' },
    { name: 'an offset among the forced tokens', nextOffset: 37, ringTokens: 64, want: 'replay' },
    { name: 'the oldest offset of the ring', nextOffset: 36, ringTokens: 64, want: 'replay' },
    { name: 'an offset below the ring', nextOffset: 35, ringTokens: 64, want: 'oldest_offset=36' },
  ])('is resumed at $name by the next gateway', ({ nextOffset, ringTokens, want }) => {
    const { link, host, clock } = rig({ ringTokens });
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(100), maxOutputTokens: 130, creditTokens: 1 });
    clock.advance(1);
    expect([link.all('started')[0]?.startOffset, link.received(1)]).toEqual([100, 0]);
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset, creditTokens: 64 }] });
    for (let at = 0; at < 60; at++) {
      clock.advance(1);
      if (want === 'replay') next.credit(1, next.received(1), 64);
    }
    if (want !== 'replay') {
      expect(next.all('fault')[0]).toMatchObject({ error: { code: 'resume_window_exceeded', param: want } });
      return;
    }
    expect(next.all('opened')[0]?.turns).toMatchObject([{ replayFrom: nextOffset, generatedOffset: 100 }]);
    expect([next.lane(1).from, next.lane(1).text]).toEqual([nextOffset, text(nextOffset, 130)]);
    expect(next.lane(1).marks.map(({ atOffset }) => atOffset)).toEqual([0]);
    expect(next.lane(1).ended).toMatchObject({ endOffset: 130 });
  });

  test('is taken over while it prefills, at an offset among what is forced', () => {
    const { link, host, clock } = rig({ prefillMs: 10 });
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(50), maxOutputTokens: 60 });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 20, creditTokens: 512 }] });
    clock.advance(40);
    expect(next.all('started')[0]).toMatchObject({ startOffset: 50 });
    expect([next.lane(1).text, next.lane(1).ended?.endOffset]).toEqual([text(20, 60), 60]);
  });

  test('tells the marks among its tokens again, behind Started and before the first row', () => {
    const items = () => [
      { itemIndex: 0, kind: 'reasoning' as const, atOffset: 0, closed: false },
      { itemIndex: 0, kind: 'reasoning' as const, atOffset: 6, closed: true },
      { itemIndex: 1, kind: 'message' as const, atOffset: 6, closed: false },
    ];
    const { link, clock } = rig({ items });
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(8), maxOutputTokens: 8 });
    clock.advance(10);
    expect(link.kinds(true)).toEqual(['welcome', 'opened', 'started', 'step', 'ended']);
    expect(link.lane(1).marks.map(({ itemIndex, closed }) => [itemIndex, closed])).toEqual([
      [0, false],
      [0, true],
      [1, false],
    ]);
    expect(link.lane(1).ended).toMatchObject({ endOffset: 8, usage: { outputTokens: 8, reasoningTokens: 6 } });
  });

  test.each([
    { name: 'up to the limit', count: 20, want: ['started', 'ended'] },
    { name: 'past the limit', count: 21, want: ['fault'] },
  ])('with tokens $name', ({ count, want }) => {
    const { link, clock } = rig();
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(count), maxOutputTokens: 20 });
    clock.advance(10);
    expect(link.kinds().slice(2)).toEqual(want);
    expect(link.received(1)).toBe(0);
  });
});

describe('a cut before the start', () => {
  test.each([
    { name: 'keep 0', mode: Mode.keepThrough, keep: 0, want: 0 },
    { name: 'keep some', mode: Mode.keepThrough, keep: 7, want: 7 },
    { name: 'keep more than there is', mode: Mode.keepThrough, keep: 99, want: 30 },
    { name: 'keep what the client has', mode: Mode.keepThrough, keep: undefined, want: 30 },
    { name: 'keep what was generated', mode: Mode.keepGenerated, keep: undefined, want: 30 },
  ])('of forced tokens: $name', ({ mode, keep, want }) => {
    const { link, clock, driver } = rig({ prefillMs: 10 });
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(30), maxOutputTokens: 60 });
    link.cut({ lane: 1, mode, ...(keep === undefined ? {} : { keepThroughOffset: keep }) });
    clock.advance(20);
    expect(link.kinds(true).slice(2)).toEqual(['cutDone', 'ended']);
    expect(link.all('cutDone')[0]).toMatchObject({ outcome: 1, effectiveOffset: want, generatedOffset: 30 });
    expect(link.lane(1).ended).toMatchObject({ status: 2, endOffset: want, usage: { discardedTokens: 30 - want } });
    expect([...driver.contexts.values()].at(-1)).toEqual(['in-t1', ...forced(want).map((at) => tokenText(0, at))]);
  });

  test('a gateway that adopted below the cut hears its end, without rows that nobody has the text of', () => {
    const { link, host, clock } = rig({ prefillMs: 10 });
    link.start({ sid: 1, lane: 1, turnId: 't1', forcedTokenIds: forced(30), maxOutputTokens: 60 });
    const next = new FakeLink(host);
    next.open({ sid: 1, sessionId: SESSION, adopt: [{ lane: 1, turnId: 't1', nextOffset: 5, creditTokens: 64 }] });
    next.cut({ lane: 1, mode: Mode.keepThrough, keepThroughOffset: 20 });
    clock.advance(20);
    expect([next.received(1), next.lane(1).ended?.endOffset]).toEqual([0, 20]);
  });
});
