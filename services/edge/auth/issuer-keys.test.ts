import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '@reticle/core/flow';
import { memoryLogger } from '@reticle/core/process';
import { BELIEVED_MS, IssuerKeys, REFRESH_MS, RETRY_MS, WAIT_MS } from './issuer-keys.ts';
import { signingKey, type SigningKey } from './token-kit.ts';

const [one, two] = [signingKey('ES256', 'one'), signingKey('ES256', 'two')];
const spec = { issuer: 'https://id.example', jwksUrl: 'https://id.example/keys', algorithm: 'ES256' } as const;

/** An issuer whose answers a test sets, and how often it was asked. */
async function setUp(first: readonly SigningKey[] | Error | 'never' = [one]) {
  const clock = new VirtualClock();
  const log = memoryLogger();
  const told = { answer: first, asked: 0, changes: 0 };
  const net = {
    getText: async (url: string) => {
      expect(url).toBe(spec.jwksUrl);
      told.asked += 1;
      if (told.answer === 'never') return new Promise<string>(() => {});
      if (told.answer instanceof Error) throw told.answer;
      return JSON.stringify({ keys: told.answer.map(({ jwk }) => jwk) });
    },
  };
  const keys = new IssuerKeys({ spec, net, clock, log });
  keys.listen(() => (told.changes += 1));
  await keys.start();
  /** Lets time pass, and what it started end. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise(setImmediate);
  };
  return { clock, keys, told, pass, log };
}

describe('IssuerKeys', () => {
  test('reads at its start and every five minutes, and tells changes alone', async () => {
    const { keys, told, pass } = await setUp();
    expect([keys.find('one') !== undefined, told.asked, told.changes]).toEqual([true, 1, 1]);
    await pass(REFRESH_MS);
    expect([told.asked, told.changes]).toEqual([2, 1]);
    told.answer = [two];
    await pass(REFRESH_MS);
    expect([keys.find('one'), keys.find('two') !== undefined, told.changes]).toEqual([undefined, true, 2]);
    keys.stop();
    await pass(10 * REFRESH_MS);
    expect(told.asked).toBe(3);
  });

  test('a name that came since is found by one read', async () => {
    const { keys, told, pass } = await setUp();
    await pass(RETRY_MS);
    told.answer = [one, two];
    expect(keys.find('two')).toBeUndefined();
    await pass(0);
    expect([keys.find('two') !== undefined, told.asked]).toEqual([true, 2]);
  });

  test('whoever names one that may come waits for the read, and no longer than two seconds', async () => {
    const { clock, keys, told, pass } = await setUp();
    await pass(RETRY_MS);
    told.answer = [one, two];
    expect(keys.wait('one')).toBeUndefined();
    await keys.wait('two');
    expect(keys.find('two')).toBeDefined();

    await pass(RETRY_MS);
    told.answer = 'never';
    const [first, same] = [keys.wait('three'), keys.wait('three')];
    expect([first, same, keys.wait('../')].map((each) => each === undefined)).toEqual([false, false, true]);
    clock.advance(WAIT_MS);
    await Promise.all([first, same]);
    expect([keys.find('three'), told.asked]).toEqual([undefined, 3]);
  });

  test('nobody waits for what was looked for in vain, or without a read', async () => {
    const { keys, pass } = await setUp();
    expect(keys.wait('two')).toBeUndefined();
    await pass(RETRY_MS);
    await keys.wait('two');
    await pass(RETRY_MS);
    expect([keys.wait('two'), keys.wait('three') === undefined]).toEqual([undefined, false]);
  });

  test('no more than a thousand wait', async () => {
    const { clock, keys, told, pass } = await setUp();
    await pass(RETRY_MS);
    told.answer = 'never';
    const waits = Array.from({ length: 1_001 }, (_, index) => keys.wait(`unknown-${index}`));
    expect(waits.filter((wait) => wait === undefined)).toHaveLength(1);
    clock.advance(WAIT_MS);
    await Promise.all(waits.map((wait) => wait ?? Promise.resolve()));
    expect(keys.wait('unknown-1')).toBeDefined();
  });

  test('unknown names never cause more than one read in 30 s, and each of them one in five minutes', async () => {
    const { keys, told, pass } = await setUp();
    for (let second = 0; second < 240; second++) {
      for (let each = 0; each < 10; each++) keys.find(`unknown-${second}-${each}`);
      await pass(1_000);
    }
    expect(told.asked).toBeLessThanOrEqual(1 + 240_000 / RETRY_MS);
    const before = told.asked;
    for (let second = 0; second < 240; second++) {
      keys.find('unknown-0-0');
      keys.find('unknown-30-0');
      await pass(1_000);
    }
    // The regular one, and at most one for a name that no read has looked for.
    expect(told.asked - before).toBeLessThanOrEqual(2);
  });

  test('paths, long names and signs ask nobody', async () => {
    const { keys, told, pass } = await setUp();
    await pass(RETRY_MS);
    for (const kid of ['../../etc/passwd', 'https://evil.example/keys', 'a'.repeat(129), 'a b', "' OR 1=1", '', 'é']) {
      expect(keys.find(kid)).toBeUndefined();
    }
    await pass(0);
    expect(told.asked).toBe(1);
  });

  test('an outage is survived for 24 hours, and tried every 30 s', async () => {
    const { keys, told, pass, log } = await setUp();
    told.answer = new Error('down');
    await pass(REFRESH_MS);
    const key = keys.find('one');
    expect(key).toBeDefined();
    for (let at = REFRESH_MS; at < BELIEVED_MS - RETRY_MS; at += RETRY_MS) await pass(RETRY_MS);
    expect(key && keys.holds('one', key.print)).toBe(true);
    await pass(RETRY_MS);
    expect([keys.find('one'), key && keys.holds('one', key.print)]).toEqual([undefined, false]);
    expect(log.records.length).toBeGreaterThan(2_000);
    told.answer = [one];
    await pass(RETRY_MS);
    expect(keys.find('one')).toBeDefined();
  });

  test('an issuer that is down at the start is found when it comes', async () => {
    const { keys, told, pass } = await setUp(new Error('down'));
    expect([keys.find('one'), told.asked]).toEqual([undefined, 1]);
    told.answer = [one];
    await pass(RETRY_MS);
    expect(keys.find('one')).toBeDefined();
  });

  test('what is no key set changes nothing; a set without keys withdraws them', async () => {
    const { clock, keys, told, pass } = await setUp();
    const broken = new IssuerKeys({ spec, net: { getText: async () => '<html>' }, clock, log: memoryLogger() });
    await broken.start();
    expect(broken.find('one')).toBeUndefined();
    const key = keys.find('one');
    told.answer = [];
    await pass(REFRESH_MS);
    expect(key && keys.holds('one', key.print)).toBe(false);
    expect(told.changes).toBe(2);
  });

  test('another key under the same name is another key', async () => {
    const { keys, told, pass } = await setUp();
    const key = keys.find('one');
    told.answer = [signingKey('ES256', 'one')];
    await pass(REFRESH_MS);
    expect([keys.find('one') !== undefined, key && keys.holds('one', key.print)]).toEqual([true, false]);
  });

  test.each([
    'http://id.example/keys',
    'https://u:p@id.example/',
    'file:///etc/passwd',
    'http://127.0.0.1.evil.example/',
  ])('does not read from %s', (jwksUrl) => {
    const net = { getText: () => Promise.reject(new Error('asked')) };
    const options = { spec: { ...spec, jwksUrl }, net, clock: new VirtualClock(), log: memoryLogger() };
    expect(() => new IssuerKeys(options)).toThrow(/over HTTPS/);
  });
});
