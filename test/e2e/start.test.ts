import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { allGone, RunningCommand, type RunOptions } from '../kit/running-command.ts';

const BOUND_MS = 60_000;
const running: RunningCommand[] = [];

function run(command: readonly [string, ...string[]], options: RunOptions = {}): RunningCommand {
  const started = new RunningCommand(command, options);
  running.push(started);
  return started;
}

/** A platform that serves; its gateway and engine are up. */
async function serving(): Promise<RunningCommand> {
  const platform = run(['npm', 'start', '--', '--port', '0']);
  await platform.shows(/Serving until stopped/);
  return platform;
}

const reticle = (platform: RunningCommand, args: readonly string[], input = ''): RunningCommand =>
  run(['npm', 'run', '-s', 'reticle', '--', ...args], { stateHome: platform.stateHome, input });

afterEach(async () => {
  for (const command of running.splice(0)) await command[Symbol.asyncDispose]();
});

describe('npm start', () => {
  test(
    '--once shows a stream, a receipt and a redirect, and ends with nothing left',
    async () => {
      const platform = run(['npm', 'start', '--', '--once', '--port', '0']);
      await platform.shows(/Reticle runs at/);
      const family = platform.processes();
      expect(await platform.ended).toBe(0);
      expect(platform.stdout).toMatch(/interrupt: +generated \d+ · delivered \d+ · kept 2\d\d · wasted \d+/);
      expect(platform.stdout).toMatch(/redirect: +generated \d+/);
      expect(platform.stdout).toMatch(/successor prefilled \d+ tokens, reused \d+/);
      expect(platform.stdout).toMatch(/\d+ tokens billed/);
      expect(platform.stdout).not.toMatch(/rtk_/);
      await allGone(family);
      expect(existsSync(join(platform.stateHome, 'reticle', 'local.json'))).toBe(false);
    },
    BOUND_MS,
  );

  test.each([
    { signal: 'SIGTERM' as const, to: 'npm' },
    { signal: 'SIGINT' as const, to: 'npm' },
    { signal: 'SIGKILL' as const, to: 'the command' },
    { signal: 'SIGKILL' as const, to: 'the supervisor' },
  ])(
    '$signal to $to leaves no process',
    async ({ signal, to }) => {
      const platform = await serving();
      const family = platform.processes();
      expect(family.length).toBeGreaterThanOrEqual(5);
      const target = { npm: 0, 'the command': 1, 'the supervisor': 2 }[to] ?? 0;
      process.kill(family[target] ?? 0, signal);
      await allGone(family);
      await platform.ended;
    },
    BOUND_MS,
  );
});

describe('commands beside a running platform', () => {
  test(
    'env, chat in a pipe, models, replay, and a second up',
    async () => {
      const platform = await serving();
      const state = statSync(join(platform.stateHome, 'reticle', 'local.json'));
      expect(state.mode & 0o777).toBe(0o600);

      const env = reticle(platform, ['env']);
      expect(await env.ended).toBe(0);
      expect(env.stdout).toMatch(/^export RETICLE_GRPC='?127\.0\.0\.1:\d+'?$/m);
      expect(env.stdout).toMatch(/^export RETICLE_API_KEY='?rtk_/m);

      const chat = reticle(platform, ['chat'], 'write a queue\n');
      expect(await chat.ended).toBe(0);
      expect(chat.stdout).toContain('queue');
      expect(chat.stderr).toMatch(/tokens\/s/);

      const models = reticle(platform, ['models']);
      expect(await models.ended).toBe(0);
      expect(models.stdout).toContain('spark-ref');

      const trace = 'examples/traces/azure-code-sample.csv';
      const replay = reticle(platform, ['replay', trace, '--limit', '40', '--speed', '20']);
      expect(await replay.ended).toBe(0);
      expect(replay.stdout).toMatch(/lost\s+0/);
      expect(replay.stdout).toMatch(/doubled\s+0/);

      const second = reticle(platform, ['up', '--once']);
      expect(await second.ended).toBe(6);
      expect(second.stderr).toMatch(/runs already/);
    },
    BOUND_MS,
  );

  test.each([
    { name: 'an unknown command', args: ['chatt'], code: 2, says: /chat/ },
    { name: 'an unknown flag', args: ['up', '--onse'], code: 2, says: /--once/ },
    {
      name: 'a key on the command line',
      args: ['chat', '--api-key', 'rtk_x'],
      code: 2,
      says: /RETICLE_API_KEY|api-key/,
    },
    { name: 'no platform', args: ['chat'], code: 5, says: /reticle up|npm start/ },
    { name: 'a folder without manifests', args: ['up', '--manifests', 'docs/adr'], code: 3, says: /manifest/ },
  ])(
    '$name exits $code and says what to do',
    async ({ args, code, says }) => {
      const command = run(['npm', 'run', '-s', 'reticle', '--', ...args]);
      expect(await command.ended).toBe(code);
      expect(command.stderr).toMatch(says);
    },
    BOUND_MS,
  );
});
