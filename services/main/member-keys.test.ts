import { describe, expect, test } from '@jest/globals';
import { isRandomId } from '@reticle/core/domain';
import type { Disk } from '@reticle/core/process';
import { seededRandom } from '@reticle/core/flow';
import { freshKeys, keptKeys, stateFolder } from './member-keys.ts';

type Written = { readonly text: string; readonly mode: number };

function diskOf(files: Map<string, Written>): Disk {
  return {
    exists: (path) => Promise.resolve(files.has(path)),
    readText: (path) => Promise.resolve(files.get(path)?.text ?? ''),
    writeText: (path, text, mode) => Promise.resolve(void files.set(path, { text, mode })),
    remove: (path) => Promise.resolve(void files.delete(path)),
  };
}

const random = seededRandom(11);

describe('keys of members', () => {
  test('are one per name, and ids are well formed', () => {
    const keys = freshKeys({ random });
    const names = ['gateway/0', 'gateway/1', 'host/0/0'];
    const all = names.flatMap((name) => [keys.idOf(name), keys.nkeyOf(name).seed, keys.nkeyOf(name).publicKey]);
    expect(new Set(all).size).toBe(9);
    for (const name of names) {
      expect(isRandomId(keys.idOf(name))).toBe(true);
      expect(keys.nkeyOf(name)).toEqual(keys.nkeyOf(name));
    }
  });

  test('of two runs differ', () => {
    const [first, second] = [freshKeys({ random }), freshKeys({ random })];
    expect(first.nkeyOf('gateway/0').seed).not.toBe(second.nkeyOf('gateway/0').seed);
    expect(first.idOf('host/0/0')).not.toBe(second.idOf('host/0/0'));
  });

  test('that are kept are the same in the next run, in a file for this user alone', async () => {
    const files = new Map<string, Written>();
    const env = { disk: diskOf(files), random };
    const first = await keptKeys(env, '/state');
    const second = await keptKeys(env, '/state');
    expect([...files].map(([path, { mode }]) => [path, mode])).toEqual([['/state/nats.secret', 0o600]]);
    expect(second.nkeyOf('gateway/0')).toEqual(first.nkeyOf('gateway/0'));
    expect(second.idOf('host/0/0')).toBe(first.idOf('host/0/0'));
    expect([...files.values()][0]?.text).not.toContain(first.nkeyOf('gateway/0').seed);
  });

  test.each(['', 'short\n', `${'g'.repeat(64)}\n`, `${'a'.repeat(64)}\nmore`])(
    'are not made of a file that holds %j, which is left as it is',
    async (text) => {
      const files = new Map([['/state/nats.secret', { text, mode: 0o600 }]]);
      await expect(keptKeys({ disk: diskOf(files), random }, '/state')).rejects.toThrow('/state/nats.secret');
      expect(files.get('/state/nats.secret')?.text).toBe(text);
    },
  );
});

test.each([
  { environment: { XDG_STATE_HOME: '/s', HOME: '/h' }, want: '/s/reticle' },
  { environment: { HOME: '/h' }, want: '/h/.local/state/reticle' },
])('the state folder is $want', ({ environment, want }) => {
  expect(stateFolder(environment)).toBe(want);
});
