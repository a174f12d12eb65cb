import { spawn } from 'node:child_process';
import { environment } from '@reticle/core/process';
import { bounded } from '../bounded.ts';
import { requirePart } from '../parts.ts';
import type { ApiServer } from './api-server.ts';

export type KubectlResult = { readonly code: number; readonly stdout: string; readonly stderr: string };
/** Runs one command against the cluster; `input` goes to its standard input. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<KubectlResult>;

const COMMAND_MS_MAX = 60_000;

/** kubectl of the pinned version for a test cluster; ask `requirePart('kubectl')` before, and skip without. */
export async function kubectlFor(cluster: Pick<ApiServer, 'kubeconfig'>): Promise<Kubectl> {
  const path = await requirePart('kubectl');
  if (path === undefined) throw new Error('kubectl is missing');
  return (args, input = '') => bounded(run(path, cluster.kubeconfig, { args, input }), args.join(' '), COMMAND_MS_MAX);
}

async function run(
  path: string,
  kubeconfig: string,
  { args, input }: { readonly args: readonly string[]; readonly input: string },
): Promise<KubectlResult> {
  const child = spawn(path, [`--kubeconfig=${kubeconfig}`, ...args], { env: environment() });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('close', (status) => resolve(status ?? 1));
    child.once('error', reject);
  });
  return { code, ...output };
}
