import { join } from 'node:path';
import { parseArguments, type ParsedArguments } from '../arguments.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { CLUSTER_HELP, clusterFlags, kubeconfigOf } from '../cluster/open-cluster.ts';
import type { Command, Context } from '../context.ts';

/** A file, not an import: the operator is a process of its own, the same that runs in a cluster. */
const OPERATOR = join(import.meta.dirname, '..', '..', '..', 'operator', 'main', 'operator.ts');
/** It gives the lease up within this; see its own bounds. */
const STOP_MS = 10_000;
const SERVER = /^(nats|tls):\/\/[^\s@/]+\/?$/;
const DIGEST = /@sha256:[0-9a-f]{64}$/;

export const operatorCommand: Command = {
  name: 'operator',
  summary: 'run the operator of a cluster from a shell, for development',
  help: `Usage: reticle operator --image IMAGE --nats URL [--kubeconfig FILE] [--impersonate NAMESPACE/NAME] [--keys-secret NAME] [--namespace NAME]

Runs the same operator that runs in a cluster. It stands for election with it: only the one that holds the lease acts.
Engines run in namespaces with the label reticle.dev/engines=enabled. Logs are JSON lines on standard error; Ctrl+C or
SIGTERM gives the lease up and ends with 0. A lease that is lost ends it with 0, too.

  --image IMAGE      engine image of deployments that name none, by digest: NAME@sha256:…
  --nats URL         NATS server of the cell, as engine pods reach it: nats://host:port
  --keys-secret NAME Secret with nats.seed and engine.key in namespaces of engines (default: reticle-engine)
  --namespace NAME   namespace of the lease (default: reticle-system)
  --impersonate NAMESPACE/NAME
                     act as this service account: the policies of the chart let nobody else write what the operator writes
${CLUSTER_HELP}

Examples:
  reticle operator --image registry.example/reticle@sha256:… --nats nats://nats.reticle-system:4222
  reticle operator --kubeconfig dev.kubeconfig --impersonate reticle-system/reticle-operator --image … --nats …
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle operator',
      options: {
        ...clusterFlags,
        impersonate: { type: 'string' },
        image: { type: 'string' },
        nats: { type: 'string' },
        'keys-secret': { type: 'string' },
        namespace: { type: 'string' },
      },
    });
    const kubeconfig = kubeconfigOf(context, given);
    const settings = settingsOf(given);
    if (!(await context.env.disk.exists(kubeconfig))) {
      const hint = 'Name one with --kubeconfig FILE.';
      throw new CliError('kubeconfig', `there is no ${kubeconfig}`, { exitCode: exitCodes.config, hint });
    }
    return await runOperator(context, ['--kubeconfig', kubeconfig, ...settings]);
  },
};

function settingsOf(given: ParsedArguments): readonly string[] {
  const image = given.text('image');
  const nats = given.text('nats');
  if (image === undefined) throw usageError('--image is missing', 'Name the engine image: NAME@sha256:….');
  if (!DIGEST.test(image))
    throw usageError('--image has no digest', 'Name it as NAME@sha256:…: a tag may come to mean another engine.');
  if (nats === undefined) throw usageError('--nats is missing', 'Name the server of the cell: nats://host:port.');
  if (!SERVER.test(nats)) throw usageError('--nats is nats://host:port, without a credential', 'Correct the flag.');
  const names = ['image', 'nats', 'impersonate', 'keys-secret', 'namespace'] as const;
  return names.flatMap((name) => {
    const value = given.text(name);
    return value === undefined ? [] : [`--${name}`, value];
  });
}

/** Runs it until it ends by itself or a signal ends it; past the bound it is killed. */
async function runOperator({ env, signals }: Context, args: readonly string[]): Promise<number> {
  const child = env.spawn.fork(OPERATOR, args);
  let cancel = (): void => {};
  const stopListening = signals.on(() => {
    child.kill('SIGTERM');
    cancel();
    cancel = env.clock.after(STOP_MS, () => child.kill('SIGKILL'));
  });
  const { code, signal } = await child.exited;
  cancel();
  stopListening();
  if (code === null && signal !== null) return exitCodes.remote;
  return code ?? exitCodes.remote;
}
