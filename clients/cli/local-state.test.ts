import { describe, expect, test } from '@jest/globals';
import type { Disk } from '@reticle/core/process';
import {
  processStart,
  readLocalState,
  removeLocalState,
  requireLocalState,
  statePath,
  writeLocalState,
  type LocalState,
} from './local-state.ts';

/** Files in memory, with the mode that each was written with. */
function memoryDisk(files: Map<string, { text: string; mode: number }>): Disk {
  return {
    readText: (path) => {
      const file = files.get(path);
      return file === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(file.text);
    },
    writeText: (path, text, mode) => Promise.resolve(void files.set(path, { text, mode })),
    remove: (path) => Promise.resolve(void files.delete(path)),
    exists: (path) => Promise.resolve(files.has(path)),
  };
}

const variables = { HOME: '/home-of-user' };
const PATH = '/home-of-user/.local/state/reticle/local.json';
const state: LocalState = {
  version: 1,
  pid: 42,
  pidStart: '777',
  grpc: '127.0.0.1:5',
  http: '127.0.0.1:7',
  apiKey: 'rtk_secret',
  model: 'm',
  models: ['m'],
  processes: [{ role: 'gateway', pid: 43 }],
};
/** A command may hold blanks and parentheses (proc(5)). */
const stat = (start: string) => `42 (node (x) y) S 1 42 42 0 -1 4194560 1 0 0 0 5 2 0 0 20 0 11 0 ${start} 12345 678`;

function scene(options: { start?: string; alive?: boolean; text?: string } = {}) {
  const files = new Map([[PATH, { text: options.text ?? JSON.stringify(state), mode: 0o600 }]]);
  if (options.start !== undefined) files.set('/proc/42/stat', { text: stat(options.start), mode: 0o444 });
  return { files, options: { disk: memoryDisk(files), variables, isAlive: () => options.alive ?? true } };
}

describe('readLocalState', () => {
  test('gives the state of a process that still runs', async () => {
    expect(await readLocalState(scene({ start: '777' }).options)).toEqual(state);
  });

  test.each([
    { name: 'the process is gone', scene: scene({ alive: false }) },
    { name: 'another process has its id', scene: scene({ start: '778' }) },
    { name: 'the file is no JSON', scene: scene({ text: '{' }) },
    { name: 'the file is null', scene: scene({ text: 'null' }) },
    { name: 'the file is of another version', scene: scene({ text: JSON.stringify({ ...state, version: 2 }) }) },
    { name: 'its processes are no list', scene: scene({ text: JSON.stringify({ ...state, processes: 'x' }) }) },
    { name: 'a field is missing', scene: scene({ text: JSON.stringify({ ...state, apiKey: undefined }) }) },
  ])('gives nothing when $name', async ({ scene: { options } }) => {
    expect(await readLocalState(options)).toBeUndefined();
    await expect(requireLocalState(options)).rejects.toMatchObject({ code: 'not_running', exitCode: 5 });
  });

  test('trusts the process id alone where there is no /proc', async () => {
    expect(await readLocalState(scene().options)).toEqual(state);
  });
});

describe('the file', () => {
  test.each([
    { variables: { HOME: '/h' }, want: '/h/.local/state/reticle/local.json' },
    { variables: { HOME: '/h', XDG_STATE_HOME: '/x' }, want: '/x/reticle/local.json' },
    { variables: { HOME: '/h', XDG_STATE_HOME: '' }, want: '/h/.local/state/reticle/local.json' },
  ])('lies at $want', ({ variables: given, want }) => {
    expect(statePath(given)).toBe(want);
  });

  test('is readable for its owner only', async () => {
    const { files, options } = scene();
    await writeLocalState(options, { ...state, pid: 43 });
    expect(files.get(PATH)).toMatchObject({ mode: 0o600 });
    expect(JSON.parse(files.get(PATH)?.text ?? '')).toMatchObject({ pid: 43 });
  });

  test.each([
    { pid: 42, wantLeft: false },
    { pid: 43, wantLeft: true },
  ])('is removed by its own process alone (pid $pid)', async ({ pid, wantLeft }) => {
    const { files, options } = scene({ start: '777' });
    await removeLocalState(options, pid);
    expect(files.has(PATH)).toBe(wantLeft);
  });

  test('tells a start that the kernel tells', async () => {
    expect(await processStart(scene({ start: '991' }).options.disk, 42)).toBe('991');
  });
});
