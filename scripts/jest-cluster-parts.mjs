/**
 * Before the suites of `test/cluster`: finds or builds the servers that they start, once and not in each of jest's
 * workers. A part that cannot be had is the suites' own business: a printed line, or an error with `CI=true`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PARTS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kwok',
  'kube-apiserver-1.33',
];

export default function findClusterParts() {
  const get = join(import.meta.dirname, '..', 'core', 'tools', 'get.ts');
  const child = spawn(process.execPath, [get, ...PARTS], { stdio: ['ignore', 'ignore', 'pipe'] });
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.includes(' is not here ')) process.stderr.write(`${line}\n`);
  });
  return new Promise((resolve) => child.once('close', () => resolve()));
}
