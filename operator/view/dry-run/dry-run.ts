import {
  plan,
  PlanMemo,
  type Diagnostic,
  type Facts,
  type Finding,
  type Snapshot,
  type StoredReplica,
} from '@reticle/operator/plan';
import { DryCluster } from './dry-cluster.ts';

/** Where the planner comes to rest when every write stands and every engine comes up. */
export type DryRun = {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly findings: readonly Finding[];
  /** Why replicas have no place, by the uid of the replica, or of the deployment when no chain length fits. */
  readonly noFit: ReadonlyMap<string, readonly Diagnostic[]>;
  /** From the first write to the last one, by the planner's own waits (bakes, drains). */
  readonly tookMs: number;
  /** False: the planner was still at it after {@link PASSES_MAX} passes or {@link HORIZON_MS}. */
  readonly settled: boolean;
};

/** A replica takes some ten passes; rollouts and drains go one by one. */
const PASSES_MAX = 5_000;
/** Longest that a bake, a drain and a park may take one after the other, several times over. */
const HORIZON_MS = 7 * 86_400_000;

/** Plans, does what was planned, and plans again, until there is nothing to do. */
export function dryRun(facts: Facts): DryRun {
  const cluster = new DryCluster(facts);
  const before = cluster.snapshot;
  const memo = new PlanMemo();
  const lasting = new Map<string, Finding>();
  let lastMs = facts.nowMs;
  for (let passes = 0; passes < PASSES_MAX; passes += 1) {
    const planned = plan(cluster.snapshot, memo);
    for (const finding of planned.findings) if (isOfPlacement(finding)) lasting.set(JSON.stringify(finding), finding);
    if (cluster.apply(planned.actions)) {
      lastMs = cluster.snapshot.nowMs;
      continue;
    }
    const wakeAtMs = isMoving(cluster) ? planned.wakeAtMs : undefined;
    if (wakeAtMs === undefined || wakeAtMs > facts.nowMs + HORIZON_MS) {
      const { after, findings, noFit } = ended(cluster, [...lasting.values()], planned.findings);
      return { before, after, findings, noFit, tookMs: lastMs - facts.nowMs, settled: wakeAtMs === undefined };
    }
    cluster.advance(wakeAtMs);
  }
  const { after, findings, noFit } = ended(cluster, [...lasting.values()], plan(cluster.snapshot, memo).findings);
  return { before, after, findings, noFit, tookMs: lastMs - facts.nowMs, settled: false };
}

type Ended = Pick<DryRun, 'after' | 'findings' | 'noFit'>;

function ended(cluster: DryCluster, lasting: readonly Finding[], last: readonly Finding[]): Ended {
  const noFit = new Map<string, readonly Diagnostic[]>();
  for (const finding of last) {
    if (finding.kind === 'noFit') noFit.set(finding.subject.uid, finding.diagnostics);
  }
  const findings = [...lasting, ...last.filter((finding) => !isOfPlacement(finding) && finding.kind !== 'noFit')];
  return { after: cluster.snapshot, findings, noFit };
}

/** Said once, in the pass that places the chain. */
function isOfPlacement({ kind }: Finding): boolean {
  return kind === 'drafterDropped' || kind === 'unevenLayers' || kind === 'stranded';
}

const resting = new Set<string | undefined>(['Ready', 'NoFit']);

/** Whether time alone may change something: a chain that drains, bakes or is being repaired. What has no place waits for wafers. */
function isMoving(cluster: DryCluster): boolean {
  const objects = cluster.objects();
  const replicas = objects.filter((object) => object.kind === 'ModelReplica');
  if (replicas.some(({ status }) => !resting.has(status?.phase))) return true;
  const unplaced = new Set(replicas.filter(({ status }) => status?.phase === 'NoFit').map(deploymentOf));
  return objects.some((object) => {
    if (object.kind !== 'ModelDeployment' || unplaced.has(object.meta.uid)) return false;
    const own = replicas.filter((replica) => deploymentOf(replica) === object.meta.uid);
    return own.some(({ spec }) => spec.revision !== object.status?.updatedRevision);
  });
}

function deploymentOf({ spec }: StoredReplica): string {
  return spec.deployment.uid;
}
