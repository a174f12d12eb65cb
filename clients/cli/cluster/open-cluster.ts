import { join } from 'node:path';
import { OPERATOR_LEASE } from '@reticle/operator/api/access';
import type { Kube, KubeFailure, KubeResult } from '@reticle/operator/cluster';
import type { Look } from '@reticle/operator/control/look';
import type { ParsedArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { Context } from '../context.ts';

/** The flag of every command that speaks to a cluster. */
export const clusterFlags = { kubeconfig: { type: 'string' } } as const;

/** Its line in a command's help. */
export const CLUSTER_HELP = `  --kubeconfig FILE  cluster and user (default: $KUBECONFIG, then ~/.kube/config)`;

/** The kubeconfig that a command shall use. */
export function kubeconfigOf({ variables }: Pick<Context, 'variables'>, given: ParsedArguments): string {
  const named = given.text('kubeconfig') ?? variables['KUBECONFIG'];
  if (named !== undefined && named !== '') return named;
  return join(variables['HOME'] ?? '.', '.kube', 'config');
}

/** Runs `use` with a connection to the cluster, and closes it. Throws what `explained` explains. */
export async function withCluster<T>(
  context: Pick<Context, 'variables' | 'env'>,
  given: ParsedArguments,
  use: (kube: Kube) => Promise<T>,
): Promise<T> {
  const path = kubeconfigOf(context, given);
  if (!(await context.env.disk.exists(path))) throw noKubeconfig(`there is no ${path}`);
  // Loaded on demand: the client library takes longer to load than the other commands to run.
  const { KubeClient } = await import('@reticle/operator/cluster');
  const client = opened(() => new KubeClient({ kubeconfig: path, manager: 'reticle' }), path);
  try {
    return await use(client);
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

function opened<T>(open: () => T, path: string): T {
  try {
    return open();
  } catch (error) {
    // The library throws for YAML that it cannot read and for a context without a cluster.
    throw noKubeconfig(`${path} is not usable: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function noKubeconfig(message: string): CliError {
  const hint = 'Name one with --kubeconfig FILE; `kubectl config view` shows what yours says.';
  return new CliError('kubeconfig', message, { exitCode: exitCodes.config, hint });
}

/** What the operator would see of the cluster at this moment. */
export async function look(kube: Kube, { env }: Pick<Context, 'env'>): Promise<Look> {
  const { lookAt } = await import('@reticle/operator/control/look');
  return answered(await lookAt(kube, env.clock.wallMs(), OPERATOR_LEASE));
}

/** The value of an answer; throws what the server said otherwise. */
export function answered<T>(result: KubeResult<T>): T {
  if (result.ok) return result.value;
  throw refused(result.failure);
}

/** A server's refusal in this command's words. */
export function refused({ kind, status, message }: KubeFailure): CliError {
  const [exitCode, hint] = wayOut(kind);
  const code = status === 0 ? '' : ` (${status})`;
  return new CliError(`cluster_${snake(kind)}`, `the API server said no${code}: ${message}`, { exitCode, hint });
}

function wayOut(kind: KubeFailure['kind']): [exitCode: CliError['exitCode'], hint: string] {
  switch (kind) {
    case 'unauthorized':
      return [exitCodes.auth, 'The credentials of the kubeconfig are not known there: renew them.'];
    case 'forbidden':
      return [exitCodes.auth, 'The user of the kubeconfig may not do that: ask for one of the reticle-* roles.'];
    case 'conflict':
    case 'alreadyExists':
      return [exitCodes.conflict, 'Somebody changed it meanwhile: look again, then repeat the command.'];
    case 'invalid':
    case 'badRequest':
      return [exitCodes.config, 'The API server judged it by the rules of its kind: change what it names.'];
    case 'unreachable':
    case 'timeout':
      return [exitCodes.remote, 'Check the address in the kubeconfig, and whether the API server runs.'];
    default:
      return [exitCodes.remote, 'Try again; look at the API server when it repeats.'];
  }
}

function snake(kind: string): string {
  return kind.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
