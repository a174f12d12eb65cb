/** What `npm start` prints for clients works as printed. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { environment } from '@reticle/core/process';
import { RunningCommand } from '../kit/running-command.ts';
import { openaiForPython, runClient } from './client-rig.ts';

/** Above the bound of every wait, which says what it waited for. */
jest.setTimeout(60_000);

const ROOT = join(import.meta.dirname, '../..');

const python = await openaiForPython();
const clients = ['curl', 'codex', 'node', ...('python' in python ? ['python3'] : [])];

let platform: RunningCommand;
let folder: string;
let lines: readonly string[];

beforeAll(async () => {
  platform = new RunningCommand(['npm', 'start', '--', '--port', '0', '--http-port', '0']);
  await platform.shows(/Serving until stopped/);
  const [, printed = ''] = /Your own clients.*\n((?: {2}.*\n)+)/.exec(platform.stdout) ?? [];
  lines = printed.split('\n').map((line) => line.trim());
  folder = mkdtempSync(join(tmpdir(), 'reticle-start-'));
  symlinkSync(join(import.meta.dirname, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('the lines for clients that npm start prints', () => {
  test.each(clients)('%s', async (client) => {
    const line = lines.find((each) => each.startsWith(`${client} `)) ?? `the line for ${client} is missing`;
    const path = [join(folder, 'node_modules/.bin'), dirname(process.execPath)];
    if ('python' in python) path.push(dirname(python.python));
    const script = `eval "$(npm run -s reticle -- env 2>/dev/null)"\ncd ${folder}\n${line}\n`;
    const { stdout, stderr, code } = await runClient(['bash', '-euo', 'pipefail', '-c', `cd ${ROOT}\n${script}`], {
      XDG_STATE_HOME: platform.stateHome,
      PATH: [...path, environment()['PATH']].join(':'),
    });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/queue/i);
    expect(stdout).not.toContain('"error":{');
    // What Codex says of a model that its catalog does not have.
    expect(`${stdout}${stderr}`).not.toContain('Model metadata');
  });
});
