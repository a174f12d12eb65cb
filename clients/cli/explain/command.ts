import { decodeStored, kinds, utcMs } from '@reticle/operator/api';
import type { Kube } from '@reticle/operator/cluster';
import {
  drawExplanation,
  explain,
  namedObject,
  type Evidence,
  type NamedObject,
  type StoredTenant,
} from '@reticle/operator/view';
import { parseArguments, type ParsedArguments } from '../arguments.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { answered, CLUSTER_HELP, clusterFlags, look, withCluster } from '../cluster/open-cluster.ts';
import { longOutput, outputFlags, wantsJson } from '../cluster/output-flag.ts';
import type { Command, Context } from '../context.ts';

export const explainCommand: Command = {
  name: 'explain',
  summary: 'why an object of a cluster is as it is, and what would change it',
  help: `Usage: reticle explain KIND/NAME [-n NAMESPACE] [--kubeconfig FILE] [-o json]

Walks from the object's own word (its first bad condition) down to what it rests on: a deployment's replicas, their noFit
codes, pods and wafers, the pool, its phase and the gates that hold it back. Then what would change it, what each reason
asks of you, and how fresh all of it is. It reads the API server alone, so it works with the operator down. Exit 0 also
when the object is not well: the explanation is the answer.

KIND is md, mr, wp, wf, cph, at, tn, mdl or wc, or the long name of one.

  -n NAMESPACE       namespace of the object (default: the one that has it)
${CLUSTER_HELP}
  -o json            the same as data

Examples:
  reticle explain md/agent-1t
  reticle explain wp/us-east-p07 --kubeconfig ~/.kube/config
  reticle explain mr/agent-1t-k3fd-q7m2xa-1 -n reticle-models -o json
`,
  async run(context, args) {
    const short = longOutput(args).map((arg) => (arg === '-n' ? '--namespace' : arg));
    const given = parseArguments(short, {
      command: 'reticle explain',
      options: { ...clusterFlags, ...outputFlags, namespace: { type: 'string' } },
      positionals: ['KIND/NAME'],
    });
    const named = subjectOf(given);
    const json = wantsJson(given);
    const evidence = await withCluster(context, given, (kube) => evidenceFrom(context, kube, named));
    const explanation = explain(evidence, named);
    if ('wrong' in explanation) {
      const near = explanation.near ?? [];
      const hint = near.length === 0 ? '`kubectl get reticle -A` lists all objects.' : `There are: ${near.join(', ')}.`;
      throw new CliError('not_found', explanation.wrong, { exitCode: exitCodes.usage, hint });
    }
    context.terminal.out(json ? `${JSON.stringify(explanation, undefined, 2)}\n` : drawExplanation(explanation));
    return exitCodes.ok;
  },
};

function subjectOf(given: ParsedArguments): NamedObject {
  const named = namedObject(given.positionals[0] ?? '');
  if ('wrong' in named) throw usageError(named.wrong, '`reticle explain --help` shows the kinds.');
  if (named.kind === 'Node') throw usageError('a node is not explained', 'Ask for its wafer: reticle explain wf/NAME.');
  const namespace = given.text('namespace');
  return namespace === undefined ? named : { ...named, namespace };
}

async function evidenceFrom(context: Context, kube: Kube, { kind }: NamedObject): Promise<Evidence> {
  const { facts, unreadable, unseen, leaseRenewed } = await look(kube, context);
  return {
    facts,
    // The operator plans without tenants, so a look holds none.
    tenants: kind === 'Tenant' ? await tenantsFrom(kube) : [],
    unreadable,
    unseen,
    operatorSeenMs: leaseRenewed === undefined ? undefined : utcMs(leaseRenewed),
  };
}

async function tenantsFrom(kube: Kube): Promise<readonly StoredTenant[]> {
  const { resources } = await import('@reticle/operator/cluster');
  const { items } = answered(await kube.list(resources.tenant));
  return items.flatMap((item) => decodeStored(kinds.Tenant, item).ok ?? []);
}
