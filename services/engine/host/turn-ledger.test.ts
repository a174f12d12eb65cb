import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TokenColumns } from '../contract.ts';
import { emptyRow, TurnLedger } from './turn-ledger.ts';

/** Tokens whose id is their offset and whose text says it, with lengths 0 to 7. */
function columns(first: number, count: number): TokenColumns {
  const texts = Array.from({ length: count }, (_, at) => textOf(first + at));
  return {
    tokenId: Uint32Array.from({ length: count }, (_, at) => first + at),
    textLength: Uint32Array.from(texts, (text) => text.length),
    text: Buffer.from(texts.join('')),
  };
}

const textOf = (offset: number): string => `${offset}`.padStart(7, '-').slice(0, offset % 8);

function append(ledger: TurnLedger, count: number): void {
  const row = columns(ledger.generated, count);
  expect(ledger.append(row, 0, count, 0)).toBe(row.text.length);
}

/** Takes all that may be sent and returns its offsets, after checking every token's text. */
function takeAll(ledger: TurnLedger, tokensMax = 1_000_000): number[] {
  const row = emptyRow();
  const offsets: number[] = [];
  while (ledger.take(row, tokensMax)) {
    let at = row.textStart;
    for (let index = 0; index < row.count; index++) {
      const offset = row.firstOffset + index;
      const length = row.lengths[row.at + index] as number;
      expect(row.ids[row.at + index]).toBe(offset);
      expect(Buffer.from(row.text.subarray(at, at + length)).toString()).toBe(textOf(offset));
      at += length;
      offsets.push(offset);
    }
    expect(at).toBe(row.textEnd);
  }
  return offsets;
}

const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, at) => from + at);

describe('TurnLedger', () => {
  test('sends up to credit past the acknowledged offset, and no token twice', () => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 10 });
    append(ledger, 25);
    expect(takeAll(ledger)).toEqual(range(0, 10));
    expect(takeAll(ledger)).toEqual([]);
    expect(ledger.flow(4, 10)).toBe('ok');
    expect(takeAll(ledger)).toEqual(range(10, 14));
    expect(ledger.flow(14, 0)).toBe('ok');
    expect(takeAll(ledger)).toEqual([]);
    expect(ledger.flow(14, 100)).toBe('ok');
    expect(takeAll(ledger)).toEqual(range(14, 25));
  });

  test('an acknowledgement past what was sent is out of range, a backward one is ignored', () => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 10 });
    append(ledger, 25);
    takeAll(ledger);
    expect(ledger.flow(11, 10)).toBe('ack_out_of_range');
    expect(ledger.flow(8, 10)).toBe('ok');
    expect(ledger.flow(3, 500)).toBe('ok');
    expect([ledger.acknowledged, ledger.sendableEnd]).toEqual([8, 18]);
  });

  test.each([
    { name: 'the oldest offset', next: 88, want: 88 },
    { name: 'a past offset', next: 100, want: 100 },
    { name: 'the live edge', next: 152, want: 152 },
    { name: 'a future offset', next: 153, want: 'future' },
    { name: 'an evicted offset', next: 87, want: 'evicted' },
    { name: 'offset 0', next: 0, want: 'evicted' },
  ])('resumes at $name', ({ next, want }) => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 64, ringTokens: 64 });
    for (let step = 0; step < 38; step++) {
      append(ledger, 4);
      takeAll(ledger);
      ledger.flow(ledger.generated, 64);
    }
    expect(ledger.base).toBe(88);
    expect(ledger.rebind(next, 1_000)).toBe(want);
    if (typeof want === 'number') expect(takeAll(ledger)).toEqual(range(want, 152));
  });

  test('every resume offset of a full ring answers as its place says', () => {
    for (let next = 0; next <= 9_100; next += 1) {
      const ledger = full9000;
      const want = next < 9_000 - 8_192 ? 'evicted' : next > 9_000 ? 'future' : next;
      expect(ledger.rebind(next, 0)).toBe(want);
    }
  });

  test('unacknowledged tokens are never evicted; a step that could push one out makes it full', () => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 64, ringTokens: 64 });
    append(ledger, 59);
    expect([ledger.full(5), ledger.full(6)]).toEqual([false, true]);
    append(ledger, 5);
    expect(ledger.full(1)).toBe(true);
    append(ledger, 30);
    expect([ledger.base, takeAll(ledger).length]).toEqual([0, 64]);
    ledger.flow(64, 64);
    expect(takeAll(ledger)).toEqual(range(64, 94));
    append(ledger, 40);
    expect(ledger.base).toBe(64);
  });

  test('a cut takes what lies past it, and a receiver that has more resumes at the cut', () => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 100 });
    append(ledger, 50);
    takeAll(ledger);
    ledger.close(40);
    expect([ledger.generated, ledger.sent]).toEqual([40, 40]);
    expect(ledger.flow(45, 10)).toBe('ok');
    expect(ledger.acknowledged).toBe(40);
    expect(ledger.rebind(45, 10)).toBe(40);
    expect(ledger.rebind(51, 10)).toBe('future');
    expect(ledger.rebind(30, 100)).toBe(30);
    expect(takeAll(ledger)).toEqual(range(30, 40));
  });

  test.each([
    { name: 'all of a short one', forced: 40, wantBase: 0 },
    { name: 'the last of a long one', forced: 640, wantBase: 576 },
  ])('forced tokens fill the ring: $name', ({ forced, wantBase }) => {
    const ledger = new TurnLedger({ startOffset: forced, creditTokens: 64, ringTokens: 64 });
    expect([ledger.base, ledger.generated, ledger.sent, ledger.acknowledged]).toEqual([
      wantBase,
      forced,
      forced,
      forced,
    ]);
    ledger.fill(columns(wantBase, forced - wantBase));
    append(ledger, 3);
    expect(takeAll(ledger)).toEqual(range(forced, forced + 3));
    const base = Math.max(0, forced + 3 - 64);
    expect([ledger.rebind(base, 64), takeAll(ledger)]).toEqual([base, range(base, forced + 3)]);
    expect(ledger.rebind(base - 1, 64)).toBe('evicted');
    expect(ledger.rebind(forced + 4, 64)).toBe('future');
  });

  test('a resume among forced tokens waits for them, and a turn that ends before they come has none', () => {
    const ledger = new TurnLedger({ startOffset: 50, creditTokens: 10 });
    expect(ledger.rebind(20, 100)).toBe(20);
    ledger.fill(columns(0, 50));
    expect(takeAll(ledger)).toEqual(range(20, 50));
    const cut = new TurnLedger({ startOffset: 50, creditTokens: 10 });
    cut.rebind(20, 100);
    cut.close(30);
    expect([cut.base, cut.generated, cut.sent, cut.ringBytes]).toEqual([30, 30, 30, 0]);
    expect([takeAll(cut), cut.rebind(30, 10), cut.rebind(29, 10)]).toEqual([[], 30, 'evicted']);
  });

  test('forced tokens come once, and all that the ring has a place for', () => {
    const ledger = new TurnLedger({ startOffset: 100, creditTokens: 10, ringTokens: 64 });
    expect(() => ledger.fill(columns(40, 60))).toThrow('the ring takes the last forced tokens');
    ledger.fill(columns(36, 64));
    ledger.fill(columns(36, 64));
    expect([ledger.base, ledger.generated]).toEqual([36, 100]);
  });

  test('memory starts at nothing, follows use, and is freed by a wipe', () => {
    const ledger = new TurnLedger({ startOffset: 0, creditTokens: 10 });
    expect(ledger.ringBytes).toBe(0);
    append(ledger, 20);
    expect(ledger.ringBytes).toBeLessThan(2_048);
    append(ledger, 4_000);
    expect(ledger.ringBytes).toBeGreaterThan(4_096 * 12);
    ledger.wipe();
    expect(ledger.ringBytes).toBe(0);
    expect([ledger.rebind(10, 1), ledger.rebind(4_020, 1)]).toEqual(['evicted', 4_020]);
  });

  test('property: any interleaving of rows, takes, acknowledgements and resumes equals a list', () => {
    const operation = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('append' as const), value: fc.integer({ min: 1, max: 20 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('take' as const), value: fc.integer({ min: 1, max: 40 }) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('ack' as const), value: fc.double({ min: 0, max: 1, noNaN: true }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('resume' as const),
          value: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const ledger = new TurnLedger({ startOffset: 0, creditTokens: 32, ringTokens: 32 });
        let sent = 0;
        for (const { kind, value } of operations) {
          if (kind === 'append') {
            if (!ledger.full(value)) append(ledger, value);
          } else if (kind === 'take') {
            const end = Math.min(ledger.generated, ledger.acknowledged + 32);
            expect(takeAll(ledger, value)).toEqual(range(sent, Math.max(sent, end)));
            sent = ledger.sent;
          } else if (kind === 'ack') {
            const through = Math.floor(ledger.acknowledged + value * (ledger.sent - ledger.acknowledged));
            expect(ledger.flow(through, 32)).toBe('ok');
          } else {
            const next = Math.floor(ledger.base + value * (ledger.generated - ledger.base));
            sent = next;
            expect(ledger.rebind(next, 32)).toBe(next);
          }
          expect(ledger.base).toBeLessThanOrEqual(ledger.acknowledged);
          expect(ledger.generated - ledger.acknowledged).toBeLessThanOrEqual(32);
          expect(ledger.base).toBeLessThanOrEqual(Math.max(0, ledger.generated - 32));
        }
      }),
      { numRuns: 300 },
    );
  });
});

const full9000 = ((): TurnLedger => {
  const ledger = new TurnLedger({ startOffset: 0, creditTokens: 8_192 });
  while (ledger.generated < 9_000) {
    append(ledger, 50);
    const row = emptyRow();
    while (ledger.take(row, 10_000));
    ledger.flow(ledger.sent, 8_192);
  }
  return ledger;
})();
