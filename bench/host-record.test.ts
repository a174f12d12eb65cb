import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { commitOf, hostClass, sourcesDigest } from './host-record.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

const folders: string[] = [];
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true })));

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'reticle-bench-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

describe('hostClass', () => {
  test.each([
    { cpu: 'AMD EPYC', cores: 2, want: 'amd-epyc-2c' },
    { cpu: 'Intel(R) Xeon(R) CPU @ 2.20GHz', cores: 8, want: 'intel-r-xeon-r-cpu-2-20ghz-8c' },
  ])('of $cpu is $want', ({ want, ...host }) => {
    expect(hostClass(host)).toBe(want);
  });
});

describe('commitOf', () => {
  test.each([
    { name: 'a branch', files: { '.git/HEAD': 'ref: refs/heads/main\n', '.git/refs/heads/main': `${COMMIT}\n` } },
    {
      name: 'a packed branch',
      files: { '.git/HEAD': 'ref: refs/heads/main\n', '.git/packed-refs': `# pack\n${COMMIT} refs/heads/main\n` },
    },
    { name: 'a detached head', files: { '.git/HEAD': `${COMMIT}\n` } },
  ])('of $name', ({ files }) => {
    expect(commitOf(folder(files))).toBe(COMMIT.slice(0, 12));
  });

  test.each([
    { name: 'a branch without commits', files: { '.git/HEAD': 'ref: refs/heads/main\n' } },
    { name: 'a folder that is no checkout', files: { 'a.txt': '' } },
  ])('of $name says so', ({ files }) => {
    expect(commitOf(folder(files))).toBe('uncommitted');
  });
});

describe('sourcesDigest', () => {
  const sources = {
    'bench/a.ts': '1',
    'clients/sdk/a.ts': '1',
    'core/a.ts': '1',
    'proto/a.proto': '1',
    'services/a.ts': '1',
  };
  const digest = sourcesDigest(folder(sources));

  test.each([
    { name: 'a source', change: { 'core/a.ts': '2' }, wantSame: false },
    { name: 'a new source', change: { 'core/deep/b.ts': '1' }, wantSame: false },
    { name: 'a contract', change: { 'proto/a.proto': '2' }, wantSame: false },
    { name: 'a test', change: { 'core/a.test.ts': '2' }, wantSame: true },
    { name: 'a result', change: { 'bench/results/a.json': '2' }, wantSame: true },
  ])('after a change of $name is the same: $wantSame', ({ change, wantSame }) => {
    expect(sourcesDigest(folder({ ...sources, ...change })) === digest).toBe(wantSame);
  });
});
