import { defaultNames, SERVING_MAP } from '@reticle/operator/api/access';
import type { Kube } from '@reticle/operator/cluster';
import { parseArguments, type ParsedArguments } from '../arguments.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { answered, CLUSTER_HELP, clusterFlags, look, withCluster } from '../cluster/open-cluster.ts';
import type { Command, Context } from '../context.ts';
import {
  confirmWrite,
  drainTarget,
  drainWrites,
  type DrainTarget,
  type DrainWrite,
  type Wrong,
} from './drain-writes.ts';

const REASON_LENGTH_MAX = 253;

export const drainCommand: Command = {
  name: 'drain',
  summary: 'move chains away from a pool, a region, a node, or one chain',
  help: `Usage: reticle drain TARGET --reason TEXT [--undo] [--dry-run] [--kubeconfig FILE]
       reticle drain md/NAME --confirm-mass [--namespace NAME] [--kubeconfig FILE]

Writes what makes the operator move chains: it plans a replacement first where wafers allow, hands sessions over, and gives
the wafers back. Chains that have nowhere to go stay until there is room: reticle plan --what-if shows that before.

  wp/NAME            the pool is evacuated: spec.service becomes Evacuate
  region/NAME        every pool of the region
  node/NAME          the node is cordoned; the chain on its wafer moves
  mr/NAME            this replica makes room for another one

  --reason TEXT      why: whoever finds it closed reads this (not for nodes)
  --undo             open it again
  --dry-run          say what would be written, and write nothing
  --confirm-mass     a serving snapshot that loses more than 30 % of a region's replicas is not published until somebody
                     says so: this says so, once, for a deployment
  --namespace NAME   namespace of the operator, with --confirm-mass (default: reticle-system)
${CLUSTER_HELP}

Examples:
  reticle drain wp/us-east-p07 --reason "cooling of hall 7, ticket 4711"
  reticle drain region/us-east --reason "power works" --dry-run
  reticle drain node/host-00a31b
  reticle drain mr/agent-1t-k3fd-q7m2xa-0 --reason "slow since Monday"
  reticle drain wp/us-east-p07 --undo
  reticle drain md/agent-1t --confirm-mass
`,
  async run(context, args) {
    const given = parseArguments(args, {
      command: 'reticle drain',
      options: {
        ...clusterFlags,
        reason: { type: 'string' },
        undo: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        'confirm-mass': { type: 'boolean' },
        namespace: { type: 'string' },
      },
      positionals: ['TARGET'],
    });
    const target = targetOf(given);
    const reason = reasonOf(given, target);
    await withCluster(context, given, async (kube) => {
      const { facts } = await look(kube, context);
      const writes =
        target.kind === 'deployment'
          ? [found(confirmWrite(facts, target, await termOf(kube, given)))]
          : found(drainWrites(facts, target, { reason, undo: given.flag('undo') }));
      await write(context, kube, { writes, isDry: given.flag('dry-run') });
    });
    return exitCodes.ok;
  },
};

function targetOf(given: ParsedArguments): DrainTarget {
  const target = drainTarget(given.positionals[0] ?? '');
  const hint = '`reticle drain --help` shows what can be drained.';
  if ('wrong' in target) throw usageError(target.wrong, hint);
  const confirms = given.flag('confirm-mass');
  if (confirms !== (target.kind === 'deployment')) {
    throw usageError(confirms ? '--confirm-mass is for md/NAME' : `md/${target.name} takes --confirm-mass alone`, hint);
  }
  return target;
}

function reasonOf(given: ParsedArguments, { kind }: DrainTarget): string {
  const reason = given.text('reason') ?? '';
  const needsReason = kind !== 'node' && kind !== 'deployment' && !given.flag('undo');
  if (needsReason && reason === '')
    throw usageError('--reason is missing', 'Whoever finds it closed asks why: say it.');
  if (reason.length <= REASON_LENGTH_MAX) return reason;
  throw usageError(
    `--reason has ${reason.length} characters; ${REASON_LENGTH_MAX} are the most`,
    'Name a ticket instead.',
  );
}

function found<T extends object>(result: T | Wrong): T {
  if (!('wrong' in result)) return result;
  const hint = '`reticle wafers` shows pools, `kubectl get md,mr -A` deployments and replicas.';
  throw new CliError('not_found', result.wrong, { exitCode: exitCodes.usage, hint });
}

/** The number of the present leadership; a confirmation is of one alone. */
async function termOf(kube: Kube, given: ParsedArguments): Promise<string> {
  const { resources } = await import('@reticle/operator/cluster');
  const namespace = given.text('namespace') ?? defaultNames.namespace;
  const map = await kube.get(resources.configMap, { namespace, name: SERVING_MAP });
  const data = map.ok ? (map.value['data'] as Readonly<Record<string, string>> | undefined) : undefined;
  const term = data?.['term'];
  if (term !== undefined && /^\d{1,15}$/.test(term)) return term;
  if (!map.ok && map.failure.kind !== 'notFound') answered(map);
  const hint = 'Name the namespace of the operator with --namespace, or wait until it has published a snapshot.';
  const message = `no operator publishes a snapshot in ${namespace}: there is nothing to confirm`;
  throw new CliError('not_found', message, { exitCode: exitCodes.usage, hint });
}

type Writing = { readonly writes: readonly DrainWrite[]; readonly isDry: boolean };

async function write({ terminal }: Context, kube: Kube, { writes, isDry }: Writing): Promise<void> {
  const { resources } = await import('@reticle/operator/cluster');
  for (const { resource, name, namespace, body, words, chains } of writes) {
    const ref = { name, ...(namespace === undefined ? {} : { namespace }) };
    if (!isDry) answered(await kube.patch(resources[resource], ref, { kind: 'merge', body }));
    terminal.out(`${isDry ? 'would write: ' : ''}${words}\n`);
    for (const chain of chains) terminal.out(`  mr/${chain} moves\n`);
  }
}
