/**
 * Before the suites of `test/cluster`: finds or builds the servers that they start, once and not in each of jest's
 * workers. A part that cannot be had is the suites' own business: a printed line, or an error with `CI=true`.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const PARTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl', 'kwok'];

export default function findClusterParts() {
  const get = join(import.meta.dirname, '..', 'core', 'tools', 'get.ts');
  const child = spawn(process.execPath, [get, ...PARTS], { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
