import type { Diagnostic, Finding, Snapshot, StoredDeployment, StoredReplica } from '@reticle/operator/plan';
import type { DryRun } from '../dry-run/dry-run.ts';
import { poolMaps, type PoolMap } from './pool-map.ts';

/** What one region of a deployment comes to. */
export type RegionOutcome = {
  /** `namespace/name`. */
  readonly deployment: string;
  readonly region: string;
  readonly desired: number;
  readonly placed: number;
  /** S: wafers of a chain; 0 for engines without wafers, absent while no length is chosen. */
  readonly wafers?: number;
  /** N: streams of a chain. */
  readonly streams?: number;
  /** Of the slowest chain. */
  readonly tokensPerSecond?: number;
  /** Streams of all chains. */
  readonly users: number;
  readonly pools: readonly string[];
  readonly noFit: readonly Diagnostic[];
};

/** Where a plan leads, as data. */
export type Outcome = {
  /** Every region has the replicas that it wants, and nothing is blocked. */
  readonly fits: boolean;
  readonly regions: readonly RegionOutcome[];
  readonly pools: readonly PoolMap[];
  /** What else the planner found, in words. */
  readonly notes: readonly string[];
  readonly tookMs: number;
};

/** What a dry run came to. */
export function outcomeOf(run: DryRun): Outcome {
  const { after, findings, noFit, tookMs, settled } = run;
  const regions = [...after.deployments.values()]
    .filter(({ meta }) => meta.deletionMs === undefined)
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap((deployment) => regionsOf(after, deployment, noFit));
  const blocked = findings.some((finding) => finding.kind === 'blocked');
  const notes = [...new Set(findings.map(words))];
  if (!settled) notes.push('the plan had not come to rest when it was cut off: look at the replicas that move');
  const refused = [...after.deployments.values()].flatMap(refusal);
  notes.push(...refused);
  const isCarriedOut = settled && !blocked && refused.length === 0;
  const fits =
    isCarriedOut && regions.every(({ placed, desired, noFit: why }) => placed >= desired && why.length === 0);
  return { fits, regions, pools: poolMaps(after), notes, tookMs };
}

/** What the planner leaves out, and why. */
function refusal(deployment: StoredDeployment): readonly string[] {
  const accepted = deployment.status?.conditions?.find(({ type }) => type === 'Accepted');
  if (accepted?.status !== 'False') return [];
  return [`md/${nameOf(deployment)} is not accepted, ${accepted.reason}: ${accepted.message}`];
}

function nameOf({ meta }: StoredDeployment | StoredReplica): string {
  return `${meta.namespace ?? ''}/${meta.name}`;
}

type Refusals = DryRun['noFit'];

function regionsOf(after: Snapshot, deployment: StoredDeployment, noFit: Refusals): readonly RegionOutcome[] {
  const own = after.replicas.get(deployment.meta.uid) ?? [];
  return deployment.spec.regions.map(({ region }) => {
    const live = own.filter(({ spec }) => spec.region === region && spec.desired === 'Run');
    const placed = live.filter(({ spec }) => spec.fence?.outcome === 'Committed' && spec.plan !== undefined);
    const status = deployment.status?.regions?.find((each) => each.region === region);
    const desired = status?.desired ?? 0;
    const refused = live.flatMap(({ meta }) => noFit.get(meta.uid) ?? []);
    // A length that fits nowhere is told of the deployment, once for all its regions.
    const unsized = live.length < desired ? (noFit.get(deployment.meta.uid) ?? []) : [];
    return {
      deployment: nameOf(deployment),
      region,
      desired,
      placed: placed.length,
      ...figuresOf(live, placed),
      users: placed.reduce((sum, { spec }) => sum + (spec.plan?.predicted.streams ?? 0), 0),
      pools: [...new Set(placed.flatMap(({ spec }) => spec.plan?.pool ?? []))].toSorted(),
      noFit: distinct([...refused, ...unsized]),
    };
  });
}

function figuresOf(
  live: readonly StoredReplica[],
  placed: readonly StoredReplica[],
): Pick<RegionOutcome, 'wafers' | 'streams' | 'tokensPerSecond'> {
  const [any] = live;
  const predicted = placed.flatMap(({ spec }) => spec.plan?.predicted ?? []);
  const slowest = predicted.toSorted((a, b) => a.tokensPerSecond - b.tokensPerSecond)[0];
  const wafers = any === undefined ? undefined : wafersOf(any);
  return {
    ...(wafers === undefined ? {} : { wafers }),
    ...(slowest === undefined ? {} : { streams: slowest.streams, tokensPerSecond: slowest.tokensPerSecond }),
  };
}

function wafersOf({ spec }: StoredReplica): number {
  return spec.inputs.engine.driver === 'WaferSim' ? spec.inputs.shape.wafers : 0;
}

/** Replicas of one deployment lack the same: what is said of one of them is said once. */
function distinct(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const byMeaning = new Map<string, Diagnostic>();
  for (const each of diagnostics) {
    const subject = each.subject.startsWith('mr/') ? '' : each.subject;
    const key = JSON.stringify([each.code, subject, each.detail]);
    if (!byMeaning.has(key)) byMeaning.set(key, each);
  }
  return [...byMeaning.values()];
}

function words(finding: Finding): string {
  switch (finding.kind) {
    case 'noFit':
      return `${finding.subject.name} has no place`;
    case 'blocked':
      return `md/${finding.subject.name} ${finding.reason}: ${finding.detail}`;
    case 'drafterDropped':
      return `mr/${finding.subject.name} runs without its drafter, which has no room on the first wafer`;
    case 'unevenLayers':
      return `mr/${finding.subject.name} has uneven stages: the weakest is ${finding.imbalancePermille} ‰ below the mean`;
    case 'stranded':
      return `wp/${finding.pool} is left with ${finding.wafers} free wafers that no chain of a live deployment can use`;
    case 'earmarked':
      return `wp/${finding.pool} is kept for ${finding.subject}, which has waited longest`;
    case 'preempt':
      return `${finding.subject} could take the place of ${finding.victims.join(', ')} in wp/${finding.pool} (proposed only)`;
    case 'defrag':
      return `${finding.subject} would fit wp/${finding.pool} after moving ${finding.moves.join(', ')} (proposed only)`;
  }
}
