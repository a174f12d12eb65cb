import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startedAt } from './cluster-process.ts';

const PREFIX = 'reticle-kube-';
const OWNER = 'owner';

/** A fresh folder for one test cluster, after what killed runs have left behind was ended and removed. */
export function openStateFolder(root = tmpdir()): string {
  clearAbandoned(root);
  const folder = mkdtempSync(join(root, PREFIX));
  writeFileSync(join(folder, OWNER), `${process.pid} ${startedAt(process.pid) ?? ''}`);
  return folder;
}

export function removeStateFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Ends the servers of clusters whose test process is gone, and removes their folders. Returns those folders. */
export function clearAbandoned(root: string): string[] {
  const abandoned = readdirSync(root)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(root, name))
    .filter((folder) => existsSync(join(folder, OWNER)) && !isRunning(join(folder, OWNER)));
  for (const folder of abandoned) {
    for (const name of readdirSync(folder)) {
      if (name.endsWith('.pid') && isRunning(join(folder, name))) process.kill(pidOf(join(folder, name)), 'SIGKILL');
    }
    removeStateFolder(folder);
  }
  return abandoned;
}

function pidOf(file: string): number {
  return Number(readFileSync(file, 'utf8').split(' ', 1)[0]);
}

/** Whether the very process of a record runs: the same number, started at the same time. */
function isRunning(file: string): boolean {
  const [, pid, started] = /^(\d+) (.*)$/.exec(readFileSync(file, 'utf8')) ?? [];
  return pid !== undefined && started !== '' && startedAt(Number(pid)) === started;
}
