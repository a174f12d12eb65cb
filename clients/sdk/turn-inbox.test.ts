import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import type { TokenFrame } from '@reticle/proto/gen/session/v1/TokenFrame';
import fc from 'fast-check';
import { slice, TurnInbox, type InboxFrame } from './turn-inbox.ts';

/** Token n is n % 4 bytes long and says its own number, so that a wrong trim shows. */
const tokenBytes = (offset: number): Buffer => Buffer.alloc(offset % 4, offset % 251);

function frame(firstOffset: number, tokenCount: number, more: Partial<TokenFrame> = {}): TokenFrame {
  const parts = Array.from({ length: tokenCount }, (_, index) => tokenBytes(firstOffset + index));
  return {
    turnId: 't',
    firstOffset,
    tokenCount,
    tokenIds: parts.map((_, index) => firstOffset + index),
    text: Buffer.concat(parts),
    textLengths: tokenCount === 1 ? [] : parts.map((part) => part.length),
    itemIndex: 0,
    engineMicros: 0,
    logprobs: [],
    ...more,
  };
}

function takeAll(inbox: TurnInbox): InboxFrame[] {
  const frames: InboxFrame[] = [];
  for (let next = inbox.take(); next !== undefined; next = inbox.take()) frames.push(next);
  return frames;
}

/** Every token once, in order, with its own bytes. */
function expectTokens(frames: readonly InboxFrame[], from: number, to: number): void {
  expect(frames.flatMap(({ tokenIds }) => tokenIds)).toEqual(
    Array.from({ length: to - from }, (_, index) => from + index),
  );
  for (const { firstOffset, tokenCount, bytes } of frames) {
    const wanted = Array.from({ length: tokenCount }, (_, index) => tokenBytes(firstOffset + index));
    expect(Buffer.compare(bytes, Buffer.concat(wanted))).toBe(0);
  }
}

function codeOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    return isReticleError(error) ? error.code : `not ours: ${String(error)}`;
  }
  return undefined;
}

describe('TurnInbox', () => {
  test.each([
    { name: 'a gap', frames: [frame(0, 4), frame(5, 1)] },
    { name: 'a gap at the start', frames: [frame(1, 1)] },
    { name: 'a double', frames: [frame(0, 4), frame(3, 4)] },
    { name: 'a repeat', frames: [frame(0, 4), frame(0, 4)] },
    { name: 'a frame of nothing', frames: [frame(0, 0)] },
    { name: 'lengths that do not add up', frames: [frame(0, 3, { textLengths: [1, 1, 7] })] },
    { name: 'too few lengths', frames: [frame(0, 3, { textLengths: [3] })] },
    { name: 'missing lengths beside text', frames: [frame(0, 3, { textLengths: [] })] },
  ])('refuses $name', ({ frames }) => {
    const inbox = new TurnInbox(512);
    expect(codeOf(() => frames.forEach((one) => inbox.accept(one)))).toBe('upstream_protocol_error');
  });

  test('takes frames without text when the stream omits it', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 3, { text: Buffer.alloc(0), textLengths: [] }));
    expect(inbox.take()).toMatchObject({ tokenCount: 3, textLengths: [] });
  });

  test('drops what the reader does not have past a cut, inside a frame too', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 10));
    inbox.accept(frame(10, 10));
    inbox.cut(13);
    expectTokens(takeAll(inbox), 0, 13);
    expect(inbox.received).toBe(13);
  });

  test('keeps what the reader took past a cut out of what is received, and refuses more', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 10));
    takeAll(inbox);
    inbox.cut(4);
    expect({ taken: inbox.taken, cut: inbox.cutOffset }).toEqual({ taken: 10, cut: 4 });
    expect(codeOf(() => inbox.accept(frame(10, 1)))).toBe('upstream_protocol_error');
    expect(inbox.cursor().nextOffset).toBe(4);
  });

  test('still takes tokens below a cut that are due', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 4));
    inbox.cut(6);
    inbox.accept(frame(4, 2));
    expectTokens(takeAll(inbox), 0, 6);
    expect(codeOf(() => inbox.end(6))).toBeUndefined();
  });

  test('calls an end before the last token a protocol error', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 4));
    expect(codeOf(() => inbox.end(5))).toBe('upstream_protocol_error');
  });

  test('trims at an end below what came: a control from elsewhere cut the turn', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 9));
    inbox.end(5);
    expectTokens(takeAll(inbox), 0, 5);
  });

  test('grants when half of the credit is used by the reader, not by arrival', () => {
    const inbox = new TurnInbox(8);
    inbox.accept(frame(0, 3));
    inbox.accept(frame(3, 1));
    inbox.accept(frame(4, 4));
    expect(inbox.grant()).toBeUndefined();
    inbox.take();
    expect(inbox.grant()).toBeUndefined();
    inbox.take();
    expect(inbox.grant()).toEqual({ receivedThroughOffset: 4, creditTokens: 8 });
    expect(inbox.grant()).toBeUndefined();
  });

  test('grants what a cut leaves due past the credit, once', () => {
    const inbox = new TurnInbox(8);
    inbox.accept(frame(0, 8));
    inbox.cut(100);
    expect(inbox.grantToCut()).toEqual({ receivedThroughOffset: 0, creditTokens: 100 });
    expect(inbox.grantToCut()).toBeUndefined();
  });

  test.each([
    { name: 'goes on where it was', at: 10, want: 'accepted' },
    { name: 'repeats from its start offset', at: 6, want: 'accepted' },
    { name: 'repeats a part', at: 8, want: 'accepted' },
    { name: 'leaves a gap', at: 11, want: 'upstream_protocol_error' },
    { name: 'goes back behind its start offset', at: 5, want: 'upstream_protocol_error' },
  ])('a further epoch that $name: $want', ({ at, want }) => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 10));
    inbox.restart(6);
    expect(codeOf(() => inbox.accept(frame(at, 20))) ?? 'accepted').toBe(want);
    if (want === 'accepted') expectTokens(takeAll(inbox), 0, at + 20);
  });

  test('a further epoch repeats once, and then frames are dense again', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 10));
    inbox.restart(6);
    inbox.accept(frame(6, 2));
    inbox.accept(frame(8, 6));
    expect(codeOf(() => inbox.accept(frame(10, 4)))).toBe('upstream_protocol_error');
    expectTokens(takeAll(inbox), 0, 14);
  });

  test('refuses a replay that begins past what was received', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 4));
    inbox.cursor();
    expect(codeOf(() => inbox.replayFrom(5))).toBe('upstream_protocol_error');
  });

  test('begins at a cursor', () => {
    const inbox = new TurnInbox(512, 40);
    inbox.accept(frame(40, 2));
    expectTokens(takeAll(inbox), 40, 42);
  });

  test('gives a reader every token once over any frames, replays and pauses', () => {
    const step = fc.record({
      count: fc.integer({ min: 1, max: 70 }),
      back: fc.option(fc.integer({ min: 0, max: 90 })),
      reads: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 2, max: 600 }), (steps, credit) => {
        const inbox = new TurnInbox(credit);
        const got: InboxFrame[] = [];
        let sent = 0;
        let limit = credit;
        let attaches = 0;
        for (const { count, back, reads } of steps) {
          if (back !== null) {
            const { nextOffset, creditTokens } = inbox.cursor();
            sent = Math.max(0, nextOffset - back);
            limit = nextOffset + creditTokens;
            inbox.replayFrom(sent);
            attaches++;
          }
          const size = Math.min(count, limit - sent);
          if (size > 0) inbox.accept(frame(sent, size));
          sent += Math.max(0, size);
          for (let read = 0; read < reads; read++) {
            const taken = inbox.take();
            if (taken !== undefined) got.push(taken);
            const grant = inbox.grant();
            if (grant !== undefined) limit = grant.receivedThroughOffset + grant.creditTokens;
          }
          // A cursor's credit is at least 1, so each attach may add one token to what is held.
          expect(inbox.received - inbox.taken).toBeLessThanOrEqual(credit + attaches);
        }
        got.push(...takeAll(inbox));
        expectTokens(got, 0, inbox.received);
        // A reader that has everything has room for more.
        const last = inbox.grant();
        const room = last === undefined ? limit : last.receivedThroughOffset + last.creditTokens;
        expect(room).toBeGreaterThan(inbox.received);
      }),
    );
  });

  test('gives exactly [0, E) or what the reader already had, for any cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.nat(12), fc.nat(400), (frames, readBefore, cut) => {
        const inbox = new TurnInbox(8_192);
        let end = 0;
        for (const size of frames) {
          inbox.accept(frame(end, size));
          end += size;
        }
        const got = Array.from({ length: readBefore }, () => inbox.take()).filter((one) => one !== undefined);
        const had = inbox.taken;
        const effective = Math.min(cut, end);
        inbox.cut(effective);
        got.push(...takeAll(inbox));
        expectTokens(got, 0, Math.max(had, effective));
      }),
    );
  });
});

describe('slice', () => {
  test('keeps offsets, bytes, lengths and ids together', () => {
    const inbox = new TurnInbox(512);
    inbox.accept(frame(0, 12));
    const whole = inbox.take();
    if (whole === undefined) throw new Error('no frame');
    const part = slice(whole, 5, 9);
    expect(part).toMatchObject({ firstOffset: 5, tokenCount: 4, textLengths: [1, 2, 3, 0], tokenIds: [5, 6, 7, 8] });
    expectTokens([part], 5, 9);
  });
});
