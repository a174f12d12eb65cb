/** What a run has come to, in words that can be compared with those of another run. */
import type { KubeObject } from '@reticle/operator/cluster';
import type { SimCluster } from '../kit/kube/sim-cluster.ts';

/** Fields that name one run: uids, versions, times, and the data of ConfigMaps, which holds the uid of a replica. */
const ofOneRun: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'observedGeneration',
  'plannedFromGeneration',
  'inventoryRevision',
  'creationTimestamp',
  'lastTransitionTime',
  'requestedAt',
  'retireSince',
  'deadline',
  'reticle.dev/replica-uid',
  'data',
]);

/** Everything that exists, without what names one run. */
export function exactState({ server }: SimCluster): string[] {
  return server
    .objects()
    .map((object) => JSON.stringify(object, (key, value: unknown) => (ofOneRun.has(key) ? undefined : value)));
}

/**
 * What runs, without where and at which epoch: a process that knows little may choose other wafers, and give up a
 * reservation that was as good.
 */
export function servedState(cluster: SimCluster): string[] {
  const wafers = cluster.of('Wafer');
  const held = (uid: string): number => wafers.filter(({ spec }) => claimOf(spec) === uid).length;
  const replicas = cluster.of('ModelReplica').map(({ metadata: { uid }, spec, status }) => {
    const { revision, desired, plan, fence } = spec as ReplicaWords;
    const { phase = '' } = status as { readonly phase?: string };
    return `replica ${revision} ${desired} ${fence?.outcome} ${phase}: ${held(uid)} of ${plan?.stages.length} wafers`;
  });
  const deployments = cluster.of('ModelDeployment').map(({ metadata: { name }, status }) => {
    const { regionsText = '', conditions = [] } = status as DeploymentWords;
    return `deployment ${name} ${regionsText} ${conditions.map(({ type, reason }) => `${type}/${reason}`).join(' ')}`;
  });
  const pods = cluster.of('Pod').map(({ metadata: { labels }, status }) => {
    return `pod of stage ${labels?.['reticle.dev/stage']}: ${JSON.stringify(status, ['conditions', 'status', 'phase'])}`;
  });
  const claims = wafers.filter(({ spec }) => claimOf(spec) !== undefined).length;
  const count = (kind: string): string => `${kind} ${cluster.of(kind).length}`;
  const counts = [count('Wafer'), count('Service'), count('PodDisruptionBudget'), `claims ${claims}`];
  return [...deployments, ...replicas, ...pods.toSorted(), ...counts];
}

type ReplicaWords = {
  readonly revision: string;
  readonly desired: string;
  readonly plan?: { readonly stages: readonly unknown[] };
  readonly fence?: { readonly outcome: string };
};
type DeploymentWords = {
  readonly regionsText?: string;
  readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
};

function claimOf(spec: KubeObject['spec']): string | undefined {
  return (spec as { readonly claim?: { readonly uid: string } }).claim?.uid;
}
