/** Tenants, their keys and their policies through every process of a real platform (PROMISES §5.1, P22). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { KeyRecord, LocalAccess } from '@reticle/core/domain';
import { systemEnv } from '@reticle/core/process';
import { bounded, flatChain, HttpClient, TokenIssuer } from '../kit/index.ts';
import { RealPlatform } from './platform-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const MAIN = join(import.meta.dirname, '../../clients/cli/main.ts');
const PEPPER = 'a pepper of more than 32 characters';

let folder = '';
let issuer: TokenIssuer;
let platform: RealPlatform;
let access: LocalAccess;
let key = '';

/** What `reticle key` prints, line by line. */
async function minted(...args: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  const child = systemEnv().spawn.fork(MAIN, ['key', '--pepper-file', join(folder, 'pepper'), ...args], {
    output: (stream, line) => {
      if (stream === 'stdout') lines.push(line);
    },
  });
  expect(await bounded(child.exited, 'a key')).toMatchObject({ code: 0 });
  return lines;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reticle-access-'));
  await writeFile(join(folder, 'pepper'), `${PEPPER}\n`, { mode: 0o600 });
  issuer = await TokenIssuer.start('EdDSA');
  const lines = await minted('--env', 'test');
  key = lines.find((line) => line.startsWith('rtk_')) ?? '';
  const [, id = '', hmac = ''] = /- id: (\w+)\n {2}hmacs: \[(\w+)\]/.exec(lines.join('\n')) ?? [];
  const record: KeyRecord = { id, hmacs: [hmac], tenant: 'acme', models: [], tiers: ['flex'], defaultTier: 'flex' };
  access = {
    keys: [record],
    tenants: [{ name: 'acme', suspended: false, tiers: ['fast', 'flex'] }],
    keepsPartial: [],
    door: { issuers: [issuer.spec], allowedOrigins: [] },
    pepper: PEPPER,
  };
  platform = new RealPlatform({ chains: [flatChain(500)], access });
  await platform.ready();
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** The tier that served a short turn, or the code of the refusal. */
async function served(bearer: string): Promise<string> {
  const { http, models } = platform.state;
  const body = { model: models[0], input: 'Hi', max_output_tokens: 2 };
  const response = await new HttpClient(`http://${http}`, bearer).post('/v1/responses', body);
  const said = (await response.json()) as { service_tier?: string; error?: { code: string } };
  return response.status === 200 ? String(said.service_tier) : `${response.status} ${said.error?.code}`;
}

describe('a platform with tenants', () => {
  test('serves its own key, a key that was minted, and a token, each in its tier', async () => {
    expect(await served(platform.state.apiKey)).toBe('ultrafast');
    expect(await served(key)).toBe('flex');
    expect(await served(issuer.token())).toBe('priority');
    expect(await served(issuer.token({ payload: { org: 'globex' } }))).toBe('401 invalid_api_key');
  });

  test('a second secret of a key works when it is known, beside the first', async () => {
    const [first] = access.keys;
    const lines = await minted('--id', first?.id ?? '');
    const second = lines.find((line) => line.startsWith('rtk_prod_')) ?? '';
    const hmac = /hmacs: \[(\w+)\]/.exec(lines.join('\n'))?.[1] ?? '';
    expect([second.split('_')[2], await served(second)]).toEqual([first?.id, '401 invalid_api_key']);
    const rotated = { ...first, hmacs: [...(first?.hmacs ?? []), hmac] } as KeyRecord;
    platform.order({ kind: 'platform-access', access: { ...access, keys: [rotated] } });
    expect([await untilServed(second), await untilServed(key)]).toEqual(['flex', 'flex']);
  });

  test('a revoked key ends the stream that runs, and the platform’s own key is untouched', async () => {
    await revoke(
      key,
      access.keys.map((record) => ({ ...record, revoked: true })),
    );
    expect(await served(key)).toBe('401 key_revoked');
    expect(await served(platform.state.apiKey)).toBe('ultrafast');
  });

  test('a gateway that is started again knows what was changed', async () => {
    const [pid] = platform.pids('gateway') as [number];
    process.kill(pid, 'SIGKILL');
    await platform.runs('gateway', 1, [pid]);
    await platform.told('gateway listens', 2);
    expect(await served(key)).toBe('401 key_revoked');
  });
});

/** Puts keys in force while a stream of `bearer` runs; resolves when that has ended with `key_revoked`. */
async function revoke(bearer: string, keys: readonly KeyRecord[]): Promise<void> {
  const client = platform.client(bearer);
  const { stream } = await client.open();
  platform.order({ kind: 'platform-access', access: { ...access, keys } });
  expect(await stream.ended()).toMatchObject({ grpc: 16, code: 'key_revoked' });
  client.close();
}

/** Asks again until a change has reached the gateway. */
async function untilServed(bearer: string): Promise<string> {
  const ask = async (): Promise<string> => {
    const said = await served(bearer);
    return said.startsWith('401') ? ask() : said;
  };
  return bounded(ask(), 'a key that is served');
}
