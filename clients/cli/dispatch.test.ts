import { describe, expect, test } from '@jest/globals';
import { CliError } from './cli-error.ts';
import { commands as all } from './commands.ts';
import type { Command, Context } from './context.ts';
import { dispatch } from './dispatch.ts';

function run(args: readonly string[], commands: readonly Command[] = all) {
  const written = { out: '', err: '' };
  const terminal = {
    out: (text: string) => void (written.out += text),
    err: (text: string) => void (written.err += text),
  };
  return dispatch({ terminal } as unknown as Context, commands, args).then((exit) => ({ exit, ...written }));
}

const failing = (error: Error): Command => ({
  name: 'fail',
  summary: '',
  help: 'help of fail\n',
  run: () => Promise.reject(error),
});

describe('dispatch', () => {
  test.each(all.map(({ name }) => ({ name })))('$name explains itself with examples', async ({ name }) => {
    const { exit, out, err } = await run([name, '--nonsense', '--help']);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Usage: reticle ${name}[^]*\nExamples:\n  .*reticle `));
  });

  test('lists every command', async () => {
    const { exit, out } = await run(['--help']);
    expect(exit).toBe(0);
    for (const { name, summary } of all) expect(out).toContain(`  ${name.padEnd(12)}${summary}\n`);
    expect(await run([])).toMatchObject({ exit: 2, out });
  });

  test.each([
    { args: ['chta'], wantErr: 'error[usage]: reticle has no command "chta"\nDid you mean `reticle chat`?\n' },
    {
      args: ['frobnicate'],
      wantErr:
        'error[usage]: reticle has no command "frobnicate"\nThere are: up, chat, playground, ps, replay, models, env, key, plan, explain, wafers, drain, operator.\n',
    },
    {
      args: ['chat', '--modle', 'x'],
      wantErr:
        'error[usage]: reticle chat has no flag --modle (did you mean --model?)\n`reticle chat --help` shows what it takes.\n',
    },
  ])('answers $args with exit 2 and the nearest name', async ({ args, wantErr }) => {
    expect(await run(args)).toEqual({ exit: 2, out: '', err: wantErr });
  });

  test('refuses a key before anything runs, and does not repeat it', async () => {
    const { exit, err } = await run(['chat', '--api-key', 'rtk_verysecret']);
    expect(exit).toBe(2);
    expect(err).toMatch(/^error\[credential_in_arguments\]/);
    expect(err).not.toContain('verysecret');
  });

  test('explains what a command throws', async () => {
    const error = new CliError('boom', 'it broke', { exitCode: 6, hint: 'mend it' });
    expect(await run(['fail'], [failing(error)])).toEqual({
      exit: 6,
      out: '',
      err: 'error[boom]: it broke\nmend it\n',
    });
  });

  test('throws a defect on', async () => {
    await expect(run(['fail'], [failing(new Error('invariant: x'))])).rejects.toThrow('invariant: x');
  });

  test('takes --help after -- for an argument', async () => {
    const echo: Command = { ...failing(new Error('x')), run: () => Promise.resolve(7) };
    expect((await run(['fail', '--', '--help'], [echo])).exit).toBe(7);
  });
});
