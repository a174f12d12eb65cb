import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { environment } from '@reticle/core/process';
import { RunningCommand } from '../kit/running-command.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..', '..');
const PACKAGES = ['proto', 'core', 'sdk'];
const BOUND_MS = 120_000;

describe('the published packages', () => {
  const consumer = mkdtempSync(join(tmpdir(), 'reticle-consumer-'));
  afterAll(() => rmSync(consumer, { recursive: true }));

  test(
    'serve a plain JavaScript program outside this repository, and its types check',
    async () => {
      await run('npm', ['run', '-s', 'pack'], { cwd: ROOT });
      const packed = await Promise.all(
        PACKAGES.map((name) =>
          run('npm', ['pack', '--silent', '--pack-destination', consumer], { cwd: join(ROOT, 'dist', name) }),
        ),
      );
      writeFileSync(
        join(consumer, 'package.json'),
        JSON.stringify({ name: 'consumer', version: '1.0.0', type: 'module' }),
      );
      const archives = packed.map(({ stdout }) => join(consumer, stdout.trim()));
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...archives], {
        cwd: consumer,
      });
      copyFileSync(join(ROOT, 'clients/sdk/example.mjs'), join(consumer, 'example.mjs'));
      writeFileSync(
        join(consumer, 'typed.ts'),
        "import { connect, type Receipt } from '@reticle/sdk';\nexport const cut = async (): Promise<Receipt> => (await connect().createSession({})).turn('x').interrupt();\n",
      );
      await run(
        join(ROOT, 'node_modules/.bin/tsc'),
        ['--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'typed.ts'],
        { cwd: consumer },
      );

      const platform = new RunningCommand(['npm', 'start', '--', '--port', '0']);
      try {
        await platform.shows(/Serving until stopped/);
        const env = new RunningCommand(['npm', 'run', '-s', 'reticle', '--', 'env'], { stateHome: platform.stateHome });
        await env.ended;
        const { stdout } = await run(process.execPath, ['example.mjs'], {
          cwd: consumer,
          env: { ...environment(), ...exportsOf(env.stdout) },
        });
        expect(stdout).toMatch(/kept \d+ of \d+ tokens, \d+ wasted/);
        expect(stdout).toMatch(/successor evaluated \d+ tokens, reused \d+/);
      } finally {
        await platform[Symbol.asyncDispose]();
      }
    },
    BOUND_MS,
  );
});

/** The variables of `export NAME='value'` lines. */
function exportsOf(text: string): Record<string, string> {
  const lines = text.matchAll(/^export (\w+)='?([^'\n]*)'?$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
}
