/** The signing keys of a real issuer over a real socket: rotation, an outage, and who is asked how often (PROMISES §5.1). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger, systemEnv } from '@reticle/core/process';
import { createAuthenticator, IssuerKeys, jwtAuthenticator, TenantStore } from '@reticle/services/edge/auth';
import { bounded, TokenIssuer } from '../kit/index.ts';

const REFRESH_MS = 5 * 60_000;
const RETRY_MS = 30_000;
const DAY_MS = 24 * 3_600_000;

let issuer: TokenIssuer;
beforeEach(async () => {
  issuer = await TokenIssuer.start('ES256');
});
afterEach(() => issuer[Symbol.asyncDispose]());

/** The door of a gateway, with a clock that a test moves and the network as it is. */
async function door() {
  const clock = new VirtualClock({ wallMs: Date.now() });
  const log = memoryLogger();
  const { spec } = issuer;
  const keys = new IssuerKeys({ spec, net: systemEnv().net, clock, log });
  await keys.start();
  const tenants = new TenantStore([{ name: 'acme', suspended: false, tiers: ['fast'] }]);
  const auth = createAuthenticator([jwtAuthenticator({ issuers: [{ spec, keys }], tenants, clock })]);
  /** A token that lasts through any outage. */
  const token = (): string => issuer.token({ payload: { exp: Date.now() / 1_000 + 10 * DAY_MS } });
  const come = (bearer: string): string => {
    try {
      return auth.authenticate([`Bearer ${bearer}`]).tenant;
    } catch (error) {
      if (isReticleError(error)) return error.code;
      throw error;
    }
  };
  /** Lets time pass until the issuer was asked once more, and the answer was taken. */
  const asked = async (ms: number): Promise<void> => {
    const before = issuer.asked.length;
    clock.advance(ms);
    await bounded(issuer.untilAsked(before + 1), 'a read of the keys');
    await bounded(keys.settled(), 'the end of the read');
  };
  return { auth, clock, keys, token, come, asked, log };
}

describe('the keys of an issuer', () => {
  test('a rotation that publishes ahead refuses nobody', async () => {
    const { token, come, asked } = await door();
    const old = token();
    issuer.publishNext();
    await asked(REFRESH_MS);
    issuer.useNext();
    expect([come(old), come(token())]).toEqual(['acme', 'acme']);
  });

  test('a rotation at once refuses nobody who waits, and ends what the old key signed', async () => {
    const { auth, clock, token, come } = await door();
    const old = token();
    const caller = auth.authenticate([`Bearer ${old}`]);
    issuer.rotate();
    clock.advance(RETRY_MS);
    expect(come(old)).toBe('acme');
    await bounded(auth.prepare([`Bearer ${token()}`]) ?? Promise.resolve(), 'the new key');
    expect([come(token()), come(old), issuer.asked.length]).toEqual(['acme', 'invalid_api_key', 2]);
    expect(() => auth.check(caller)).toThrow(/revoked/);
  });

  test('an outage is survived for 24 hours', async () => {
    const { auth, clock, token, come, asked } = await door();
    const bearer = token();
    const caller = auth.authenticate([`Bearer ${bearer}`]);
    issuer.down(true);
    await asked(REFRESH_MS);
    await asked(RETRY_MS);
    expect(come(bearer)).toBe('acme');
    await asked(DAY_MS - REFRESH_MS - 2 * RETRY_MS);
    expect(come(bearer)).toBe('acme');
    expect(() => auth.check(caller)).not.toThrow();
    clock.advance(RETRY_MS);
    expect(come(bearer)).toBe('invalid_api_key');
    expect(() => auth.check(caller)).toThrow(/revoked/);
  });

  test('a thousand tokens of unknown keys ask once', async () => {
    const { clock, come, keys } = await door();
    clock.advance(RETRY_MS);
    for (let index = 0; index < 1_000; index++) {
      expect(come(issuer.token({ forged: true, header: { kid: `unknown-${index}` } }))).toBe('invalid_api_key');
    }
    await bounded(keys.settled(), 'the end of the read');
    clock.advance(RETRY_MS - 1);
    expect(come(issuer.token({ forged: true, header: { kid: 'unknown-too' } }))).toBe('invalid_api_key');
    await bounded(keys.settled(), 'no read');
    expect(issuer.asked).toEqual(['/keys', '/keys']);
  });

  test('hostile headers ask nobody, neither the issuer nor who they point to', async () => {
    const evil = await TokenIssuer.start('ES256');
    const { clock, come, keys } = await door();
    clock.advance(RETRY_MS);
    const address = `${evil.url}/keys`;
    for (const header of [
      { kid: '../../' },
      { kid: address },
      { jku: address, kid: '/x' },
      { x5u: address, kid: ' ' },
    ]) {
      expect(come(issuer.token({ forged: true, header }))).toBe('invalid_api_key');
    }
    await keys.settled();
    expect([issuer.asked, evil.asked]).toEqual([['/keys'], []]);
    await evil[Symbol.asyncDispose]();
  });

  test('an outage is told in the log by its code, without any key', async () => {
    const { asked, log } = await door();
    issuer.down(true);
    await asked(REFRESH_MS);
    const text = JSON.stringify(log.records);
    expect(text).toContain('could not be read');
    expect(text).not.toContain('"x"');
  });
});
