/** The walk of docs/reference/authentication.md: a pepper, a key, a tenant, and the end of a stream when it is revoked. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bounded, HttpClient, sseEvents } from '../kit/index.ts';
import { RunningCommand } from '../kit/running-command.ts';

const BOUND_MS = 60_000;
const ROOT = join(import.meta.dirname, '..', '..');
const running: RunningCommand[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reticle-access-'));
  cpSync(join(ROOT, 'examples', 'access'), folder, { recursive: true });
  cpSync(join(ROOT, 'examples', 'local'), join(folder, 'local'), { recursive: true });
});
afterEach(async () => {
  for (const command of running.splice(0)) await command[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function reticle(...args: readonly string[]): RunningCommand {
  const started = new RunningCommand(['npm', 'run', '-s', 'reticle', '--', ...args]);
  running.push(started);
  return started;
}

const TENANTS = 'manifests/tenants.yaml';

function edit(name: string, from: string, to: string): void {
  const text = readFileSync(join(folder, name), 'utf8');
  expect(text).toContain(from);
  writeFileSync(join(folder, name), text.replace(from, to));
}

/** A tenant's key, as the page makes it. */
async function mintedKey(): Promise<string> {
  writeFileSync(join(folder, 'pepper'), `${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 });
  const minting = reticle('key', '--pepper-file', join(folder, 'pepper'));
  expect(await minting.ended).toBe(0);
  const key = /^rtk_prod_\w+$/m.exec(minting.stdout)?.[0] ?? '';
  const lines = /^- id: .*\n {2}hmacs: .*$/m.exec(minting.stdout)?.[0] ?? '';
  edit(TENANTS, '  keys: []\n', `  keys:\n${lines.replaceAll(/^/gm, '    ')}\n`);
  return key;
}

test(
  'a minted key is served in its tier, and revoking it in its file ends its stream',
  async () => {
    const key = await mintedKey();
    // Answers that last until somebody ends them.
    edit('local/model-deployment.yaml', '      tokens: code', '      tokens: code\n      length: max');
    const manifests = `${join(folder, 'local')},${join(folder, 'manifests')}`;
    const ports = ['--port', '0', '--http-port', '0', '--metrics-port', '0'];
    const platform = reticle(
      'up',
      '--manifests',
      manifests,
      '--gateway-config',
      join(folder, 'gateway.yaml'),
      ...ports,
    );
    await platform.shows(/Serving until stopped/);
    expect(platform.stdout).toContain('  2 tenants (acme, globex); 1 key\n');
    expect(platform.stdout + platform.stderr).not.toContain(key);

    const state = readFileSync(join(platform.stateHome, 'reticle', 'local.json'), 'utf8');
    const { http } = JSON.parse(state) as { readonly http: string };
    const client = new HttpClient(`http://${http}`, key);
    const body = { model: 'spark-ref', input: 'Hi', stream: true, max_output_tokens: 120_000 };
    const response = await client.post('/v1/responses', body);
    expect([response.status, response.headers.get('x-reticle-served-tier')]).toEqual([200, 'fast']);
    const events = sseEvents(response);
    expect((await bounded(events.next(), 'an event')).done).toBe(false);

    edit(TENANTS, '      hmacs:', '      revoked: true\n      hmacs:');
    const types: string[] = [];
    for await (const { type } of events) types.push(type);
    expect(types.at(-1)).toBe('response.failed');
    await platform.shows(/tenants and keys were read again/);
    const refused = await client.get('/v1/models');
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 'key_revoked' } }]);

    edit(TENANTS, 'kind: Tenant', 'kind: Tenent');
    await platform.shows(/tenants\.yaml.*"Tenent" is not a kind here[^]*tenants and keys stay as they were/);
  },
  BOUND_MS,
);

test(
  'keys without a pepper are refused before anything starts',
  async () => {
    await mintedKey();
    const up = reticle(
      'up',
      '--manifests',
      `${join(ROOT, 'examples', 'local')},${join(folder, 'manifests')}`,
      '--once',
    );
    expect(await up.ended).toBe(3);
    expect(up.stderr).toMatch(/Tenant\/acme {2}pepperFile {2}is missing/);
  },
  BOUND_MS,
);
