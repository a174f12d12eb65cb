import type { DeclaredObject } from '@reticle/operator/api';
import { poolChange } from '@reticle/operator/control/pools';
import type { Facts } from '@reticle/operator/plan';
import { drawOutcome, dryRun, outcomeOf, parseWhatIf, suppose, type Sight, type WhatIf } from '@reticle/operator/view';
import { utcMs } from '@reticle/operator/api';
import { parseArguments, type ParsedArguments } from '../arguments.ts';
import { CliError, exitCodes, usageError } from '../cli-error.ts';
import { clusterFlags, look, withCluster } from '../cluster/open-cluster.ts';
import { longOutput, outputFlags, wantsJson } from '../cluster/output-flag.ts';
import type { Command, Context } from '../context.ts';
import { listDirectory } from '../manifests/list-directory.ts';
import { loadObjects } from '../manifests/load-manifests.ts';
import { declaredOf } from './declared-of.ts';

/** Something wanted has no place, or may not be done. */
const DOES_NOT_FIT = 1;

export const planCommand: Command = {
  name: 'plan',
  summary: 'where manifests would lead: wafers, chains, and what does not fit',
  help: `Usage: reticle plan [FILE…] [--kubeconfig FILE] [--what-if CHANGE]… [--at TIME] [-o json]

Runs the operator's own planner in memory until it has nothing left to do, and draws where it ended: the pools with their
chains, the replicas of each deployment and region with wafers (S), streams (N) and tokens per second of a chain, and for
each replica without a place every reason with the nearest values that would fit. It writes nothing.

FILE is a manifest or a folder of them. Without --kubeconfig they are all there is, and hosts are assumed to be there and
sound; with it, they are laid over the cluster as if they were applied. Exit 0 when all fits, 1 when something does not.

  --kubeconfig FILE  plan on the objects of this cluster
  --what-if CHANGE   suppose something else, as often as you like:
                       md/NAME.FIELD=VALUE        any field of a spec; null takes it away
                       cph/NAME=Online            a phase is in this state
                       node/NAME=gone             or notready, cordoned, ready
                       wf/NAME=unhealthy          or healthy
  --at TIME          dates of phases as of this day (default: now)
  -o json            the same as data

Examples:
  reticle plan examples/one-region
  reticle plan examples/one-region --what-if md/agent-1t.regions.us-east.replicas=4
  reticle plan --kubeconfig ~/.kube/config --what-if node/host-00a31b=gone
  reticle plan new-deployment.yaml --kubeconfig ~/.kube/config -o json
`,
  async run(context, args) {
    const given = parseArguments(longOutput(args), {
      command: 'reticle plan',
      options: { ...clusterFlags, ...outputFlags, 'what-if': { type: 'string' }, at: { type: 'string' } },
      rest: true,
    });
    if (given.positionals.length === 0 && given.text('kubeconfig') === undefined) {
      throw usageError('reticle plan needs FILE, --kubeconfig, or both', '`reticle plan --help` shows what it takes.');
    }
    const json = wantsJson(given);
    const whatIfs = given.texts('what-if').map(whatIf);
    const sight = await sightOf(context, given);
    const files = { disk: context.env.disk, list: listDirectory };
    const beside = declaredOf(sight.facts.objects);
    const paths = given.positionals;
    const declared = paths.length === 0 ? [] : await loadObjects(paths, files, beside);
    const { fits, text } = planned(sight, { declared, whatIfs, json });
    context.terminal.out(text);
    return fits ? exitCodes.ok : DOES_NOT_FIT;
  },
};

type Wanted = {
  readonly declared: readonly DeclaredObject[];
  readonly whatIfs: readonly WhatIf[];
  readonly json: boolean;
};

function planned(sight: Sight, { declared, whatIfs, json }: Wanted): { readonly fits: boolean; readonly text: string } {
  const supposed = suppose(sight, { declared, whatIfs, wafersOf: poolChange });
  if ('wrong' in supposed) {
    const hint = '`reticle plan --help` shows what can be supposed.';
    throw new CliError('what_if', supposed.wrong, { exitCode: exitCodes.config, hint });
  }
  const { facts, assumptions } = supposed;
  const outcome = outcomeOf(dryRun(facts));
  const data = { ...outcome, assumptions };
  const text = json ? `${JSON.stringify(data, undefined, 2)}\n` : drawOutcome(outcome, assumptions);
  return { fits: outcome.fits, text };
}

function whatIf(text: string): WhatIf {
  const read = parseWhatIf(text);
  if ('wrong' in read)
    throw usageError(`--what-if: ${read.wrong}`, '`reticle plan --help` shows what can be supposed.');
  return read;
}

async function sightOf(context: Context, given: ParsedArguments): Promise<Sight> {
  const nowMs = timeOf(given.text('at')) ?? context.env.clock.wallMs();
  if (given.text('kubeconfig') === undefined) return { facts: emptyFacts(nowMs), hosts: [] };
  const { facts, hosts } = await withCluster(context, given, (kube) => look(kube, context));
  return { facts: { ...facts, nowMs }, hosts };
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? utcMs(`${text}T00:00:00Z`) : TIME.test(text) ? utcMs(text) : undefined;
  if (ms === undefined)
    throw usageError(`--at "${text}" is no time`, 'Write it as 2027-05-01 or 2027-05-01T12:00:00Z.');
  return ms;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function emptyFacts(nowMs: number): Facts {
  const none = { objects: [], nodes: [], wafers: [], pods: [], children: [] };
  return { nowMs, ...none, presence: [], loads: [], scales: [], phases: [] };
}
