import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OFFSET_MAX } from '@reticle/core/domain';
import { applyFlow, createCredit, generateLimit, sendLimit, type CreditWindow } from './credit-window.ts';

const ringTokens = 8192;
const window = (partial: Partial<CreditWindow> = {}): CreditWindow => ({
  receivedThrough: 100,
  creditTokens: 512,
  ringTokens,
  ...partial,
});

describe('createCredit', () => {
  test.each([
    { name: 'a turn from its start', options: { creditTokens: 512 }, wantSend: 512, wantGenerate: 8192 },
    {
      name: 'a resumed turn',
      options: { receivedThrough: 1000, creditTokens: 512 },
      wantSend: 1512,
      wantGenerate: 9192,
    },
    { name: 'paused from the start', options: { creditTokens: 0 }, wantSend: 0, wantGenerate: 8192 },
    { name: 'more credit than the ring', options: { creditTokens: 100_000 }, wantSend: 8192, wantGenerate: 8192 },
    {
      name: 'the last offsets of the wire',
      options: { receivedThrough: OFFSET_MAX - 10, creditTokens: 512 },
      wantSend: OFFSET_MAX,
      wantGenerate: OFFSET_MAX,
    },
  ])('$name', ({ options, wantSend, wantGenerate }) => {
    const credit = createCredit({ ringTokens, ...options });
    expect([sendLimit(credit), generateLimit(credit)]).toEqual([wantSend, wantGenerate]);
  });

  test.each([
    { name: 'negative credit', options: { creditTokens: -1, ringTokens } },
    { name: 'fractional credit', options: { creditTokens: 0.5, ringTokens } },
    { name: 'no ring', options: { creditTokens: 1, ringTokens: 0 } },
    { name: 'a negative cursor', options: { receivedThrough: -1, creditTokens: 1, ringTokens } },
  ])('refuses $name', ({ options }) => {
    expect(() => createCredit(options)).toThrow('invariant');
  });
});

describe('applyFlow', () => {
  test.each([
    {
      name: 'an acknowledgement moves the window',
      flow: { receivedThrough: 300, creditTokens: 512, sent: 400 },
      want: window({ receivedThrough: 300 }),
    },
    {
      name: 'an acknowledgement of everything sent',
      flow: { receivedThrough: 400, creditTokens: 64, sent: 400 },
      want: window({ receivedThrough: 400, creditTokens: 64 }),
    },
    {
      name: 'one token past what was sent',
      flow: { receivedThrough: 401, creditTokens: 512, sent: 400 },
      want: 'ack_out_of_range',
    },
    {
      name: 'a backward acknowledgement, with its budget',
      flow: { receivedThrough: 99, creditTokens: 8000, sent: 400 },
      want: window(),
    },
    {
      name: 'a budget alone',
      flow: { receivedThrough: 100, creditTokens: 32, sent: 400 },
      want: window({ creditTokens: 32 }),
    },
    {
      name: 'credit 0 pauses',
      flow: { receivedThrough: 100, creditTokens: 0, sent: 400 },
      want: window({ creditTokens: 0 }),
    },
    {
      name: 'credit is clamped to the ring',
      flow: { receivedThrough: 100, creditTokens: OFFSET_MAX, sent: 400 },
      want: window({ creditTokens: ringTokens }),
    },
  ])('$name', ({ flow, want }) => {
    expect(applyFlow(window(), flow)).toEqual(want);
  });

  test('a pause leaves nothing to send, and a later budget opens the window again', () => {
    const paused = applyFlow(window(), { receivedThrough: 100, creditTokens: 0, sent: 100 }) as CreditWindow;
    expect(sendLimit(paused)).toBe(100);
    const open = applyFlow(paused, { receivedThrough: 100, creditTokens: 5, sent: 100 }) as CreditWindow;
    expect(sendLimit(open)).toBe(105);
  });

  test('a repeat is the same object, so that callers can see that nothing changed', () => {
    const before = window();
    expect(applyFlow(before, { receivedThrough: 100, creditTokens: 512, sent: 400 })).toBe(before);
    expect(applyFlow(before, { receivedThrough: 7, creditTokens: 0, sent: 400 })).toBe(before);
  });
});

/** A receiver that acknowledges and grants, and a sender that obeys: what any run of them must keep. */
describe('credit algebra', () => {
  const statement = fc.record({
    ack: fc.integer({ min: 0, max: 40 }),
    creditTokens: fc.integer({ min: 0, max: 30 }),
    deliveries: fc.integer({ min: 0, max: 2 }),
    send: fc.integer({ min: 0, max: 20 }),
  });

  test('property: the sender never passes the limit in force; acknowledged never falls or passes sent', () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 60 }), (statements) => {
        let credit = createCredit({ creditTokens: 10, ringTokens: 16 });
        let sent = 0;
        for (const { ack, creditTokens, send } of statements) {
          const next = applyFlow(credit, { receivedThrough: ack, creditTokens, sent });
          expect(next === 'ack_out_of_range').toBe(ack > sent);
          if (next !== 'ack_out_of_range') {
            expect(next.receivedThrough).toBe(Math.max(credit.receivedThrough, ack));
            credit = next;
          }
          expect(sendLimit(credit)).toBeLessThanOrEqual(generateLimit(credit));
          sent = Math.max(sent, Math.min(sent + send, sendLimit(credit)));
          expect(sent - credit.receivedThrough).toBeLessThanOrEqual(credit.ringTokens);
        }
      }),
    );
  });

  test('property: repeated and lost statements end where the last statement says', () => {
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 30 }), (statements) => {
        const growing = statements.map((each, index) => ({ ...each, ack: index }));
        const last = growing[growing.length - 1];
        const run = (deliveriesOf: (each: (typeof growing)[number]) => number) => {
          let credit = createCredit({ creditTokens: 1, ringTokens: 16 });
          for (const each of growing) {
            for (let delivery = 0; delivery < deliveriesOf(each); delivery++) {
              const flow = { receivedThrough: each.ack, creditTokens: each.creditTokens, sent: 100 };
              credit = applyFlow(credit, flow) as CreditWindow;
            }
          }
          return credit;
        };
        const clean = run(() => 1);
        const lossy = run((each) => (each === last ? 1 : each.deliveries));
        expect(lossy).toEqual(clean);
      }),
    );
  });

  test('property: an old statement that arrives late takes nothing back', () => {
    const two = fc.tuple(statement, statement).filter(([a, b]) => a.ack < b.ack);
    fc.assert(
      fc.property(two, ([older, newer]) => {
        const flow = (each: typeof older) => ({
          receivedThrough: each.ack,
          creditTokens: each.creditTokens,
          sent: 100,
        });
        const current = applyFlow(createCredit({ creditTokens: 1, ringTokens: 16 }), flow(newer)) as CreditWindow;
        expect(applyFlow(current, flow(older))).toBe(current);
      }),
    );
  });
});
