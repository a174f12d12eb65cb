import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalChain } from '@reticle/core/domain';
import { environment } from '@reticle/core/process';
import { bounded, flatChain, startTestPlatform, type TestPlatform } from '../kit/index.ts';
import { pythonWith } from '../kit/python.ts';

/** Lists files when it is asked to, and answers what came of it. */
const script = JSON.stringify([
  {
    lastItem: 'message',
    role: 'user',
    text: 'list the files',
    items: [{ call: { name: 'exec_command', arguments: { cmd: 'ls' } } }],
  },
]);

/**
 * A platform whose model ends its turns by itself, writes code, and calls a tool when asked to.
 *
 * @param others chains beside it
 */
export function startClientPlatform(servedName = 'spark', others: readonly LocalChain[] = []): Promise<TestPlatform> {
  const engine = { tokens: 'code', length: 'natural', script } as const;
  return startTestPlatform({ chains: [flatChain(4_000, { servedName, engine }), ...others] });
}

/** The interpreter; a missing one is an error in CI and a printed line elsewhere. */
export async function openaiForPython(): Promise<{ python: string } | { missing: string }> {
  const wanted = { name: 'openai-3.54.0', packages: ['openai==3.54.0'], variable: 'RETICLE_PYTHON_OPENAI' };
  const found = await pythonWith(wanted);
  if ('missing' in found) {
    if (environment()['CI'] === 'true') throw new Error(found.missing);
    process.stderr.write(`clients: skipped: ${found.missing}\n`);
  }
  return found;
}

export type ClientRun = { readonly stdout: string; readonly stderr: string; readonly code: number | null };

/** Runs a real client as its user does, in a home of its own, until it ends, for `boundMs` at most. */
export async function runClient(
  command: readonly [string, ...string[]],
  variables: Readonly<Record<string, string>>,
  boundMs?: number,
): Promise<ClientRun> {
  const home = mkdtempSync(join(tmpdir(), 'reticle-client-'));
  const [file, ...args] = command;
  const child = spawn(file, args, {
    cwd: home,
    env: { PATH: environment()['PATH'], HOME: home, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    const code = await bounded(ended, () => `the end of ${command.join(' ')}; it said: ${stdout}${stderr}`, boundMs);
    return { stdout, stderr, code };
  } finally {
    child.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  }
}
