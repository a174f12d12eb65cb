import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VirtualClock } from '@reticle/core/flow';
import type { WireItemMark } from '@reticle/proto/wire';
import type { FramePolicy, ServerEvent, TurnEnded, TurnStarted } from '@reticle/services/session';
import type { TokenRun } from './front.ts';
import { policy } from './sessions-rig.ts';
import { Transcript } from './transcript.ts';
import { TurnReader, type FlushGroup } from './turn-reader.ts';

const started = { kind: 'turn-started', turnId: 't1' } as TurnStarted;
const ended = { kind: 'turn-ended', turnId: 't1' } as TurnEnded;

/** A window that ends when the test says so. */
class ManualGroup implements FlushGroup {
  windowMs = 16;
  joins = 0;
  #members: { flush(): void }[] = [];

  join(member: { flush(): void }): void {
    this.joins += 1;
    this.#members.push(member);
  }

  end(): void {
    const members = this.#members;
    this.#members = [];
    for (const member of members) member.flush();
  }
}

type RigOptions = { readonly policy?: Partial<FramePolicy>; readonly limit?: number; readonly stepMicros?: number };

/** A reader whose sink takes everything; `log` is what it was handed, runs as `from-through`. */
function rig({ policy: over = {}, limit = 8_192, stepMicros = 1_000 }: RigOptions = {}) {
  const transcript = new Transcript();
  const group = new ManualGroup();
  const clock = new VirtualClock();
  const log: string[] = [];
  let full = false;
  let sent = 0;
  const sink = {
    ended: false,
    flushGroup: group,
    event: (event: ServerEvent): void => void log.push(event.kind),
    tokens: ({ firstOffset, tokenCount }: TokenRun): boolean => {
      log.push(`${firstOffset}-${firstOffset + tokenCount}`);
      return !full;
    },
    end: (): void => {},
  };
  const reader = new TurnReader({
    turnId: 't1',
    transcript,
    sink,
    policy: { ...policy, ...over },
    clock,
    nextOffset: 0,
    announced: false,
    tellsOpenItem: true,
    onSent: (through) => void (sent = through),
    onDone: () => {},
    onBehind: () => void log.push('behind'),
  });
  reader.setLimit(limit);
  reader.announce(started);
  /** The engine's tokens up to an offset, one by one, on its own clock. */
  const take = (through: number): void => {
    while (transcript.end < through) {
      const one = Uint32Array.of(1);
      const row = { lane: 1, firstOffset: transcript.end, count: 1, ids: one, lengths: one, at: 0 };
      transcript.append({ ...row, text: Uint8Array.of(97), textStart: 0, textEnd: 1 }, transcript.end * stepMicros);
      reader.pump();
    }
  };
  const mark = (atOffset: number, closed: boolean, itemIndex = 0): void => {
    const names = { itemId: 'i', callId: '', toolName: '' };
    const item: WireItemMark = { turnId: 't1', itemIndex, kind: 1, atOffset, closed, ...names };
    transcript.mark(item);
    reader.pump();
  };
  const fill = (value: boolean): void => void (full = value);
  const leave = (): void => void (sink.ended = true);
  return { reader, transcript, group, clock, log, take, mark, fill, leave, sent: () => sent };
}

describe('a window of the connection', () => {
  test('the first token goes at once, what follows waits for the end of the window', () => {
    const { group, log, take } = rig();
    take(1);
    take(10);
    expect(log).toEqual(['turn-started', '0-1']);
    group.end();
    expect(log.slice(2)).toEqual(['1-10']);
    expect(group.joins).toBe(1);
    take(11);
    group.end();
    expect(log.slice(3)).toEqual(['10-11']);
  });

  test('a window without tokens sends nothing and ends the wait', () => {
    const { reader, group, log, take } = rig();
    take(5);
    group.end();
    group.end();
    reader.pump();
    expect(log).toEqual(['turn-started', '0-1', '1-5']);
  });

  test('without load nobody waits', () => {
    const { group, log, take } = rig();
    group.windowMs = 0;
    take(3);
    expect(log).toEqual(['turn-started', '0-1', '1-2', '2-3']);
    expect(group.joins).toBe(0);
  });

  test('the largest frame does not wait', () => {
    const { log, take } = rig();
    take(66);
    expect(log.slice(1)).toEqual(['0-1', '1-65']);
  });

  test('H5: item borders flush what is held, and the marks come in their place', () => {
    const { log, take, mark } = rig();
    mark(0, false);
    take(5);
    mark(5, true);
    expect(log.slice(1)).toEqual(['item-mark', '0-1', '1-5', 'item-mark']);
    mark(5, false, 1);
    take(7);
    expect(log.slice(5)).toEqual(['item-mark']);
  });

  test('H5: the terminal flushes what is held', () => {
    const { reader, log, take } = rig();
    take(9);
    reader.finish(() => ended);
    expect(log.slice(1)).toEqual(['0-1', '1-9', 'turn-ended']);
  });

  test('the end of the credit flushes, and more credit waits again', () => {
    const { reader, group, log, take } = rig({ limit: 6 });
    take(20);
    expect(log.slice(1)).toEqual(['0-1', '1-6']);
    reader.setLimit(100);
    expect(log).toHaveLength(3);
    group.end();
    expect(log.slice(3)).toEqual(['6-20']);
  });

  test('nothing at or past a cut is sent when the window ends', () => {
    const { reader, transcript, group, log, take } = rig();
    take(9);
    transcript.cut(4);
    reader.pump();
    group.end();
    expect(log.slice(1)).toEqual(['0-1', '1-4']);
  });

  test('a client that left is sent nothing when the window ends', () => {
    const { reader, group, log, take } = rig();
    take(9);
    reader.close();
    group.end();
    expect(log).toEqual(['turn-started', '0-1']);
  });

  test('a full sink takes nothing when the window ends, and all of it once it drained', () => {
    const { reader, group, log, take, fill } = rig();
    fill(true);
    take(9);
    group.end();
    expect(log).toEqual(['turn-started', '0-1']);
    fill(false);
    reader.drained();
    group.end();
    expect(log.slice(2)).toEqual(['1-9']);
  });

  test.each([
    { name: 'R8: 100 tok/s: every token alone', stepMicros: 10_000, wantFrames: 4 },
    { name: '101 tok/s: tokens wait', stepMicros: 9_900, wantFrames: 1 },
  ])('$name', ({ stepMicros, wantFrames }) => {
    const { log, take } = rig({ stepMicros });
    take(4);
    expect(log.filter((each) => each !== 'turn-started')).toHaveLength(wantFrames);
  });

  test('a coarser policy of the client holds longer than the window', () => {
    const { clock, group, log, take } = rig({ policy: { maxTokens: 32, maxDelayMs: 50 } });
    take(8);
    group.end();
    expect(log).toEqual(['turn-started', '0-1']);
    clock.advance(50);
    expect(log.slice(2)).toEqual(['1-8']);
  });

  test('a finer policy does not undercut the window', () => {
    const { clock, group, log, take } = rig({ policy: { maxTokens: 2, maxDelayMs: 2 } });
    take(8);
    clock.advance(10);
    expect(log).toEqual(['turn-started', '0-1']);
    group.end();
    expect(log.slice(2)).toEqual(['1-8']);
  });
});

test('whatever comes in whatever order: dense runs of at most 64, no token past an open border, all of it told', () => {
  const kind = fc.constantFrom('end' as const, 'mark' as const, 'fill' as const);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('tokens' as const), value: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ kind: fc.constant('window' as const), value: fc.constantFrom(0, 4, 33) }),
    fc.record({ kind, value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { reader, transcript, group, log, take, mark, fill } = rig();
      let marks = 0;
      let full = false;
      const apply = {
        tokens: (count: number) => take(transcript.end + count),
        window: (ms: number) => void (group.windowMs = ms),
        end: () => group.end(),
        mark: () => {
          mark(transcript.end, marks % 2 === 1, Math.floor(marks / 2));
          marks += 1;
        },
        fill: () => {
          full = !full;
          fill(full);
          if (!full) reader.drained();
        },
      };
      for (const { kind, value } of steps) apply[kind](value);
      fill(false);
      reader.drained();
      reader.finish(() => ended);
      reader.drained();
      const runs = log.filter((each) => /^\d/.test(each)).map((each) => each.split('-').map(Number));
      let at = 0;
      for (const [from = -1, through = -1] of runs) {
        expect(from).toBe(at);
        expect(through - from).toBeLessThanOrEqual(64);
        at = through;
      }
      expect(at).toBe(transcript.end);
      expect(log.at(-1)).toBe('turn-ended');
    }),
    { numRuns: 60 },
  );
});

test('a client that has left is sent nothing and billed nothing', () => {
  const { log, take, leave, sent } = rig();
  take(1);
  leave();
  take(10);
  expect({ log, sent: sent() }).toEqual({ log: ['turn-started', '0-1'], sent: 1 });
});
