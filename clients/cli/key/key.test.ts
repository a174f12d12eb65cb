import { describe, expect, test } from '@jest/globals';
import type { ChildExit } from '@reticle/core/process';
import type { Context } from '../context.ts';
import { dispatch } from '../dispatch.ts';
import { keyCommand } from './command.ts';

const PEPPER = 'p'.repeat(40);

/** Runs the command; its child answers an order with these messages, and ends. */
async function run(args: readonly string[], answers: readonly unknown[] = [], files: Record<string, string> = {}) {
  const written = { out: '', err: '' };
  const sent: unknown[] = [];
  const forked: (readonly string[])[] = [];
  const exited = Promise.withResolvers<ChildExit>();
  const heard: ((message: unknown) => void)[] = [];
  const fork = (_: string, given: readonly string[]) => {
    forked.push(given);
    return {
      onMessage: (listener: (message: unknown) => void) => void heard.push(listener),
      exited: exited.promise,
      send(order: unknown) {
        sent.push(order);
        for (const answer of answers) for (const listener of heard) listener(answer);
        exited.resolve({ code: answers.length === 0 ? 1 : 0, signal: null });
      },
    };
  };
  const readText = async (path: string): Promise<string> => {
    const text = { pepper: `${PEPPER}\n`, ...files }[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  };
  const terminal = {
    out: (text: string) => void (written.out += text),
    err: (text: string) => void (written.err += text),
  };
  const context = { terminal, env: { spawn: { fork }, disk: { readText } } } as unknown as Context;
  const exit = await dispatch(context, [keyCommand], ['key', ...args]);
  return { exit, ...written, sent, forked };
}

const minted = { kind: 'key-minted', id: 'k7q2m4xz', key: 'rtk_prod_x', hmac: 'ab' };

describe('reticle key', () => {
  test('prints the key and its lines; the pepper goes over the channel, not into arguments', async () => {
    const { exit, out, err, sent, forked } = await run(['--pepper-file', 'pepper'], ['noise', minted]);
    expect([exit, err, forked]).toEqual([0, '', [[]]]);
    expect(sent).toEqual([{ kind: 'mint-key', environment: 'prod', pepper: PEPPER }]);
    expect(out).toMatch(/^rtk_prod_x$/m);
    expect(out).toMatch(/^- id: k7q2m4xz\n {2}hmacs: \[ab\]$/m);
    expect(out).not.toContain(PEPPER);
  });

  test('asks for another secret of a key', async () => {
    const { sent } = await run(['--pepper-file', 'pepper', '--env', 'dev', '--id', 'k7q2m4xz'], [minted]);
    expect(sent).toEqual([{ kind: 'mint-key', environment: 'dev', id: 'k7q2m4xz', pepper: PEPPER }]);
  });

  test.each<{
    name: string;
    args: readonly string[];
    files?: Record<string, string>;
    wantExit: number;
    wantErr: RegExp;
  }>([
    { name: 'no file', args: [], wantExit: 2, wantErr: /--pepper-file is missing/ },
    {
      name: 'a file that is gone',
      args: ['--pepper-file', 'gone'],
      wantExit: 3,
      wantErr: /cannot read the secret file gone/,
    },
    {
      name: 'an empty file',
      args: ['--pepper-file', 'empty'],
      files: { empty: '\n' },
      wantExit: 3,
      wantErr: /is empty/,
    },
    {
      name: 'an environment in capitals',
      args: ['--pepper-file', 'pepper', '--env', 'PROD'],
      wantExit: 2,
      wantErr: /--env/,
    },
    { name: 'a short id', args: ['--pepper-file', 'pepper', '--id', 'k7'], wantExit: 2, wantErr: /--id/ },
    {
      name: 'a process that ends',
      args: ['--pepper-file', 'pepper'],
      wantExit: 5,
      wantErr: /no key was made \(status 1\)/,
    },
  ])('refuses $name', async ({ args, files, wantExit, wantErr }) => {
    const { exit, out, err } = await run(args, [], files);
    expect([exit, out]).toEqual([wantExit, '']);
    expect(err).toMatch(wantErr);
    expect(err).not.toContain(PEPPER);
  });
});
