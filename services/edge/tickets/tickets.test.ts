import { beforeEach, describe, expect, test } from '@jest/globals';
import { base32, isReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import type { Caller } from '@reticle/services/stream';
import { apiKeyAuthenticator, callerOf, createAuthenticator, KeyStore, type KeyRecord } from '../auth/index.ts';
import { CODE_MS, LocalTicketDesk } from './ticket-desk.ts';
import { PASS_MS, TICKET_MS, ticketOf, Tickets, type TicketsOptions } from './tickets.ts';

const ORIGIN = 'https://app.example';
const GATEWAY = 'g1';
const record: KeyRecord = {
  id: 'abcdefgh',
  hmacs: ['0'.repeat(64)],
  tenant: 'acme',
  models: [],
  tiers: ['fast'],
  defaultTier: 'fast',
  tierModels: { fast: ['spark-ref'] },
};
const caller: Caller = callerOf(record);

class Rig {
  readonly clock = new VirtualClock();
  readonly random = seededRandom(21);
  readonly keys = new KeyStore([record]);
  readonly cellKeys = [this.random.bytes(32)];
  readonly desk = new LocalTicketDesk({ clock: this.clock, random: this.random, serves: (id) => id === GATEWAY });
  readonly auth = createAuthenticator([
    apiKeyAuthenticator({ keys: this.keys, pepper: new Uint8Array(16), clock: this.clock }),
  ]);
  readonly tickets = this.other({});

  other(over: Partial<TicketsOptions>): Tickets {
    const { clock, random, cellKeys, desk, auth } = this;
    return new Tickets({ clock, random, cellKeys, desk, auth, gateway: GATEWAY, ...over });
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

/** Code and message of a refusal: what a stranger can tell apart. */
async function refusal(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (isReticleError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

/** A ticket's id that is no other's. */
function idOf(index: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, index);
  return base32(bytes);
}

const NOT_VALID = 'invalid_api_key: no valid ticket, pass or code was given';

describe('a ticket', () => {
  test('speaks for its key once, and its caller is watched as any', async () => {
    const ticket = rig.tickets.mint(caller, ORIGIN);
    const redeemed = await rig.tickets.redeem(ticket, ORIGIN);
    expect(redeemed).toEqual(caller);
    expect(await refusal(() => rig.tickets.redeem(ticket, ORIGIN))).toBe(NOT_VALID);
    rig.keys.replace([{ ...record, revoked: true }]);
    expect(() => rig.auth.check(redeemed)).toThrow('revoked');
  });

  test('is good until its last millisecond', async () => {
    const [early, late] = [rig.tickets.mint(caller, ORIGIN), rig.tickets.mint(caller, ORIGIN)];
    rig.clock.advance(TICKET_MS - 1);
    expect(await refusal(() => rig.tickets.redeem(early, ORIGIN))).toBe('accepted');
    rig.clock.advance(1);
    expect(await refusal(() => rig.tickets.redeem(late, ORIGIN))).toBe(NOT_VALID);
  });

  test.each<[string, (rig: Rig) => Promise<unknown>]>([
    ['another origin', (it) => it.tickets.redeem(it.tickets.mint(caller, ORIGIN), 'https://other.example')],
    ['no origin', (it) => it.tickets.redeem(it.tickets.mint(caller, ORIGIN), '')],
    ['a pass', (it) => it.tickets.redeem(it.tickets.mintPass(caller, ORIGIN), ORIGIN)],
    ['garbage', (it) => it.tickets.redeem('rtt1.AAAA', ORIGIN)],
    ['nothing', (it) => it.tickets.redeem('', ORIGIN)],
    ['a long text', (it) => it.tickets.redeem(`rtt1.${'A'.repeat(10_000)}`, ORIGIN)],
    [
      'one of another cell',
      (it) => it.tickets.redeem(it.other({ cellKeys: [new Uint8Array(32)] }).mint(caller, ORIGIN), ORIGIN),
    ],
    [
      'one of a gateway that the desk does not know',
      (it) => it.tickets.redeem(it.other({ gateway: 'g2' }).mint(caller, ORIGIN), ORIGIN),
    ],
    [
      'one whose key is gone',
      (it) => {
        const ticket = it.tickets.mint(caller, ORIGIN);
        it.keys.replace([]);
        return it.tickets.redeem(ticket, ORIGIN);
      },
    ],
    [
      "one whose key became another tenant's",
      (it) => {
        const ticket = it.tickets.mint(caller, ORIGIN);
        it.keys.replace([{ ...record, tenant: 'globex' }]);
        return it.tickets.redeem(ticket, ORIGIN);
      },
    ],
  ])('%s: the one answer', async (_name, redeem) => {
    expect(await refusal(() => redeem(rig))).toBe(NOT_VALID);
  });

  test('whose key is revoked says so', async () => {
    const ticket = rig.tickets.mint(caller, ORIGIN);
    rig.keys.replace([{ ...record, revoked: true }]);
    expect(await refusal(() => rig.tickets.redeem(ticket, ORIGIN))).toContain('key_revoked');
  });

  test('of the older cell key is good while keys are rotated', async () => {
    const ticket = rig.tickets.mint(caller, ORIGIN);
    const rotated = rig.other({ cellKeys: [new Uint8Array(32), ...rig.cellKeys] });
    expect(await refusal(() => rotated.redeem(ticket, ORIGIN))).toBe('accepted');
  });

  test('another origin does not use it up', async () => {
    const ticket = rig.tickets.mint(caller, ORIGIN);
    await refusal(() => rig.tickets.redeem(ticket, 'https://other.example'));
    expect(await refusal(() => rig.tickets.redeem(ticket, ORIGIN))).toBe('accepted');
  });

  test('holds no secret of its key and is too long for nobody but a caller with very many models', () => {
    expect(rig.tickets.mint(caller, ORIGIN).length).toBeLessThan(600);
    const models = Array.from({ length: 500 }, (_, index) => `model-${index}`);
    expect(() => rig.tickets.mint({ ...caller, models }, ORIGIN)).toThrow('too many models');
  });
});

describe('a pass', () => {
  test('speaks for its key again and again, for twelve hours, at its origin', async () => {
    const pass = rig.tickets.mintPass(caller, ORIGIN);
    rig.clock.advance(PASS_MS - 1);
    expect([rig.tickets.admit(pass, ORIGIN), rig.tickets.admit(pass, ORIGIN)]).toEqual([caller, caller]);
    expect(await refusal(() => rig.tickets.admit(pass, 'https://other.example'))).toBe(NOT_VALID);
    rig.clock.advance(1);
    expect(await refusal(() => rig.tickets.admit(pass, ORIGIN))).toBe(NOT_VALID);
  });

  test('is no ticket, and a ticket is no pass', async () => {
    expect(await refusal(() => rig.tickets.admit(rig.tickets.mint(caller, ORIGIN), ORIGIN))).toBe(NOT_VALID);
  });

  test('ends with its key', async () => {
    const pass = rig.tickets.mintPass(caller, ORIGIN);
    rig.keys.replace([{ ...record, revoked: true }]);
    expect(await refusal(() => rig.tickets.admit(pass, ORIGIN))).toContain('key_revoked');
  });
});

describe('a code', () => {
  test('is good once', async () => {
    const code = await rig.desk.mintCode(caller);
    expect(code).toMatch(/^[a-z2-7]{26}$/);
    expect(await rig.tickets.exchange(code)).toEqual(caller);
    expect(await refusal(() => rig.tickets.exchange(code))).toBe(NOT_VALID);
  });

  test('ends after ten minutes', async () => {
    const code = await rig.desk.mintCode(caller);
    rig.clock.advance(CODE_MS);
    expect(await refusal(() => rig.tickets.exchange(code))).toBe(NOT_VALID);
  });
});

describe('the desk', () => {
  test('holds a bounded number of codes, and forgets those whose time is over', async () => {
    for (let count = 0; count < 1_000; count++) await rig.desk.mintCode(caller);
    expect(await refusal(() => rig.tickets.mintCode(caller))).toContain('overloaded');
    rig.clock.advance(CODE_MS);
    expect(await rig.tickets.exchange(await rig.tickets.mintCode(caller))).toEqual(caller);
  });

  test('holds a bounded number of uses, for as long as their tickets would be good', async () => {
    const use = (index: number) => ({ gateway: GATEWAY, id: idOf(index), expiresMs: rig.clock.wallMs() + TICKET_MS });
    for (let count = 0; count < 100_000; count++) await rig.desk.spend(use(count));
    expect(await refusal(() => rig.desk.spend(use(100_000)))).toContain('overloaded');
    rig.clock.advance(TICKET_MS);
    expect(await rig.desk.spend(use(100_001))).toBe(true);
  });
});

describe('ticketOf', () => {
  test.each([
    [undefined, undefined],
    ['', undefined],
    ['reticle.v1', undefined],
    ['reticle.v1, reticle-ticket.abc', 'abc'],
    ['reticle-ticket.abc,reticle.v1', 'abc'],
    ['reticle.v1, reticle-ticket.', ''],
    ['reticle-ticket.a, reticle-ticket.b', ''],
  ])('%p', (header, wantTicket) => {
    expect(ticketOf(header)).toBe(wantTicket);
  });
});
