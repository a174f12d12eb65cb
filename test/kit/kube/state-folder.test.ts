import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bounded } from '../bounded.ts';
import { startedAt } from './cluster-process.ts';
import { clearAbandoned, openStateFolder } from './state-folder.ts';

let root = '';
let child: ChildProcess | undefined;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reticle-state-test-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(root, { recursive: true });
});

/** A server that nobody would end: it lives until it is killed. */
function server(): { pid: number; exited: Promise<unknown> } {
  child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child?.once('exit', (_, signal) => resolve(signal)));
  return { pid: child.pid ?? 0, exited };
}

/** Process ids end far below this. */
const NOBODY = 2 ** 31 - 1;

describe('clearAbandoned', () => {
  test('ends the servers of a run that is gone, and removes its folder', async () => {
    const folder = openStateFolder(root);
    const { pid, exited } = server();
    writeFileSync(join(folder, 'etcd.pid'), `${pid} ${startedAt(pid)}`);
    writeFileSync(join(folder, 'owner'), `${NOBODY} Thu Jan  1 00:00:00 2026`);
    expect(clearAbandoned(root)).toEqual([folder]);
    expect(await bounded(exited, 'the server’s end')).toBe('SIGKILL');
    expect(existsSync(folder)).toBe(false);
  });

  test('leaves a run alone whose test process lives', () => {
    const folder = openStateFolder(root);
    const { pid } = server();
    writeFileSync(join(folder, 'etcd.pid'), `${pid} ${startedAt(pid)}`);
    expect(clearAbandoned(root)).toEqual([]);
    expect(existsSync(folder)).toBe(true);
    expect(startedAt(pid)).toBeDefined();
  });

  test('ends no process that only has the number of one that is gone', () => {
    const folder = openStateFolder(root);
    const { pid } = server();
    writeFileSync(join(folder, 'etcd.pid'), `${pid} Thu Jan  1 00:00:00 2026`);
    writeFileSync(join(folder, 'owner'), `${process.pid} Thu Jan  1 00:00:00 2026`);
    expect(clearAbandoned(root)).toEqual([folder]);
    expect(startedAt(pid)).toBeDefined();
  });

  test('a folder that is just being made is no abandoned one', () => {
    const half = mkdtempSync(join(root, 'reticle-kube-'));
    expect(clearAbandoned(root)).toEqual([]);
    expect(existsSync(half)).toBe(true);
  });
});
