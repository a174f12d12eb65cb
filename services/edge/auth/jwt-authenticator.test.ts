import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isReticleError, type IssuerSpec, type TenantAccess } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { tiersFor, type Caller, type TokenFacts } from '@reticle/services/stream';
import { createAuthenticator } from './authenticator.ts';
import { IssuerKeys, REFRESH_MS } from './issuer-keys.ts';
import { jwtAuthenticator } from './jwt-authenticator.ts';
import { TenantStore } from './tenant-store.ts';
import { encoded, goodParts, signed, signingKey, type TokenParts } from './token-kit.ts';

const key = signingKey('RS256', 'one');
const attacker = signingKey('RS256', 'one');
const spec: IssuerSpec = {
  issuer: 'https://id.example',
  jwksUrl: 'https://id.example/keys',
  algorithm: 'RS256',
  audience: 'reticle',
  claims: { tenant: 'tenant', tiers: 'tier', models: 'models' },
};
const other: IssuerSpec = { ...spec, issuer: 'https://other.example', algorithm: 'ES256' };
const acme: TenantAccess = { name: 'acme', suspended: false, tiers: ['ultrafast', 'fast', 'flex'] };
const rights = { tier: 'fast', models: 'a b' };
const HOUR_MS = 3_600_000;

async function setUp(change: Partial<IssuerSpec> = {}) {
  const clock = new VirtualClock();
  const tenants = new TenantStore([acme]);
  const told = { asked: 0, jwks: [key.jwk] };
  const net = {
    getText: async () => {
      told.asked += 1;
      return JSON.stringify({ keys: told.jwks });
    },
  };
  const issuers = [{ ...spec, ...change }, other].map((each) => ({
    spec: each,
    keys: new IssuerKeys({ spec: each, net, clock, log: memoryLogger() }),
  }));
  await Promise.all(issuers.map(({ keys }) => keys.start()));
  clock.advance(60_000);
  const auth = createAuthenticator([jwtAuthenticator({ issuers, tenants, clock })]);
  const parts = goodParts(key, issuers[0]?.spec ?? spec, clock);
  const good: TokenParts = { ...parts, payload: { ...parts.payload, ...rights } };
  const bearer = (header: object = {}, payload: object = {}, by = key): string =>
    signed(by, { ...good.header, ...header }, { ...good.payload, ...payload });
  const come = (token: string): unknown => {
    try {
      return auth.authenticate([`Bearer ${token}`]);
    } catch (error) {
      if (isReticleError(error)) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  const caller = () => auth.authenticate([`Bearer ${bearer()}`]);
  return { auth, bearer, caller, clock, come, good, told, tenants };
}

const REFUSED = 'invalid_api_key: no valid API key was given';
const nowS = Math.floor(new VirtualClock().wallMs() / 1_000) + 60;

describe('a JWT', () => {
  test('becomes a caller with what its claims, its issuer and its tenant allow', async () => {
    const { come, bearer } = await setUp();
    expect(come(bearer())).toEqual({
      tenant: 'acme',
      keyId: expect.stringMatching(/^jwt-[A-Za-z0-9_-]{22}$/),
      models: ['a', 'b'],
      tiers: ['fast', 'flex'],
      defaultTier: 'fast',
      token: {
        issuer: spec.issuer,
        kid: 'one',
        keyPrint: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        expiresMs: (nowS + 3_600) * 1_000,
      },
    });
  });

  test.each<{ name: string; header?: object; payload?: object }>([
    { name: 'an access token', header: { typ: 'at+jwt' } },
    { name: 'a media type', header: { typ: 'application/AT+JWT' } },
    { name: 'several audiences', payload: { aud: ['x', 'reticle'] } },
    { name: 'a start that is 30 s ahead', payload: { nbf: nowS + 30 } },
    { name: 'a fraction of a second', payload: { exp: nowS + 0.5 } },
    { name: 'addresses of keys, which are not looked at', header: { jku: 'https://evil.example', jwk: attacker.jwk } },
    { name: 'no subject', payload: { sub: undefined } },
  ])('may have $name', async ({ header, payload }) => {
    const { come, bearer, told } = await setUp();
    expect(come(bearer(header, payload))).toMatchObject({ tenant: 'acme' });
    expect(told.asked).toBe(2);
  });

  // PROMISES H20; nobody is asked but for a kid that could have come since.
  test.each<{ name: string; header?: object; payload?: object; by?: typeof key; asks?: number }>([
    { name: 'another algorithm than the pinned one', header: { alg: 'PS256' } },
    { name: 'no type', header: { typ: undefined } },
    { name: 'another type', header: { typ: 'secevent+jwt' } },
    { name: 'no kid', header: { kid: undefined } },
    { name: 'a kid that is a path', header: { kid: '../../' } },
    { name: 'a kid of the prototype', header: { kid: '__proto__' }, asks: 1 },
    { name: 'a kid that is no text', header: { kid: ['one'] } },
    { name: 'an extension that must be understood', header: { crit: ['b64'], b64: false } },
    { name: 'the signature of somebody else', by: attacker },
    {
      name: 'the key of somebody else beside it',
      header: { jwk: attacker.jwk, jku: 'https://evil.example' },
      by: attacker,
    },
    { name: 'an unknown issuer', payload: { iss: 'https://evil.example' } },
    { name: 'the issuer with a slash', payload: { iss: 'https://id.example/' } },
    {
      name: 'the name of another issuer, with its algorithm',
      header: { alg: 'ES256' },
      payload: { iss: other.issuer },
      asks: 1,
    },
    { name: 'no issuer', payload: { iss: undefined } },
    { name: 'an issuer that is a list', payload: { iss: [spec.issuer] } },
    { name: 'another audience', payload: { aud: 'someone-else' } },
    { name: 'no audience', payload: { aud: undefined } },
    { name: 'an audience that contains ours', payload: { aud: 'reticle2' } },
    { name: 'an end that is past', payload: { exp: nowS } },
    { name: 'no end', payload: { exp: undefined } },
    { name: 'an end past all counting', payload: { exp: 1e300 } },
    { name: 'an end before all time', payload: { exp: -1 } },
    { name: 'an end in words', payload: { exp: '9999999999' } },
    { name: 'an endless end', payload: { exp: null } },
    { name: 'a start that is 31 s ahead', payload: { nbf: nowS + 31 } },
    { name: 'no start', payload: { nbf: undefined } },
    { name: 'no tenant', payload: { tenant: undefined } },
    { name: 'a tenant that is a list', payload: { tenant: ['acme'] } },
    { name: 'an unknown tenant', payload: { tenant: 'globex' } },
    { name: 'a tenant of the prototype', payload: { tenant: 'constructor' } },
    { name: 'no tier, where its issuer tells it', payload: { tier: undefined } },
    { name: 'an unknown tier', payload: { tier: 'hyperfast' } },
    { name: 'tiers that its tenant has not', payload: { tier: ['default'] } },
    { name: 'no model, where its issuer tells them', payload: { models: undefined } },
    { name: 'an empty list of models', payload: { models: [] } },
    { name: 'models that are numbers', payload: { models: [1] } },
    { name: 'more models than are read', payload: { models: Array.from({ length: 65 }, String) } },
  ])('is refused with $name', async ({ header, payload, by, asks = 0 }) => {
    const { come, bearer, told } = await setUp();
    expect(come(bearer(header, payload, by))).toBe(REFUSED);
    await new Promise(setImmediate);
    expect(told.asked).toBe(2 + asks);
  });

  test('is refused without a signature, and with one made of the public key (RFC 8725 §2.1)', async () => {
    const { come, good } = await setUp();
    const body = (alg: string): string => `${encoded({ ...good.header, alg })}.${encoded(good.payload)}`;
    expect([come(`${body('none')}.`), come(`${body('RS256')}.`)]).toEqual([REFUSED, REFUSED]);
    const secrets = [JSON.stringify(key.jwk), (key.jwk as { n: string }).n];
    for (const secret of secrets) {
      const mac = createHmac('sha256', secret).update(body('HS256')).digest('base64url');
      expect(come(`${body('HS256')}.${mac}`)).toBe(REFUSED);
    }
  });

  test('is refused with any one character changed', async () => {
    const { come, bearer } = await setUp();
    const good = bearer();
    expect(come(good)).toMatchObject({ tenant: 'acme' });
    for (let at = 0; at < good.length; at++) {
      const changed = good[at] === 'B' ? 'C' : 'B';
      expect([at, come(good.slice(0, at) + changed + good.slice(at + 1))]).toEqual([at, REFUSED]);
    }
  });

  test('is refused, and harms nothing, whatever stands in its parts', async () => {
    const { come, good } = await setUp();
    const part = fc.oneof(
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
      fc.constantFrom(encoded(good.header), encoded(good.payload), ''),
      fc
        .dictionary(fc.constantFrom('iss', 'aud', 'exp', 'nbf', 'tenant', 'alg', 'kid', 'typ'), fc.jsonValue())
        .map(encoded),
    );
    fc.assert(
      fc.property(part, part, part, (head, body, tail) => {
        expect(come(`${head}.${body}.${tail}`)).toBe(REFUSED);
      }),
    );
  });

  test.each([
    { name: 'a word is the highest tier', tier: 'fast', want: ['fast', 'flex'] },
    { name: 'a list is exact', tier: ['flex', 'ultrafast'], want: ['ultrafast', 'flex'] },
    { name: 'unknown tiers of a list give nothing', tier: ['fast', 'hyperfast'], want: ['fast'] },
  ])('tiers: $name', async ({ tier, want }) => {
    const { come, bearer } = await setUp();
    expect(come(bearer({}, { tier }))).toMatchObject({ tiers: want, defaultTier: want[0] });
  });

  test('an issuer that tells tenants alone gives what the tenant has', async () => {
    const { come, bearer } = await setUp({ claims: { tenant: 'tenant' } });
    expect(come(bearer({}, { tier: 'flex' }))).toMatchObject({ tiers: acme.tiers, models: [] });
  });

  test('another subject is another key, the same one is the same', async () => {
    const { auth, bearer } = await setUp();
    const idOf = (sub: unknown) => auth.authenticate([`Bearer ${bearer({}, { sub })}`]).keyId;
    expect(new Set([idOf('a'), idOf('b'), idOf('a'), idOf(undefined), idOf('undefined')]).size).toBe(4);
    expect(idOf('alice@example.com')).not.toContain('alice');
  });
});

describe('a caller with a JWT', () => {
  const after = (run: () => void): string | undefined => {
    try {
      run();
      return undefined;
    } catch (error) {
      return isReticleError(error) ? error.code : String(error);
    }
  };

  test('is taken in as plain values by whoever knows its issuer, and ends there alike', async () => {
    const here = await setUp();
    const there = await setUp();
    const who = JSON.parse(JSON.stringify(here.caller())) as Caller;
    there.auth.adopt(who);
    expect(after(() => there.auth.check(who))).toBeUndefined();
    there.clock.advance(HOUR_MS);
    expect(after(() => there.auth.check(who))).toBe('key_revoked');
    expect(after(() => there.auth.adopt(who))).toBe('key_revoked');
  });

  test.each<{ name: string; change: Partial<TokenFacts>; want: string }>([
    { name: 'an issuer that is not configured', change: { issuer: 'https://gone.example' }, want: 'invalid_api_key' },
    { name: 'a key that the issuer has not', change: { kid: 'two' }, want: 'key_revoked' },
    { name: 'another key of that name', change: { keyPrint: 'A'.repeat(43) }, want: 'key_revoked' },
  ])('is not taken in with $name', async ({ change, want }) => {
    const { auth, caller } = await setUp();
    const who = caller();
    const other = { ...who, token: { ...(who.token as TokenFacts), ...change } };
    expect(after(() => auth.adopt(other))).toBe(want);
  });

  test('ends with its token', async () => {
    const { auth, caller, clock } = await setUp();
    const who = caller();
    clock.advance(HOUR_MS - 1);
    expect(after(() => auth.check(who))).toBeUndefined();
    clock.advance(1);
    expect(after(() => auth.check(who))).toBe('key_revoked');
  });

  test('ends when its issuer withdraws the key, and whoever listens is told', async () => {
    const { auth, caller, clock, told } = await setUp();
    const who = caller();
    const seen: (string | undefined)[] = [];
    const stop = auth.listen(() => seen.push(after(() => auth.check(who))));
    told.jwks = [signingKey('RS256', 'two').jwk];
    clock.advance(REFRESH_MS);
    await new Promise(setImmediate);
    expect(seen).toEqual(['key_revoked']);
    stop();
  });

  test.each<{ name: string; tenants: readonly TenantAccess[]; wantCheck: string | undefined; wantNext: unknown }>([
    { name: 'as it was', tenants: [acme], wantCheck: undefined, wantNext: { tenant: 'acme' } },
    { name: 'suspended', tenants: [{ ...acme, suspended: true }], wantCheck: 'key_revoked', wantNext: /^key_revoked/ },
    { name: 'gone', tenants: [], wantCheck: 'key_revoked', wantNext: /^invalid_api_key/ },
    {
      name: 'without the tier',
      tenants: [{ ...acme, tiers: ['flex'] }],
      wantCheck: 'key_revoked',
      wantNext: { tiers: ['flex'] },
    },
    {
      name: 'with a tier more',
      tenants: [{ ...acme, tiers: ['fast', 'default', 'flex'] }],
      wantCheck: undefined,
      wantNext: { tenant: 'acme' },
    },
    {
      name: 'with fewer models',
      tenants: [{ ...acme, tierModels: { fast: ['a'] } }],
      wantCheck: 'key_revoked',
      wantNext: { tierModels: { fast: ['a'] } },
    },
    {
      name: 'elsewhere',
      tenants: [{ ...acme, tiers: [], elsewhere: 'residency_violation' }],
      wantCheck: 'key_revoked',
      wantNext: /^residency_violation/,
    },
  ])('whose tenant is $name', async ({ tenants: next, wantCheck, wantNext }) => {
    const { auth, bearer, caller, come, tenants } = await setUp();
    const who = caller();
    tenants.replace(next);
    expect(after(() => auth.check(who))).toBe(wantCheck);
    if (wantNext instanceof RegExp) expect(come(bearer())).toMatch(wantNext);
    else expect(come(bearer())).toMatchObject(wantNext as object);
  });

  test('a suspended tenant is told to nobody but those who prove to be of it', async () => {
    const { bearer, come, tenants } = await setUp();
    tenants.replace([{ ...acme, suspended: true }]);
    expect(come(bearer({}, {}, attacker))).toBe(REFUSED);
  });
});

describe('tiersFor', () => {
  const caller = { tenant: 'acme', keyId: 'k', models: [], tiers: ['fast', 'flex'], defaultTier: 'fast' } as const;
  test.each([
    { name: 'no limits', who: caller, want: ['fast', 'flex'] },
    { name: 'a key of other models', who: { ...caller, models: ['b'] }, want: [] },
    { name: 'a tier of other models', who: { ...caller, tierModels: { fast: ['b'] } }, want: ['flex'] },
    { name: 'every tier of other models', who: { ...caller, tierModels: { fast: ['b'], flex: [] } }, want: [] },
    { name: 'both', who: { ...caller, models: ['a'], tierModels: { fast: ['a', 'b'] } }, want: ['fast', 'flex'] },
  ])('$name', ({ who, want }) => {
    expect(tiersFor(who, 'a')).toEqual(want);
  });
});
