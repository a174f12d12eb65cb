import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isReticleError, type KeyRecord, type ReticleError } from '@reticle/core/domain';
import { seededRandom, VirtualClock } from '@reticle/core/flow';
import { apiKeyAuthenticator } from './api-key-authenticator.ts';
import { hmacOfSecret, mintApiKey, mintSecret, parseApiKey } from './api-key.ts';
import { createAuthenticator, type BearerAuthenticator } from './authenticator.ts';
import { base62 } from './base62.ts';
import { KeyStore } from './key-store.ts';

const pepper = new TextEncoder().encode('pepper');
const hex = (secret: string): string => Buffer.from(hmacOfSecret(pepper, secret)).toString('hex');
const minted = mintApiKey(seededRandom(1), 'local');
const record: KeyRecord = {
  id: minted.id,
  hmacs: [hex(minted.secret)],
  tenant: 'acme',
  models: ['spark-ref'],
  tiers: ['fast', 'flex'],
  defaultTier: 'fast',
};

function setUp(change: Partial<KeyRecord> = {}) {
  const clock = new VirtualClock();
  const keys = new KeyStore([{ ...record, ...change }]);
  return { clock, keys, auth: createAuthenticator([apiKeyAuthenticator({ keys, pepper, clock })]) };
}

function refusal(run: () => unknown): ReticleError {
  try {
    run();
  } catch (error) {
    if (isReticleError(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('API keys', () => {
  test('have the form of PROMISES §5.1', () => {
    expect(minted.key).toMatch(/^rtk_local_[0-9A-Za-z]{8}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/);
    expect(parseApiKey(minted.key)).toEqual({ env: 'local', id: minted.id, secret: minted.secret });
  });

  test('the checksum is zlib CRC-32 in base62, digits first', () => {
    // crc32("123456789") = 0xcbf43926 = 3421780262, the check value of CRC-32/ISO-HDLC.
    expect(base62(Uint8Array.of(0xcb, 0xf4, 0x39, 0x26), 6)).toBe('3jZRME');
  });

  test('the checksum covers everything before the last underscore', () => {
    const body = minted.key.slice(0, minted.key.lastIndexOf('_'));
    const crc = new Uint8Array(4);
    new DataView(crc.buffer).setUint32(0, crc32(body));
    expect(minted.key).toBe(`${body}_${base62(crc, 6)}`);
  });

  test('base62 is a number with leading zeros', () => {
    const value = (text: string): bigint => {
      const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
      return Array.from(text).reduce((sum, digit) => sum * 62n + BigInt(digits.indexOf(digit)), 0n);
    };
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (bytes) => {
        const text = base62(bytes, 43);
        expect(text).toHaveLength(43);
        expect(value(text)).toBe(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
      }),
    );
    expect(() => base62(new Uint8Array(33).fill(255), 43)).toThrow(RangeError);
  });

  test('one changed character is refused before any lookup', () => {
    for (let at = 0; at < minted.key.length; at++) {
      const other = minted.key[at] === 'x' ? 'y' : 'x';
      const changed = minted.key.slice(0, at) + other + minted.key.slice(at + 1);
      expect(parseApiKey(changed)).toBeUndefined();
    }
  });
});

describe('authenticate', () => {
  test.each([
    { header: `Bearer ${minted.key}` },
    { header: `bearer ${minted.key}` },
    { header: `BEARER  ${minted.key}` },
  ])('accepts the scheme in any case: $header.length characters', ({ header }) => {
    const { id, hmacs, ...scopes } = record;
    expect(hmacs).toHaveLength(1);
    expect(setUp().auth.authenticate([header])).toEqual({ ...scopes, keyId: id });
  });

  const stranger = mintApiKey(seededRandom(2), 'local');
  const wrongSecret = mintSecret(seededRandom(3), 'local', minted.id);
  test.each([
    { name: 'no header', headers: [] },
    { name: 'an empty header', headers: [''] },
    { name: 'the key without a scheme', headers: [minted.key] },
    { name: 'another scheme', headers: [`Basic ${minted.key}`] },
    { name: 'the same header twice', headers: [`Bearer ${minted.key}`, `Bearer ${minted.key}`] },
    { name: 'two keys in one header', headers: [`Bearer ${minted.key}, Bearer ${minted.key}`] },
    { name: 'a cut key', headers: [`Bearer ${minted.key.slice(0, -1)}`] },
    { name: 'an unknown id', headers: [`Bearer ${stranger.key}`] },
    { name: 'a wrong secret', headers: [`Bearer ${wrongSecret.key}`] },
    { name: 'a bearer of no known kind', headers: ['Bearer eyJhbGciOiJub25lIn0.e30.'] },
    { name: 'a line break', headers: [`Bearer ${minted.key}\r\nx: y`] },
    { name: 'a megabyte', headers: [`Bearer rtk_${'a'.repeat(1_000_000)}`] },
  ])('$name reads like every other refusal', ({ headers }) => {
    const error = refusal(() => setUp().auth.authenticate(headers));
    expect({ code: error.code, message: error.message, details: error.details }).toEqual({
      code: 'invalid_api_key',
      message: 'no valid API key was given',
      details: {},
    });
  });

  test('a key in another place gets a hint, with the same text', () => {
    const error = refusal(() => setUp().auth.authenticate([], true));
    expect(error.message).toBe('no valid API key was given');
    expect(error.details['hint']).toMatch(/authorization: Bearer/);
  });

  test('two secrets of one id both work, a third never', () => {
    const second = mintSecret(seededRandom(4), 'local', minted.id);
    const { auth } = setUp({ hmacs: [hex(minted.secret), hex(second.secret)] });
    expect(auth.authenticate([`Bearer ${second.key}`]).keyId).toBe(minted.id);
    expect(auth.authenticate([`Bearer ${minted.key}`]).keyId).toBe(minted.id);
    expect(refusal(() => auth.authenticate([`Bearer ${wrongSecret.key}`])).code).toBe('invalid_api_key');
    expect(() => setUp({ hmacs: [hex('a'), hex('b'), hex('c')] })).toThrow(/one or two secrets/);
  });

  test('another pepper proves nothing', () => {
    const { keys, clock } = setUp();
    const auth = createAuthenticator([apiKeyAuthenticator({ keys, pepper: new Uint8Array(4), clock })]);
    expect(refusal(() => auth.authenticate([`Bearer ${minted.key}`])).code).toBe('invalid_api_key');
  });

  test('revoked: only who holds the secret is told', () => {
    const { auth } = setUp({ revoked: true });
    expect(refusal(() => auth.authenticate([`Bearer ${minted.key}`])).code).toBe('key_revoked');
    expect(refusal(() => auth.authenticate([`Bearer ${wrongSecret.key}`])).code).toBe('invalid_api_key');
  });

  test('a key ends at its wall time, for new calls and for running streams', () => {
    const { auth, clock } = setUp({ notAfterMs: new VirtualClock().wallMs() + 1_000 });
    const caller = auth.authenticate([`Bearer ${minted.key}`]);
    clock.advance(999);
    expect(() => auth.check(caller)).not.toThrow();
    clock.advance(1);
    expect(refusal(() => auth.check(caller)).code).toBe('key_revoked');
    expect(refusal(() => auth.authenticate([`Bearer ${minted.key}`])).code).toBe('key_revoked');
  });

  test('a replaced store is in force at once and tells its listeners', () => {
    const { auth, keys } = setUp();
    const caller = auth.authenticate([`Bearer ${minted.key}`]);
    const told: string[] = [];
    const stop = auth.listen(() => told.push(refusal(() => auth.check(caller)).code));
    keys.replace([{ ...record, revoked: true }]);
    keys.replace([]);
    keys.replace([{ ...record, tenant: 'other' }]);
    stop();
    keys.replace([]);
    expect(told).toEqual(['key_revoked', 'key_revoked', 'key_revoked']);
  });

  test.each<{ name: string; change: Partial<KeyRecord>; want: string | undefined }>([
    { name: 'the same rights', change: {}, want: undefined },
    { name: 'a tier more', change: { tiers: ['ultrafast', 'fast', 'flex'] }, want: undefined },
    { name: 'a tier less', change: { tiers: ['fast'] }, want: 'key_revoked' },
    { name: 'other models', change: { models: ['other'] }, want: 'key_revoked' },
    { name: 'other models of a tier', change: { tierModels: { flex: ['other'] } }, want: 'key_revoked' },
    { name: 'another cell', change: { tiers: [], elsewhere: 'region_unavailable' }, want: 'key_revoked' },
  ])('a running stream whose key gets $name', ({ change, want }) => {
    const { auth, keys } = setUp();
    const caller = auth.authenticate([`Bearer ${minted.key}`]);
    keys.replace([{ ...record, ...change }]);
    if (want === undefined) expect(() => auth.check(caller)).not.toThrow();
    else expect(refusal(() => auth.check(caller)).code).toBe(want);
  });

  test.each(['region_unavailable', 'residency_violation'] as const)(
    'served elsewhere: %s, to who proves the key',
    (elsewhere) => {
      const { auth } = setUp({ tiers: [], elsewhere });
      expect(refusal(() => auth.authenticate([`Bearer ${minted.key}`])).code).toBe(elsewhere);
      expect(refusal(() => auth.authenticate([`Bearer ${wrongSecret.key}`])).code).toBe('invalid_api_key');
    },
  );

  test('another kind of credential is judged by its own authenticator alone', () => {
    const caller = { ...record, keyId: 'jwt-1' };
    const jwt: BearerAuthenticator = {
      recognises: (bearer) => bearer.startsWith('eyJ'),
      authenticate: () => caller,
      check: () => {},
      listen: () => () => {},
    };
    const { keys, clock } = setUp();
    const auth = createAuthenticator([apiKeyAuthenticator({ keys, pepper, clock }), jwt]);
    expect(auth.authenticate(['Bearer eyJx'])).toBe(caller);
    expect(refusal(() => auth.authenticate(['Bearer rtk_x'])).code).toBe('invalid_api_key');
  });
});
