import { nearestName } from '@reticle/core/domain';
import { snapshotOf } from '@reticle/operator/plan';
import { drawMaps, poolMaps } from '@reticle/operator/view';
import { parseArguments } from '../arguments.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import { CLUSTER_HELP, clusterFlags, look, withCluster } from '../cluster/open-cluster.ts';
import { longOutput, outputFlags, wantsJson } from '../cluster/output-flag.ts';
import type { Command } from '../context.ts';

export const wafersCommand: Command = {
  name: 'wafers',
  summary: 'maps of the wafer pools of a cluster',
  help: `Usage: reticle wafers [POOL…] [--region REGION] [--kubeconfig FILE] [-o json]

Draws each pool as a row of slots: chains as letters, free wafers, hot spares, faults and empty slots, as the wafers' own
claims and their nodes say it at this moment.

  --region REGION    pools of this region alone
${CLUSTER_HELP}
  -o json            the same as data: each slot with its wafer, replica, stage and fault

Examples:
  reticle wafers
  reticle wafers us-east-p07 --kubeconfig ~/.kube/config
  reticle wafers --region us-east -o json
`,
  async run(context, args) {
    const given = parseArguments(longOutput(args), {
      command: 'reticle wafers',
      options: { ...clusterFlags, ...outputFlags, region: { type: 'string' } },
      rest: true,
    });
    const json = wantsJson(given);
    const region = given.text('region');
    const { facts, unseen } = await withCluster(context, given, (kube) => look(kube, context));
    const all = poolMaps(snapshotOf(facts));
    const names = given.positionals.map((name) => name.replace(/^wp\//, ''));
    for (const name of names) if (!all.some(({ pool }) => pool === name)) throw noPool(name, all);
    const maps = all.filter((map) => {
      return (names.length === 0 || names.includes(map.pool)) && (region === undefined || map.region === region);
    });
    if (unseen.includes('nodes')) context.terminal.err('You may not read nodes: wafers are as their statuses say.\n');
    if (json) context.terminal.out(`${JSON.stringify(maps, undefined, 2)}\n`);
    else context.terminal.out(maps.length === 0 ? 'There is no WaferPool.\n' : `${drawMaps(maps).join('\n')}\n`);
    return exitCodes.ok;
  },
};

function noPool(name: string, all: readonly { readonly pool: string }[]): CliError {
  const names = all.map(({ pool }) => pool);
  const near = nearestName(name, names);
  const hint = near === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean ${near}?`;
  return new CliError('not_found', `there is no WaferPool ${name}`, { exitCode: exitCodes.usage, hint });
}
