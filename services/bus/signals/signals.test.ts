import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '@reticle/core/flow';
import { subjects } from '@reticle/proto/contract';
import type { Signal, Signal__Input } from '@reticle/proto/gen/signal/v1/Signal';
import {
  encodeLocated,
  engineKey,
  isFresh,
  locateRequest,
  openAck,
  openSignal,
  provesLocate,
  readLocate,
  readLocated,
  readSignalKeys,
  sessionKey,
  sessionSignalKeys,
  signAck,
  signSignal,
  type SignalKey,
} from './index.ts';

const SESSION = 's'.repeat(26);
const ENGINE = 'e'.repeat(26);
const SIGNAL = 'q'.repeat(26);
const CELL = 'eu-test';
const SUBJECT = subjects.interrupt(CELL, ENGINE, SESSION);
const cell = (kid: string, fill: number): SignalKey => ({ kid, key: new Uint8Array(32).fill(fill) });
const NEW = cell('k2', 2);
const OLD = cell('k1', 1);
const KEYS = [NEW, OLD].map((each) => sessionKey(each, SESSION));

const signal: Signal__Input = {
  signalId: SIGNAL,
  tenant: 'acme',
  sessionId: SESSION,
  turnId: 't1',
  epoch: 3,
  issuedMs: 1_000,
  expiresMs: 61_000,
  interrupt: { turnId: 't1', mode: 3 },
};
const signed = (key = NEW): Uint8Array => signSignal(sessionKey(key, SESSION), SUBJECT, signal);

function open(bytes: Uint8Array, over: { subject?: string; keys?: readonly SignalKey[]; bytesMax?: number } = {}) {
  const { keys = KEYS, bytesMax = 4_096, subject = SUBJECT } = over;
  return openSignal(bytes, { bytesMax, cell: CELL, engineId: ENGINE, subject, keysOf: () => keys });
}

describe('keys', () => {
  test('are what PROTOCOL S4 says, and a session has none of another', () => {
    const want = createHmac('sha256', NEW.key).update(`session${SESSION}`).digest();
    expect(Buffer.from(sessionKey(NEW, SESSION).key)).toEqual(want);
    const wantEngine = createHmac('sha256', NEW.key).update(`engine${ENGINE}`).digest();
    expect(Buffer.from(engineKey(NEW, ENGINE).key)).toEqual(wantEngine);
    expect(sessionKey(NEW, ENGINE).key).not.toEqual(engineKey(NEW, ENGINE).key);
  });

  test('travel newest first, two at most', () => {
    const bytes = sessionSignalKeys([NEW, OLD, cell('k0', 9)], SESSION);
    expect(readSignalKeys(bytes)).toEqual(KEYS.map(({ kid, key }) => ({ kid, key: Uint8Array.from(key) })));
    expect(readSignalKeys(new Uint8Array())).toEqual([]);
  });

  test.each([
    { name: 'garbage', bytes: Uint8Array.of(0xff) },
    { name: 'a short key', bytes: Uint8Array.of(0x0a, 5, 0x0a, 1, 0x61, 0x12, 0) },
    { name: 'a kid outside its alphabet', bytes: sessionSignalKeys([{ ...NEW, kid: 'K 1' }], SESSION) },
    {
      name: 'three keys',
      bytes: Buffer.concat([sessionSignalKeys([NEW, OLD], SESSION), sessionSignalKeys([cell('k0', 9)], SESSION)]),
    },
  ])('$name is no key set', ({ bytes }) => {
    expect(readSignalKeys(bytes)).toBeUndefined();
  });
});

describe('a signed signal', () => {
  test.each([
    { name: 'the newest key', key: NEW, want: 'k2' },
    { name: 'the key before it', key: OLD, want: 'k1' },
  ])('opens under $name', ({ key, want }) => {
    const opened = open(signed(key));
    expect(opened).toMatchObject({ signal: { turnId: 't1', epoch: 3, interrupt: { mode: 3 } }, key: { kid: want } });
    // The host supplies the subject on the gRPC path.
    const direct = openSignal(signed(key), { bytesMax: 4_096, cell: CELL, engineId: ENGINE, keysOf: () => KEYS });
    expect(direct).toMatchObject({ subject: SUBJECT });
  });

  const other = 'o'.repeat(26);
  test.each([
    { name: 'is too large', over: { bytesMax: signed().length - 1 }, want: 'oversize' },
    {
      name: 'came to another session',
      over: { subject: subjects.interrupt(CELL, ENGINE, other) },
      want: 'unknown_subject',
    },
    {
      name: 'came to another engine',
      over: { subject: subjects.interrupt(CELL, other, SESSION) },
      want: 'unknown_subject',
    },
    { name: 'came to a drain subject', over: { subject: subjects.drain(CELL, ENGINE) }, want: 'unknown_subject' },
    { name: 'has a key id nobody knows', over: { keys: [] }, want: 'unknown_kid' },
    { name: 'has the key of another session', over: { keys: [sessionKey(NEW, other)] }, want: 'bad_mac' },
    { name: 'has the key of the engine', over: { keys: [engineKey(NEW, ENGINE)] }, want: 'bad_mac' },
    { name: 'has the key of the cell', over: { keys: [NEW] }, want: 'bad_mac' },
  ])('that $name is refused as $want', ({ over, want }) => {
    expect(open(signed(), over)).toMatchObject({ fault: want });
  });

  test('made for another engine is refused on the gRPC path', () => {
    const bytes = signSignal(sessionKey(NEW, SESSION), subjects.interrupt(CELL, other, SESSION), signal);
    expect(openSignal(bytes, { bytesMax: 4_096, cell: CELL, engineId: ENGINE, keysOf: () => KEYS })).toMatchObject({
      fault: 'bad_mac',
    });
  });

  test('opens in no shortened and no altered form, and no bytes make the reader throw', () => {
    const bytes = signed();
    const whole = open(bytes);
    for (let length = 0; length < bytes.length; length++) expect(open(bytes.subarray(0, length)).fault).toBeDefined();
    for (let at = 0; at < bytes.length; at++) {
      const altered = Uint8Array.from(bytes);
      altered[at] = (altered[at] as number) ^ (1 << (at % 8));
      expect({ at, fault: open(altered).fault }).not.toEqual({ at, fault: whole.fault });
    }
    const random = seededRandom(4);
    for (let round = 0; round < 200; round++) expect(open(random.bytes(round)).fault).toBeDefined();
  });
});

describe('freshness', () => {
  const issued = 1_000_000;
  test.each([
    { name: 'just issued', wallMs: issued, want: true },
    { name: 'a clock 300 s behind', wallMs: issued - 300_000, want: true },
    { name: 'a clock further behind', wallMs: issued - 300_001, want: false },
    { name: 'the end of its time and the leeway', wallMs: issued + 360_000, want: true },
    { name: 'past both', wallMs: issued + 360_001, want: false },
    {
      name: 'an expiry that was set beyond 60 s',
      wallMs: issued + 360_001,
      expiresMs: issued + 9_000_000,
      want: false,
    },
    { name: 'a shorter expiry', wallMs: issued + 300_002, expiresMs: issued + 1, want: false },
  ])('$name: $want', ({ wallMs, expiresMs = issued + 60_000, want }) => {
    expect(isFresh({ issuedMs: issued, expiresMs } as Signal, wallMs)).toBe(want);
  });
});

describe('an answer', () => {
  const ack = { signalId: SIGNAL, engineId: ENGINE, code: 'turn_stale', ack: { turnId: 't1', outcome: 4 } } as const;
  const bytes = signAck(KEYS[1], SUBJECT, ack);

  test('opens under the key and subject of its signal, and under no other', () => {
    expect(openAck(bytes, SUBJECT, KEYS)).toMatchObject({ signalId: SIGNAL, code: 'turn_stale', ack: { outcome: 4 } });
    expect(openAck(bytes, subjects.drain(CELL, ENGINE), KEYS)).toBeUndefined();
    expect(openAck(bytes, SUBJECT, [KEYS[0] as SignalKey])).toBeUndefined();
    expect(openAck(signAck(undefined, SUBJECT, ack), SUBJECT, KEYS)).toBeUndefined();
  });

  test('with a field that this version does not know is still proven', () => {
    const head = Buffer.concat([signAck(undefined, SUBJECT, ack), Uint8Array.of(0x58, 7)]);
    const key = (KEYS[1] as SignalKey).key;
    const mac = createHmac('sha256', key)
      .update(SUBJECT)
      .update(Uint8Array.of(1))
      .update(head)
      .digest()
      .subarray(0, 16);
    expect(openAck(Buffer.concat([head, Uint8Array.of(0x32, 16), mac]), SUBJECT, KEYS)).toMatchObject({
      code: 'turn_stale',
    });
  });

  test('opens in no shortened and no altered form; a signal is no answer', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(openAck(bytes.subarray(0, length), SUBJECT, KEYS)).toBeUndefined();
    for (let at = 0; at < bytes.length; at++) {
      const altered = Uint8Array.from(bytes);
      altered[at] = (altered[at] as number) ^ 1;
      expect(openAck(altered, SUBJECT, KEYS)).toBeUndefined();
    }
    expect(openAck(signed(), SUBJECT, KEYS)).toBeUndefined();
  });
});

describe('locate', () => {
  const asked = locateRequest(OLD, SESSION, 'acme');
  const locate = readLocate(asked);

  test.each([
    { name: 'the owner of the session and tenant', keys: KEYS, tenant: 'acme', want: true },
    { name: 'a session of another tenant', keys: KEYS, tenant: 'evil', want: false },
    { name: 'a host that has only a newer key', keys: KEYS.slice(0, 1), tenant: 'acme', want: false },
    { name: 'a session opened without keys', keys: [], tenant: 'acme', want: false },
  ])('$name: $want', ({ keys, tenant, want }) => {
    expect(locate !== undefined && provesLocate(locate, keys, tenant)).toBe(want);
  });

  test('proofs of one session are none for another', () => {
    const other = 'o'.repeat(26);
    const stolen = { ...(locate as NonNullable<typeof locate>), sessionId: other };
    expect(provesLocate(stolen, [sessionKey(OLD, other)], 'acme')).toBe(false);
  });

  test.each([
    { name: 'garbage', bytes: Uint8Array.of(0xff, 1) },
    { name: 'nothing', bytes: new Uint8Array() },
    { name: 'an id with a wildcard', bytes: locateRequest(OLD, '>', 'acme') },
    { name: 'too much', bytes: Buffer.concat([asked, Buffer.alloc(5_000)]) },
  ])('$name asks nothing', ({ bytes }) => {
    expect(readLocate(bytes)).toBeUndefined();
  });

  test('an answer counts for the session that was asked for', () => {
    const bytes = encodeLocated({ sessionId: SESSION, engineId: ENGINE, address: 'h:1', epoch: 4, tier: 1 });
    expect(readLocated(bytes, SESSION)).toMatchObject({ engineId: ENGINE, address: 'h:1', epoch: 4, tier: 1 });
    expect(readLocated(bytes, 'o'.repeat(26))).toBeUndefined();
    expect(readLocated(encodeLocated({ sessionId: SESSION, engineId: '*' }), SESSION)).toBeUndefined();
  });
});
