import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createCredit, VirtualClock } from '@reticle/core/flow';
import type { FramePolicy, TurnEnded, TurnStarted } from '@reticle/services/session';
import { policy } from './sessions-rig.ts';
import { RecordingSink, tokenText } from './scripted-engine.ts';
import { TurnRelay } from './relay.ts';

const started = { kind: 'turn-started', turnId: 't1' } as TurnStarted;
const ended = { kind: 'turn-ended', turnId: 't1' } as TurnEnded;

function rows(from: number, through: number) {
  const text = Array.from({ length: through - from }, (_, at) => tokenText(from + at));
  return {
    lane: 1,
    firstOffset: from,
    count: text.length,
    ids: Uint32Array.from(text, (_, at) => 1_000 + from + at),
    lengths: Uint32Array.from(text, (each) => each.length),
    at: 0,
    text: Buffer.from(text.join('')),
    textStart: 0,
    textEnd: text.join('').length,
  };
}

const textOf = (from: number, through: number): string => Buffer.from(rows(from, through).text).toString();

function rig(over: Partial<FramePolicy> = {}, creditTokens = 8_192) {
  const clock = new VirtualClock();
  const grants: string[] = [];
  const relay = new TurnRelay({
    turnId: 't1',
    clock,
    onSent: () => {},
    onTold: () => {},
    grant: (received, credit) => grants.push(`${received}+${credit}`),
  });
  relay.lane = 1;
  relay.open(createCredit({ creditTokens, ringTokens: 8_192 }), { receivedThrough: 0, creditTokens });
  const sink = new RecordingSink();
  relay.attach({ sink, policy: { ...policy, ...over }, nextOffset: 0, announced: false });
  const take = (from: number, through: number): boolean => relay.row(rows(from, through), 0);
  return { clock, relay, sink, take, grants };
}

describe('frames', () => {
  test('nothing goes before the turn has started', () => {
    const { relay, sink, take } = rig();
    take(0, 3);
    expect(sink.log).toEqual([]);
    relay.announce(started);
    expect(sink.log).toEqual(['turn-started', '0-3']);
  });

  test('a writable sink gets every token as it comes; a full one gets the rest in runs of 64 at most', () => {
    const { relay, sink, take } = rig();
    relay.announce(started);
    take(0, 1);
    take(1, 2);
    sink.full = true;
    take(2, 3);
    take(3, 150);
    sink.full = false;
    relay.drained();
    expect(sink.log).toEqual(['turn-started', '0-1', '1-2', '2-3', '3-67', '67-131', '131-150']);
  });

  test('a coarser policy holds tokens back for its delay, but never the first, a border or the end', () => {
    const { clock, relay, sink, take } = rig({ maxTokens: 8, maxDelayMs: 20 });
    relay.announce(started);
    take(0, 1);
    take(1, 4);
    clock.advance(19);
    take(4, 5);
    expect(sink.log).toEqual(['turn-started', '0-1']);
    clock.advance(1);
    expect(sink.log.slice(2)).toEqual(['1-5']);
    take(5, 13);
    expect(sink.log.slice(3)).toEqual(['5-13']);
    take(13, 15);
    relay.mark({
      turnId: 't1',
      itemIndex: 0,
      kind: 1,
      atOffset: 15,
      closed: false,
      itemId: '',
      callId: '',
      toolName: '',
    });
    take(15, 17);
    expect(sink.log.slice(4)).toEqual(['13-15', 'item-mark']);
    relay.finish(() => ended);
    expect(sink.log.slice(4)).toEqual(['13-15', 'item-mark', '15-17', 'turn-ended']);
    expect(clock.pending).toBe(0);
  });

  test.each([
    { name: 'a finer delay', over: { maxDelayMs: 0 }, want: ['1-2', '2-3'] },
    { name: 'a finer size', over: { maxTokens: 1 }, want: ['1-2', '2-3'] },
    { name: 'a size alone, held for 50 ms at most', over: { maxTokens: 16 }, want: ['1-3'] },
    { name: 'a delay past the limit', over: { maxDelayMs: 10_000 }, want: ['1-3'] },
  ])('policy: $name', ({ over, want }) => {
    const { clock, relay, sink, take } = rig(over);
    relay.announce(started);
    take(0, 1);
    take(1, 2);
    take(2, 3);
    clock.advance(50);
    expect(sink.log.slice(2)).toEqual(want);
  });

  test('a mark comes before the tokens of its item, and each run lies in one item', () => {
    const { relay, sink, take } = rig();
    relay.announce(started);
    const mark = (itemIndex: number, atOffset: number, closed: boolean) =>
      relay.mark({ turnId: 't1', itemIndex, kind: 1, atOffset, closed, itemId: '', callId: '', toolName: '' });
    mark(0, 0, false);
    mark(0, 5, true);
    mark(1, 5, false);
    take(0, 9);
    expect(sink.log).toEqual(['turn-started', 'item-mark', '0-5', 'item-mark', 'item-mark', '5-9']);
  });
});

describe('a cut', () => {
  test('bars what was received, what still comes, and marks past it', () => {
    const { relay, sink, take } = rig({}, 4);
    relay.announce(started);
    relay.mark({
      turnId: 't1',
      itemIndex: 1,
      kind: 1,
      atOffset: 6,
      closed: false,
      itemId: '',
      callId: '',
      toolName: '',
    });
    take(0, 10);
    relay.bar(6);
    expect(take(10, 12)).toBe(true);
    relay.setWindow(createCredit({ creditTokens: 100, ringTokens: 8_192 }));
    relay.finish(() => ended);
    expect(sink.log).toEqual(['turn-started', '0-4', '4-6', 'turn-ended']);
    expect(relay.progress).toMatchObject({ received: 6, sent: 6 });
  });

  test.each([
    { name: 'ends past E', received: 4, from: 4, through: 9 },
    { name: 'begins at E', received: 6, from: 6, through: 9 },
    { name: 'repeats and ends past E', received: 4, from: 2, through: 9 },
  ])('takes of a row that $name only what lies below E', ({ received, from, through }) => {
    const { relay, sink, take } = rig();
    relay.announce(started);
    take(0, received);
    relay.bar(6);
    expect(take(from, through)).toBe(true);
    relay.finish(() => ended);
    expect([sink.position, sink.text]).toEqual([Math.max(received, Math.min(through, 6)), textOf(0, 6)]);
    expect(sink.log.at(-1)).toBe('turn-ended');
  });

  test.each([
    { name: 'whose text is still there', tokens: 8_500, wantOldest: 0 },
    { name: 'whose text is gone', tokens: 100_000, wantOldest: 100 },
  ])('below the ring, $name, leaves what can be read', ({ tokens, wantOldest }) => {
    const { relay, sink, take } = rig();
    relay.announce(started);
    for (let from = 0; from < tokens; from += 500) {
      take(from, from + 500);
      relay.setWindow(createCredit({ receivedThrough: from, creditTokens: 8_192, ringTokens: 8_192 }));
    }
    expect(relay.progress.oldest).toBe(tokens - 8_192);
    expect(sink.text).toBe(textOf(0, tokens));
    relay.bar(100);
    expect(relay.progress).toMatchObject({ received: 100, oldest: wantOldest, sent: tokens });
    const reader = new RecordingSink();
    relay.observe({ sink: reader, policy, nextOffset: wantOldest, announced: true }, () => {});
    relay.finish(() => ended);
    expect([reader.text, reader.log.at(-1), sink.log.at(-1)]).toEqual([
      textOf(wantOldest, 100),
      'turn-ended',
      'turn-ended',
    ]);
  });
});

describe('readers', () => {
  test('one that nobody waits for and that reads nothing for a whole ring is told that its next token is gone', () => {
    const { relay, take } = rig();
    relay.announce(started);
    const slow = new RecordingSink();
    const reader = relay.observe({ sink: slow, policy, nextOffset: 0, announced: true }, () => {});
    slow.full = true;
    for (let from = 0; from < 20_000; from += 500) {
      take(from, from + 500);
      relay.setWindow(createCredit({ receivedThrough: from, creditTokens: 8_192, ringTokens: 8_192 }));
    }
    expect(relay.observers).toBe(1);
    slow.full = false;
    reader.drained();
    expect([slow.log.at(-1), relay.observers]).toEqual(['end resume_window_exceeded', 0]);
  });

  test('property: whatever the splits, stalls, budgets and resumes, a client reads each token once and in order', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('rows' as const), count: fc.integer({ min: 1, max: 90 }) }),
      fc.record({ kind: fc.constant('full' as const), count: fc.constant(0) }),
      fc.record({ kind: fc.constant('drain' as const), count: fc.constant(0) }),
      fc.record({ kind: fc.constant('credit' as const), count: fc.integer({ min: 0, max: 200 }) }),
      fc.record({ kind: fc.constant('resume' as const), count: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('wait' as const), count: fc.integer({ min: 1, max: 60 }) }),
    );
    const delay = fc.constantFrom(undefined, 5, 50);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), delay, (steps, maxDelayMs) => {
        const coarser = maxDelayMs === undefined ? {} : { maxDelayMs };
        const { clock, relay, take, ...first } = rig(coarser);
        let { sink } = first;
        let [end, from, window] = [0, 0, createCredit({ creditTokens: 512, ringTokens: 8_192 })];
        relay.setWindow(window);
        relay.announce(started);
        const check = (): void => expect(sink.text).toBe(textOf(from, Math.max(from, sink.position)));
        for (const { kind, count } of steps) {
          if (kind === 'rows') take(end, (end += count));
          if (kind === 'full') sink.full = true;
          if (kind === 'wait') clock.advance(count);
          if (kind === 'drain') {
            sink.full = false;
            relay.drained();
          }
          if (kind === 'credit') {
            window = createCredit({ receivedThrough: sink.position, creditTokens: count, ringTokens: 8_192 });
            relay.setWindow(window);
          }
          if (kind === 'resume') {
            check();
            from = Math.max(0, sink.position - count);
            sink = new RecordingSink();
            sink.position = from;
            relay.setWindow(createCredit({ receivedThrough: from, creditTokens: 300, ringTokens: 8_192 }));
            relay.attach({ sink, policy: { ...policy, ...coarser }, nextOffset: from, announced: true });
          }
          check();
        }
        sink.full = false;
        relay.setWindow(createCredit({ receivedThrough: sink.position, creditTokens: 8_192, ringTokens: 8_192 }));
        relay.drained();
        relay.finish(() => ended);
        expect(sink.position).toBe(end);
        expect(sink.log.filter((word) => word === 'turn-ended')).toHaveLength(1);
        check();
      }),
      { numRuns: 300 },
    );
  });

  test('rows of a lane that is not in force are void', () => {
    const { relay, sink, take } = rig();
    relay.announce(started);
    take(0, 5);
    relay.adopted(2);
    expect(take(5, 9)).toBe(true);
    expect(relay.row({ ...rows(2, 7), lane: 2 }, 0)).toBe(true);
    expect(sink.log).toEqual(['turn-started', '0-5', '5-7']);
  });

  test('the engine is never told less than it knows: an older cursor reads the transcript, and grants stay ahead', () => {
    const { relay, take, grants } = rig({}, 512);
    relay.announce(started);
    take(0, 400);
    relay.setWindow(createCredit({ receivedThrough: 300, creditTokens: 512, ringTokens: 8_192 }));
    relay.setWindow(createCredit({ receivedThrough: 100, creditTokens: 512, ringTokens: 8_192 }));
    expect(relay.adoption).toEqual({ nextOffset: 300, creditTokens: 312 });
    expect(grants).toEqual(['300+512', '300+312']);
  });
});
